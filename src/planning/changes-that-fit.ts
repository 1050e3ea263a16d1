/** Returns whether training on sequences of this length fits this budget, by an engine's memory model. */
export type FitsMemory = (positions: number, budgetBytes: number) => boolean;

/** Training that does not fit its budget. */
export interface TooLarge {
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Whether `sampling.maxTokens` limits the answers of all stages; otherwise no shorter answers are proposed. */
  readonly isLimitShared: boolean;
  readonly budgetBytes: number;
  /** Memory of the machine in bytes; no larger budget is proposed. */
  readonly machineBytes: number;
}

/** Budgets are proposed in steps of this many bytes. */
const budgetStep = 64 * 2 ** 20;

/**
 * Proposes changes of a recipe that make training fit the memory, each tried with the engine's own memory model: a
 * larger budget, or shorter answers. Returns them as assignments for `--set`; empty if neither helps.
 */
export function changesThatFit(
  fits: FitsMemory,
  { promptTokens, answerTokens, isLimitShared, budgetBytes, machineBytes }: TooLarge,
): string[] {
  const positions = promptTokens + answerTokens;
  const steps = least(Math.ceil(budgetBytes / budgetStep), Math.floor(machineBytes / budgetStep), (count) =>
    fits(positions, count * budgetStep),
  );
  // The longest answer that fits is one token shorter than the shortest answer that does not.
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
