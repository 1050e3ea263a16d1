/**
 * Returns whether training on sequences of `positions` tokens fits a budget, according to the engine's memory model.
 */
export type FitsMemory = (positions: number, budgetBytes: number) => boolean;

/** A training setup that does not fit its budget. */
export interface TooLarge {
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Whether `sampling.maxTokens` limits the answers of all stages; otherwise no shorter answers are proposed. */
  readonly isLimitShared: boolean;
  readonly budgetBytes: number;
  /** Memory of the machine in bytes; no larger budget is proposed. */
  readonly machineBytes: number;
}

/** Step between proposed budgets, in bytes. */
const budgetStep = 64 * 2 ** 20;

/**
 * Proposes changes to a recipe that make training fit into memory: a larger budget, or shorter answers. Checks each
 * with the engine's own memory model. Returns assignments for `--set`; empty if neither helps.
 */
export function changesThatFit(
  fits: FitsMemory,
  { promptTokens, answerTokens, isLimitShared, budgetBytes, machineBytes }: TooLarge,
): string[] {
  const positions = promptTokens + answerTokens;
  const steps = least(Math.ceil(budgetBytes / budgetStep), Math.floor(machineBytes / budgetStep), (count) =>
    fits(positions, count * budgetStep),
  );
  // The longest answer that fits is one token shorter than the shortest answer that does not fit.
  const tooLong = isLimitShared
    ? least(1, answerTokens, (tokens) => !fits(promptTokens + tokens, budgetBytes))
    : undefined;
  return [
    ...(steps === undefined ? [] : [`policy.engine.memoryBudget=${(steps * budgetStep) / 2 ** 20}MiB`]),
    ...(tooLong === undefined || tooLong === 1 ? [] : [`sampling.maxTokens=${tooLong - 1}`]),
  ];
}

/** Returns the smallest integer of a range for which a monotone test holds, or undefined. */
function least(low: number, high: number, holds: (value: number) => boolean): number | undefined {
  if (low > high || !holds(high)) return undefined;
  let [from, to] = [low, high];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (holds(middle)) to = middle;
    else from = middle + 1;
  }
  return to;
}
