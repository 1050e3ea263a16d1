import type { ImportanceTerm, KlTerm, LossSpec, PolicyTerm } from '../src/core/loss-spec.ts';
import { sum } from '../src/statistics/summary.ts';

/** A sequence for the reference loss; index t of every array is the same token, in float64 or float32. */
export interface ReferenceSequence {
  readonly weights: ArrayLike<number>;
  readonly advantages: ArrayLike<number>;
  readonly rolloutLogprobs: ArrayLike<number>;
  readonly policyLogprobs?: ArrayLike<number>;
  readonly referenceLogprobs?: ArrayLike<number>;
  /** The current policy's log-probabilities: the gradient is taken with respect to these. */
  readonly logprobs: ArrayLike<number>;
  /** Entropy of each next-token distribution; needed when the loss has an entropy term. */
  readonly entropies?: ArrayLike<number>;
}

/** Result that every engine must reproduce. Means are over tokens with nonzero weight. */
export interface ReferenceLoss {
  readonly loss: number;
  /** ∂loss/∂logprobs per sequence; 0 where the weight is 0. Excludes the share of the entropy term. */
  readonly gradient: readonly Float64Array[];
  readonly tokens: number;
  /** Share of tokens whose ratio was clipped from below / above in the binding direction. */
  readonly clipLow: number;
  readonly clipHigh: number;
  /** Mean of the KL estimator before its coefficient; 0 without a KL term. */
  readonly kl: number;
}

/**
 * Computes the loss of `LossSpec` in float64, one token at a time: slow, but it is the definition that engines are
 * tested against.
 *
 * @throws {RangeError} if the loss needs reference log-probabilities or entropies that are missing.
 */
export function referenceLoss(spec: LossSpec, sequences: readonly ReferenceSequence[]): ReferenceLoss {
  const total = { loss: 0, tokens: 0, clippedLow: 0, clippedHigh: 0, kl: 0 };
  const gradient = sequences.map((sequence) => {
    const result = new Float64Array(sequence.weights.length);
    const tokens = tokensWithWeight(sequence);
    const importance = importanceWeights(spec.importance, sequence, tokens);
    const ratios = policyRatios(spec.policy, sequence, tokens);
    const spread = gradientSpread(spec.policy, tokens, result);
    tokens.forEach((t, i) => {
      const weight = sequence.weights[t]!;
      const advantage = sequence.advantages[t]!;
      const policy = policyTerm(spec.policy, ratios[i]!, advantage, sequence.logprobs[t]!);
      const kl = klTerm(spec.kl, sequence, t);
      const entropy = entropyTerm(spec, sequence, t);
      total.loss += weight * (importance[i]! * policy.loss + kl.penalty - entropy);
      spread(t, weight * importance[i]! * policy.slope);
      result[t]! += weight * kl.slope;
      total.kl += kl.value;
      total.clippedLow += Number(policy.clipped === 'low');
      total.clippedHigh += Number(policy.clipped === 'high');
    });
    total.tokens += tokens.length;
    return result;
  });
  const share = (count: number): number => (total.tokens === 0 ? 0 : count / total.tokens);
  return {
    loss: total.loss,
    gradient,
    tokens: total.tokens,
    clipLow: share(total.clippedLow),
    clipHigh: share(total.clippedHigh),
    kl: share(total.kl),
  };
}

function tokensWithWeight({ weights }: ReferenceSequence): number[] {
  return Array.from(weights, (_, t) => t).filter((t) => weights[t] !== 0);
}

/** Returns log π − log old; on-policy (no `policyLogprobs`) it is 0 in value while its gradient is still 1. */
function logRatio({ logprobs, policyLogprobs }: ReferenceSequence, t: number): number {
  return policyLogprobs === undefined ? 0 : logprobs[t]! - policyLogprobs[t]!;
}

/** Returns r_t = π_t / old_t, or for GSPO the geometric mean over the sequence (2507.18071, eq. 7). */
function policyRatios(policy: PolicyTerm, sequence: ReferenceSequence, tokens: readonly number[]): number[] {
  const logs = tokens.map((t) => logRatio(sequence, t));
  if (policy.type !== 'clipped' || policy.ratio === 'token') return logs.map(Math.exp);
  const geometricMean = Math.exp(sum(logs) / tokens.length);
  return logs.map(() => geometricMean);
}

