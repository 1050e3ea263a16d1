/** Thrown inside the verifier when an answer asks for more work than any honest answer needs. */
export class BudgetExceeded extends Error {}

/**
 * The number of elementary steps one judgement may cost. Counting work instead of reading a clock keeps verdicts
 * deterministic: the same answer times out on every machine or on none.
 */
export interface Budget {
  /** Pays for work about to be done; throws `BudgetExceeded` when the purse is empty. */
  spend(steps: number): void;
}

/** A purse of `steps` steps; one step is worth roughly 50 ns. */
export function createBudget(steps: number): Budget {
  let left = steps;
  return {
    spend(cost) {
      left -= cost;
      if (left < 0) throw new BudgetExceeded();
    },
  };
}
