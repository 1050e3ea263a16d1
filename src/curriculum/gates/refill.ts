/** State of a step's batch after a round of rollouts. */
export interface RefillState {
  /** Number of groups in a full batch. */
  readonly wanted: number;
  /** Number of groups that passed every gate, over all rounds of this step. */
  readonly admitted: number;
  /** Number of groups rolled out, over all rounds of this step. */
  readonly tried: number;
  /** Number of extra rounds so far. */
  readonly refills: number;
  readonly maxRefills: number;
  /** Number of selected problems that this step has not tried yet. */
  readonly untried: number;
}

/** Decision after a round. */
export type RefillDecision =
  | { readonly action: 'refill'; readonly problems: number }
  | { readonly action: 'train' | 'skip' };

/**
 * Decides whether to roll out more problems after gates rejected groups. A batch that remains too small is
 * still trained on, and reported; a step without an admitted group is skipped. Never aborts a run, unlike
 * verl's dynamic sampling.
 *
 * A refill requests as many problems as are expected to fill the batch at this step's admission rate so far, but at
 * most a full batch.
 */
export function decideRefill(state: RefillState): RefillDecision {
  const missing = state.wanted - state.admitted;
  if (missing <= 0) return { action: 'train' };
  if (state.refills < state.maxRefills && state.untried > 0) {
    const admissionRate = (state.admitted + 1) / (state.tried + 2);
    const enough = Math.ceil(missing / admissionRate);
    return { action: 'refill', problems: Math.min(enough, state.wanted, state.untried) };
  }
  return { action: state.admitted > 0 ? 'train' : 'skip' };
}

/** Returns a message if the batch is smaller than planned, else null. */
export function shortBatchNote({
  wanted,
  admitted,
  tried,
  refills,
}: Pick<RefillState, 'wanted' | 'admitted' | 'tried' | 'refills'>): string | null {
  if (admitted >= wanted) return null;
  const account = `${admitted} of ${wanted} groups passed the gates (${tried} tried, ${refills} refills)`;
  return admitted > 0
    ? `${account}: this step trains on a smaller batch`
    : `${account}: nothing to learn from; this step is skipped`;
}
