import type { ImportanceTerm, KlTerm, LossSpec, PolicyTerm } from '../../../core/loss-spec.ts';
import { constant, input, type Value } from '../graph/graph.ts';
import {
  add,
  clamp,
  divide,
  exp,
  lessOrEqual,
  maximum,
  minimum,
  multiply,
  negate,
  stopGradient,
  subtract,
} from '../graph/ops/elementwise.ts';
import { sum } from '../graph/ops/shaping.ts';
import type { BatchShape } from '../transformer.ts';

/**
 * Builds the graph of a `LossSpec`, from log-probabilities to the loss of each token. Arrays are [rows, positions];
 * position t of a row refers to the token that it predicts. The numbers in the spec are scalar inputs, so changing them
 * requires no new compilation; only the fields in `lossKind` change the graph.
 */

/** Names of the graph's per-token inputs, other than the current log-probabilities. */
export const tokenInputs = [
  'weights',
  'active',
  'advantages',
  'rolloutLogprobs',
  'policyLogprobs',
  'referenceLogprobs',
] as const;

/** Name of a per-token input. `active` is 1 where the weight is not 0, else 0. */
export type TokenInput = (typeof tokenInputs)[number];

/** The loss and measurements of each token; all arrays are [rows, positions] and 0 for inactive tokens. */
export interface LossGraph {
  /** w · (importance · policy + kl − entropy), the terms of the sum that is differentiated. */
  readonly loss: Value;
  /** The KL estimator before multiplication by its coefficient; null without a KL term. */
  readonly kl: Value | null;
  /** 1 where the ratio was clipped from below / above in the binding direction. */
  readonly clipLow: Value | null;
  readonly clipHigh: Value | null;
}

/** Returns a key for the parts of a spec that determine the graph: losses with equal keys share a program. */
export function lossKind({ policy, kl, entropy, importance }: LossSpec): string {
  const ratio = policy.type === 'clipped' ? policy.ratio : '';
  const correction = importance === null ? '' : `${importance.level}-${importance.mode}`;
  return [policy.type, ratio, kl?.estimator ?? '', entropy === null ? '' : 'entropy', correction].join('/');
}

/** Returns the numbers in a spec as feeds, by input name. A program takes only those that its graph uses. */
export function lossScalars({
  policy,
  kl,
  entropy,
  importance,
  temperature,
}: LossSpec): Record<string, Float32Array> {
  const scalars = {
    ...policyScalars(policy),
    inverseTemperature: 1 / temperature,
    klCoefficient: kl?.coefficient ?? 0,
    entropyCoefficient: entropy?.coefficient ?? 0,
    importanceCap: importance?.cap ?? 0,
  };
  return Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, Float32Array.of(value)]));
}

/** Represents "no limit": far above any loss in float32, but finite. */
const unlimited = 1e30;

function policyScalars(policy: PolicyTerm): Record<string, number> {
  switch (policy.type) {
    case 'clipped':
      return {
        minRatio: 1 - policy.clipLow,
        maxRatio: 1 + policy.clipHigh,
        dualClip: policy.dualClip ?? unlimited,
      };
    case 'cispo':
      return { minRatio: policy.minRatio, maxRatio: policy.maxRatio };
    case 'reinforce':
    case 'cross-entropy':
      return {};
  }
}

/**
 * Builds the loss of `spec` for these log-probabilities.
 *
 * @param logprobs log-probabilities of the current policy, [rows, positions]
 * @param entropy entropies of its next-token distributions, [rows, positions]
 */
export function lossGraph(
  spec: LossSpec,
  logprobs: Value,
  entropy: Value,
  { rows, positions }: BatchShape,
): LossGraph {
  const tokens = tokenValues(logprobs, rows, positions);
  const { loss: policyLoss, clipLow, clipHigh } = policyTerm(spec.policy, tokens);
  const corrected =
    spec.importance === null ? policyLoss : multiply(importanceWeight(spec.importance, tokens), policyLoss);
  const kl = spec.kl === null ? null : divergence(spec.kl, tokens);
  const penalised = kl === null ? corrected : add(corrected, multiply(scalar('klCoefficient'), kl));
  const total =
    spec.entropy === null ? penalised : subtract(penalised, multiply(scalar('entropyCoefficient'), entropy));
  const loss = multiply(tokens.weights, total);
  return { loss, kl, clipLow, clipHigh };
}

type Tokens = Record<TokenInput, Value> & { readonly logprobs: Value };

/**
 * Uses the current log-probabilities, without gradient, for rows without `policyLogprobs`: `hasPolicy` [rows, 1] is 1
 * or 0. Sets log-probabilities of inactive tokens to 0, so that padding cannot overflow.
 */
