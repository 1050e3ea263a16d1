import type { TokenSequence } from '../../core/batch.ts';
import type { Likelihood } from '../readout.ts';
import { type LabelTokens, withLabelPlace } from '../scorer-labels.ts';

/** An attempt whose prefixes are labelled. */
export interface LabelledAttempt {
  readonly problemId: string;
  readonly domain: string;
  /** Text of the question. */
  readonly prompt: string;
  /** Key of the group of attempts that share problem and policy. */
  readonly group: string;
  /** The T tokens of prompt and answer. */
  readonly tokens: Int32Array;
  /** Positions of the labels: the number of tokens read before each, in 1 … T. */
  readonly places: readonly number[];
  /** For each position, whether the prefix leads to a correct answer. */
  readonly labels: readonly boolean[];
  /** Weight of each position's label in the loss; default 1. */
  readonly weights?: readonly number[];
  /** Whether the complete answer is correct. */
  readonly isCorrect: boolean;
  /** Likelihood of the answer up to each position; absent if the log-probabilities are unknown. */
  readonly likelihoods?: readonly Likelihood[] | undefined;
  /** Normal form of the answer, for votes. */
  readonly answer?: string | undefined;
}

/** Returns the training sequence of an attempt. Labels are only targets, never input. */
export function labelSequence(
  { tokens, places, labels, weights: labelWeights }: LabelledAttempt,
  { good, bad }: LabelTokens,
): TokenSequence & { readonly weights: Float32Array } {
  const longer = withLabelPlace(tokens);
  const targets = longer.slice();
  const weights = new Float32Array(longer.length);
  for (const [at, place] of places.entries()) {
    targets[place] = labels[at]! ? good : bad;
    weights[place] = labelWeights?.[at] ?? 1;
  }
  return { tokens: longer, targets, weights };
}
