/** Where a step's batch stands after a round of rollouts. */
export interface RefillState {
  /** Groups a full batch has. */
  readonly wanted: number;
  /** Groups that passed every gate, over all rounds of this step. */
  readonly admitted: number;
  /** Groups rolled out, over all rounds of this step. */
  readonly tried: number;
  /** Extra rounds already made. */
  readonly refills: number;
  readonly maxRefills: number;
  /** Selected problems that this step has not tried yet. */
  readonly untried: number;
}

/** What to do next. */
export type RefillDecision =
  | { readonly action: 'refill'; readonly problems: number }
  | { readonly action: 'train' | 'skip' };

/**
 * Whether to roll out more problems after gates turned groups away. A batch that stays short is trained on as it is and
 * said to be short; a step with nothing admitted is skipped. It never aborts a run (verl's dynamic sampling does).
 *
 * A refill asks for as many problems as should fill the gap at the rate seen so far in this step, at most a whole batch.
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

/** Message for a batch smaller than wanted, else null. */
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
    : `${account}: nothing to learn from, this step is skipped`;
}
