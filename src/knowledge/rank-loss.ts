import { sum } from '../statistics/summary.ts';

/**
 * Returns the softmax of scores divided by a temperature. A score of −∞ has probability 0; at least one score must be
 * finite.
 */
export function rankDistribution(scores: readonly number[], temperature: number): number[] {
  const highest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp((score - highest) / temperature));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

/** The loss of one list, and its gradient in the form that the `reinforce` loss accepts. */
export interface RankLoss {
  /** KL(Q ‖ P) in nats, at least 0. */
  readonly kl: number;
  /** (Q − P) / τ₂ for each passage: minus the derivative of the KL with respect to the passage's score. */
  readonly advantages: readonly number[];
}

/**
 * Computes the loss of KARD's reranker (arXiv 2305.18395, eq. 3) for one question's candidates:
 *
 *     Q ∝ exp(BM25(d, rationale) / τ₁),  P ∝ exp(f(d, question) / τ₂),  L = KL(Q ‖ P),  ∂L/∂f_d = (P_d − Q_d) / τ₂
 *
 * If f is a log-probability, the `reinforce` loss −A·log π with A = (Q − P) / τ₂ has this gradient.
 *
 * @param targets BM25 scores with the rationale as the query.
 * @param scores f(d, question) for the same passages.
 */
export function rankLoss(
  targets: readonly number[],
  scores: readonly number[],
  temperatures: { readonly target: number; readonly model: number },
): RankLoss {
  const wanted = rankDistribution(targets, temperatures.target);
  const ranked = rankDistribution(scores, temperatures.model);
  return {
    kl: sum(wanted.map((q, i) => (q === 0 ? 0 : q * Math.log(q / ranked[i]!)))),
    advantages: wanted.map((q, i) => (q - ranked[i]!) / temperatures.model),
  };
}
