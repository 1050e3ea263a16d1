/** Thrown when an answer needs more steps than the budget allows. */
export class BudgetExceeded extends Error {}

/**
 * The number of elementary steps that one judgement may take. Counting steps instead of reading a clock keeps verdicts
 * deterministic: an answer times out either on every machine or on none.
 */
export interface Budget {
  /** Spends steps; call it before doing the work. Throws `BudgetExceeded` if too few are left. */
  spend(steps: number): void;
}

/** Creates a budget of `steps` steps; one step takes roughly 50 ns. */
export function createBudget(steps: number): Budget {
  let left = steps;
  return {
    spend(cost) {
      left -= cost;
      if (left < 0) throw new BudgetExceeded();
    },
  };
}
