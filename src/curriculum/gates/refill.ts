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

/** What to do next; `note` is a sentence for the log where the batch is not what was asked for. */
export type RefillDecision =
  | { readonly action: 'refill'; readonly problems: number }
  | { readonly action: 'train'; readonly note?: string }
  | { readonly action: 'skip'; readonly note: string };

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
  const account = `${state.admitted} of ${state.wanted} groups passed the gates (${state.tried} tried, ${state.refills} refills)`;
  return state.admitted > 0
    ? { action: 'train', note: `${account}: this step trains on a smaller batch` }
    : { action: 'skip', note: `${account}: nothing to learn from, this step is skipped` };
}