/** Adds the slope of one token's policy loss to that token, or to all tokens that share a sequence ratio. */
function gradientSpread(
  policy: PolicyTerm,
  tokens: readonly number[],
  gradient: Float64Array,
): (token: number, slope: number) => void {
  if (policy.type === 'clipped' && policy.ratio === 'sequence') {
    return (_, slope) => {
      for (const t of tokens) gradient[t]! += slope / tokens.length;
    };
  }
  return (token, slope) => {
    gradient[token]! += slope;
  };
}

/** Loss, its derivative with respect to log π, and the binding clip bound (null: neither). */
interface PolicyValue {
  readonly loss: number;
  readonly slope: number;
  readonly clipped: 'low' | 'high' | null;
}

function policyTerm(policy: PolicyTerm, ratio: number, advantage: number, logprob: number): PolicyValue {
  switch (policy.type) {
    case 'clipped':
      return clippedSurrogate(policy, ratio, advantage);
    case 'cispo': {
      const weight = Math.min(Math.max(ratio, policy.minRatio), policy.maxRatio);
      const clipped = bindingSide(ratio, advantage, policy.minRatio, policy.maxRatio);
      return { loss: -weight * advantage * logprob, slope: -weight * advantage, clipped };
    }
    case 'reinforce':
      return { loss: -advantage * logprob, slope: -advantage, clipped: null };
    case 'cross-entropy':
      return { loss: -logprob, slope: -1, clipped: null };
  }
}

/** Computes −min(r·A, clip(r)·A) (PPO eq. 7), and for A < 0 at most −dualClip·A (dual-clip PPO, 1912.09729, eq. 5). */
function clippedSurrogate(
  { clipLow, clipHigh, dualClip }: Extract<PolicyTerm, { type: 'clipped' }>,
  ratio: number,
  advantage: number,
): PolicyValue {
  const clipped = bindingSide(ratio, advantage, 1 - clipLow, 1 + clipHigh);
  if (clipped === 'low') return { loss: -(1 - clipLow) * advantage, slope: 0, clipped };
  if (clipped === 'high') return { loss: -(1 + clipHigh) * advantage, slope: 0, clipped };
  if (dualClip !== null && advantage < 0 && ratio > dualClip) {
    return { loss: -dualClip * advantage, slope: 0, clipped };
  }
  // d(r)/d(log π) = r, so value and slope are the same number.
  return { loss: -ratio * advantage, slope: -ratio * advantage, clipped };
}

function bindingSide(ratio: number, advantage: number, low: number, high: number): 'low' | 'high' | null {
  if (advantage < 0 && ratio < low) return 'low';
  return advantage > 0 && ratio > high ? 'high' : null;
}

/** Computes Schulman's estimators with d = log ref − log π; the penalty and slope contain the coefficient. */
function klTerm(kl: KlTerm | null, { logprobs, referenceLogprobs }: ReferenceSequence, t: number) {
  if (kl === null) return { value: 0, penalty: 0, slope: 0 };
  if (referenceLogprobs === undefined)
    throw new RangeError('expected referenceLogprobs for the KL term, got none');
  const d = referenceLogprobs[t]! - logprobs[t]!;
  const { value, slope } = {
    k1: { value: -d, slope: 1 },
    k2: { value: (d * d) / 2, slope: -d },
    k3: { value: Math.expm1(d) - d, slope: -Math.expm1(d) },
  }[kl.estimator];
  return { value, penalty: kl.coefficient * value, slope: kl.coefficient * slope };
}

function entropyTerm({ entropy }: LossSpec, { entropies }: ReferenceSequence, t: number): number {
  if (entropy === null) return 0;
  if (entropies === undefined) throw new RangeError('expected entropies for the entropy term, got none');
  return entropy.coefficient * entropies[t]!;
}

/** Returns old / rollout without gradient, capped or masked: truncated importance sampling. */
function importanceWeights(
  term: ImportanceTerm | null,
  { logprobs, policyLogprobs = logprobs, rolloutLogprobs }: ReferenceSequence,
  tokens: readonly number[],
): number[] {
  if (term === null) return tokens.map(() => 1);
  const logs = tokens.map((t) => policyLogprobs[t]! - rolloutLogprobs[t]!);
  const weights = term.level === 'token' ? logs.map(Math.exp) : logs.map(() => Math.exp(sum(logs)));
  return weights.map((weight) => {
    if (weight <= term.cap) return weight;
    return term.mode === 'truncate' ? term.cap : 0;
  });
}
