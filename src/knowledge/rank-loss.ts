import { sum } from '../statistics/summary.ts';

/** Softmax of scores divided by a temperature. −∞ gives probability 0; at least one score must be finite. */
export function rankDistribution(scores: readonly number[], temperature: number): number[] {
  const highest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp((score - highest) / temperature));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

/** The loss of one list, and its gradient in a form that the `reinforce` loss takes. */
export interface RankLoss {
  /** KL(Q ‖ P) in nats, at least 0. */
  readonly kl: number;
  /** Per passage (Q − P) / τ₂: minus the derivative of the KL with respect to the passage's score. */
  readonly advantages: readonly number[];
}

/**
 * The loss of KARD's reranker (arXiv 2305.18395, eq. 3) for the candidates of one question:
 *
 *     Q ∝ exp(BM25(d, rationale) / τ₁),  P ∝ exp(f(d, question) / τ₂),  L = KL(Q ‖ P),  ∂L/∂f_d = (P_d − Q_d) / τ₂
 *
 * Where f is a log-probability, the loss −A·log π of `reinforce` with A = (Q − P) / τ₂ has this gradient.
 *
 * @param targets BM25 scores with the rationale as the query.
 * @param scores f of the same passages.
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
