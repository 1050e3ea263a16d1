/** Problems that need the same attempts: `rollouts` each, numbered from `firstIndex`. */
export interface AttemptBatch {
  readonly problemIds: readonly string[];
  readonly firstIndex: number;
  readonly rollouts: number;
}

/** Attempts to make next, and how many may follow. */
export interface AttemptPlan {
  readonly batches: readonly AttemptBatch[];
  /** Number of attempts in `batches`. */
  readonly rollouts: number;
  /** Maximum number of attempts that may follow. */
  readonly laterAtMost: number;
  /** Problems that need no further attempts, as far as is currently known. */
  readonly finished: number;
}

/** Missing attempts of one problem. */
export interface Missing {
  /** Indices of the attempts to make now, ascending. */
  readonly rollouts: readonly number[];
  /** Maximum number of attempts that may follow. */
  readonly later: number;
}

/** Groups missing attempts into batches of problems that lack the same attempts. */
export function planMissing(
  problemIds: readonly string[],
  missingOf: (problemId: string) => Missing,
): AttemptPlan {
  const byRange = new Map<string, { problemIds: string[]; firstIndex: number; rollouts: number }>();
  let finished = 0;
  let laterAtMost = 0;
  for (const problemId of problemIds) {
    const missing = missingOf(problemId);
    if (missing.rollouts.length === 0) finished++;
    laterAtMost += missing.later;
    for (const [firstIndex, rollouts] of ranges(missing.rollouts)) {
      const key = `${firstIndex}+${rollouts}`;
      const batch = byRange.get(key) ?? { problemIds: [], firstIndex, rollouts };
      batch.problemIds.push(problemId);
      byRange.set(key, batch);
    }
  }
  const batches = [...byRange.values()];
  const rollouts = batches.reduce((sum, batch) => sum + batch.problemIds.length * batch.rollouts, 0);
  return { batches, rollouts, laterAtMost, finished };
}

/** Describes the cost of a plan in one line for the log. */
export function describePlan({ rollouts, laterAtMost, finished, batches }: AttemptPlan): string {
  const open = new Set(batches.flatMap((batch) => batch.problemIds)).size;
  const later =
    laterAtMost > 0 ? `, then at most ${laterAtMost} more for problems that these leave undecided` : '';
  return `${rollouts} rollouts of ${open} problems${later}; ${finished} problems already known`;
}

/** Returns runs of consecutive numbers as [first, length]. */
function ranges(indices: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const index of indices) {
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === index) last[1]++;
    else found.push([index, 1]);
  }
  return found;
}