function tokenValues(logprobs: Value, rows: number, positions: number): Tokens {
  const perToken = (name: TokenInput): Value => input(name, 'float32', [rows, positions]);
  const active = perToken('active');
  const current = multiply(logprobs, active);
  const hasPolicy = input('hasPolicy', 'float32', [rows, 1]);
  const own = multiply(subtract(constant(1), hasPolicy), stopGradient(current));
  return {
    logprobs: current,
    active,
    weights: perToken('weights'),
    advantages: perToken('advantages'),
    rolloutLogprobs: perToken('rolloutLogprobs'),
    policyLogprobs: add(multiply(perToken('policyLogprobs'), hasPolicy), own),
    referenceLogprobs: perToken('referenceLogprobs'),
  };
}

const scalar = (name: string): Value => input(name, 'float32', []);

interface PolicyLoss {
  readonly loss: Value;
  readonly clipLow: Value | null;
  readonly clipHigh: Value | null;
}

function policyTerm(term: PolicyTerm, tokens: Tokens): PolicyLoss {
  switch (term.type) {
    case 'clipped':
      return clipped(term.ratio, tokens);
    case 'cispo':
      return cispo(tokens);
    case 'reinforce':
      return { loss: negate(multiply(tokens.advantages, tokens.logprobs)), clipLow: null, clipHigh: null };
    case 'cross-entropy':
      return { loss: negate(tokens.logprobs), clipLow: null, clipHigh: null };
  }
}

/** Returns max(−r·A, −clip(r)·A), for A < 0 at most −dualClip·A (PPO; dual clip: Ye et al. 2020, eq. 5). */
function clipped(level: 'token' | 'sequence', tokens: Tokens): PolicyLoss {
  const { advantages } = tokens;
  const r = policyRatio(level, tokens);
  const bounded = clamp(r, scalar('minRatio'), scalar('maxRatio'));
  const surrogate = maximum(negate(multiply(r, advantages)), negate(multiply(bounded, advantages)));
  const isNegative = isBelow(advantages, constant(0));
  const limit = multiply(negate(scalar('dualClip')), advantages);
  const capped = minimum(surrogate, limit);
  const loss = add(multiply(isNegative, capped), multiply(subtract(constant(1), isNegative), surrogate));
  return { loss, ...clipShares(r, tokens) };
}

/**
 * Returns π/old per token, or its geometric mean over the active tokens of the row (GSPO); 1 for inactive
 * tokens.
 */
function policyRatio(level: 'token' | 'sequence', { logprobs, policyLogprobs, active }: Tokens): Value {
  const logRatio = subtract(logprobs, policyLogprobs);
  if (level === 'token') return exp(logRatio);
  const count = maximum(sum(active, [1]), constant(1));
  return exp(multiply(divide(sum(logRatio, [1]), count), active));
}

/** Returns −stopgrad(clip(r))·A·log π (MiniMax-M1, 2506.13585, eq. 4). */
function cispo(tokens: Tokens): PolicyLoss {
  const r = stopGradient(policyRatio('token', tokens));
  const weight = clamp(r, scalar('minRatio'), scalar('maxRatio'));
  const loss = negate(multiply(multiply(weight, tokens.advantages), tokens.logprobs));
  return { loss, ...clipShares(r, tokens) };
}

/** Returns 1 where the ratio is outside a bound and the advantage pushes it further out, else 0. */
function clipShares(r: Value, { advantages, active }: Tokens): Pick<PolicyLoss, 'clipLow' | 'clipHigh'> {
  const isLow = multiply(isBelow(r, scalar('minRatio')), isBelow(advantages, constant(0)));
  const isHigh = multiply(isBelow(scalar('maxRatio'), r), isBelow(constant(0), advantages));
  return { clipLow: multiply(isLow, active), clipHigh: multiply(isHigh, active) };
}

/** Returns the KL estimator; with d = log ref − log π: k1 = −d, k2 = d²/2, k3 = e^d − d − 1. */
function divergence({ estimator }: KlTerm, { referenceLogprobs, logprobs }: Tokens): Value {
  const difference = subtract(referenceLogprobs, logprobs);
  switch (estimator) {
    case 'k1':
      return negate(difference);
    case 'k2':
      return multiply(constant(0.5), multiply(difference, difference));
    case 'k3':
      return subtract(subtract(exp(difference), difference), constant(1));
  }
}

/** Returns old / rollout without gradient, capped or masked (truncated importance sampling). */
function importanceWeight(
  { level, mode }: ImportanceTerm,
  { policyLogprobs, rolloutLogprobs }: Tokens,
): Value {
  const logRatio = stopGradient(subtract(policyLogprobs, rolloutLogprobs));
  const weight = exp(level === 'token' ? logRatio : sum(logRatio, [1]));
  const cap = scalar('importanceCap');
  const capped = minimum(weight, cap);
  return mode === 'truncate' ? capped : multiply(capped, lessOrEqual(weight, cap));
}

/** Returns 1 where a < b, else 0. */
function isBelow(a: Value, b: Value): Value {
  return subtract(constant(1), lessOrEqual(b, a));
}
