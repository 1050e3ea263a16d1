import type { TokenSequence } from '../../core/batch.ts';
import { type LabelTokens, withLabelPlace } from '../scorer-labels.ts';

/** An attempt whose prefixes are labelled. */
export interface LabelledAttempt {
  readonly problemId: string;
  readonly domain: string;
  /** Text of the question. */
  readonly prompt: string;
  /** Attempts of one group share problem and policy. */
  readonly group: string;
  /** Prompt and answer. Length T. */
  readonly tokens: Int32Array;
  /** Labels by the number of tokens read before them, each in 1 … T. */
  readonly places: readonly number[];
  /** One per place: whether the prefix leads to a right answer. */
  readonly labels: readonly boolean[];
  /** Whether the whole answer is right. */
  readonly isCorrect: boolean;
  /** The policy's own probability of the answer, the geometric mean over its tokens; absent where it was not stored. */
  readonly confidence?: number;
  /** Normal form of the answer, for votes. */
  readonly answer?: string | undefined;
}

/** A row to learn: labels are targets, so that none is ever in the input. */
export function labelSequence(
  { tokens, places, labels }: LabelledAttempt,
  { good, bad }: LabelTokens,
): TokenSequence & { readonly weights: Float32Array } {
  const longer = withLabelPlace(tokens);
  const targets = longer.slice();
  const weights = new Float32Array(longer.length);
  for (const [at, place] of places.entries()) {
    targets[place] = labels[at]! ? good : bad;
    weights[place] = 1;
  }
  return { tokens: longer, targets, weights };
}
