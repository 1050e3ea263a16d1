import type { LossSpec } from '../../../core/loss-spec.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { type CompiledGraph, compile, gradients, input, type Value } from '../graph/graph.ts';
import { lossGraph } from './loss-graph.ts';
import { add, exp, multiply, negate } from '../graph/ops/elementwise.ts';
import { logSoftmax } from '../graph/ops/log-softmax.ts';
import { pick } from '../graph/ops/lookup.ts';
import { reshape, sum, sumAll } from '../graph/ops/shaping.ts';
import { top } from '../graph/ops/top.ts';
import { type BatchShape, transformerLogits, type Weights, weightInputs } from '../transformer.ts';

/** Prefix of the outputs with the gradient of each weight tensor. */
export const gradientPrefix = 'gradient:';

/**
 * Builds the forward pass, loss and backward pass of one microbatch. Outputs: `gradient:<weight>` for every
 * weight, and [rows, positions] arrays `logprobs`, `entropy`, `loss` and, if the loss has them, `kl`,
 * `clipLow`, `clipHigh`.
 */
export function gradientProgram(config: ModelConfig, shape: BatchShape, spec: LossSpec): CompiledGraph {
  const weights = weightInputs(config);
  const { logprobs, entropy } = wholeDistribution(config, weights, shape);
  const loss = lossGraph(spec, logprobs, entropy, shape);
  const measured = Object.entries({ logprobs, entropy, ...loss }).filter(
    (entry): entry is [string, Value] => entry[1] !== null,
  );
  const byWeight = gradients(sumAll(loss.loss), [...weights.values()], add);
  const named = [...weights.keys()].map((name, index) => [gradientPrefix + name, byWeight[index]!] as const);
  return compile(Object.fromEntries([...measured, ...named]));
}

/** Builds the forward pass alone, with output `logprobs` [rows, positions]. */
export function logprobProgram(config: ModelConfig, shape: BatchShape): CompiledGraph {
  const { logprobs } = wholeDistribution(config, weightInputs(config), shape);
  return compile({ logprobs });
}

/**
 * Builds the forward pass alone, with output `top` [rows · positions, 2 · count] in the layout of the `top`
 * op.
 */
export function topProgram(config: ModelConfig, shape: BatchShape, count: number): CompiledGraph {
  const { logs } = wholeDistribution(config, weightInputs(config), shape);
  return compile({ top: top(logs, count) });
}

/**
 * Builds `tokenDistribution` for the input `tokens`; log-probabilities of the targets and entropies have
 * shape [rows, positions].
 */
function wholeDistribution(config: ModelConfig, weights: Weights, shape: BatchShape): TokenDistribution {
  const tokens = input('tokens', 'int32', [shape.rows * shape.positions]);
  const scale = input('inverseTemperature', 'float32', []);
  const found = tokenDistribution(transformerLogits(config, weights, tokens, shape, scale));
  const byToken = (value: Value): Value => reshape(value, [shape.rows, shape.positions]);
  return { logs: found.logs, logprobs: byToken(found.logprobs), entropy: byToken(found.entropy) };
}

/** Next-token distributions at a number of tokens. */
export interface TokenDistribution {
  /** Log-probabilities [tokens, vocabulary]. */
  readonly logs: Value;
  /** Log-probability of each target, [tokens, 1]. */
  readonly logprobs: Value;
  /** Entropy in nats, [tokens, 1]. */
  readonly entropy: Value;
}

/** Builds the distributions for logits [tokens, vocabulary], with the program input `targets`. */
export function tokenDistribution(logits: Value): TokenDistribution {
  const logs = logSoftmax(logits);
  const targets = input('targets', 'int32', [logits.shape[0]!, 1]);
  return {
    logs,
    logprobs: pick(logs, targets),
    entropy: negate(sum(multiply(exp(logs), logs), [1])),
  };
}
