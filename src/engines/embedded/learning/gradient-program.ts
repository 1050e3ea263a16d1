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

/** Prefix of the outputs that hold the gradient of each weight tensor. */
export const gradientPrefix = 'gradient:';

/**
 * Forward, loss and backward pass of one microbatch. Outputs: `gradient:<weight>` for every weight, and
 * [rows, positions] arrays `logprobs`, `entropy`, `loss` and, where the loss has them, `kl`, `clipLow`, `clipHigh`.
 */
export function gradientProgram(config: ModelConfig, shape: BatchShape, spec: LossSpec): CompiledGraph {
  const weights = weightInputs(config);
  const { logprobs, entropy } = tokenDistribution(config, weights, shape);
  const loss = lossGraph(spec, logprobs, entropy, shape);
  const measured = Object.entries({ logprobs, entropy, ...loss }).filter(
    (entry): entry is [string, Value] => entry[1] !== null,
  );
  const byWeight = gradients(sumAll(loss.loss), [...weights.values()], add);
  const named = [...weights.keys()].map((name, index) => [gradientPrefix + name, byWeight[index]!] as const);
  return compile(Object.fromEntries([...measured, ...named]));
}

/** Forward pass alone: output `logprobs` [rows, positions]. */
export function logprobProgram(config: ModelConfig, shape: BatchShape): CompiledGraph {
  const { logprobs } = tokenDistribution(config, weightInputs(config), shape);
  return compile({ logprobs });
}

/** Forward pass alone: output `top` [rows · positions, 2 · count], in the layout of the `top` op. */
export function topProgram(config: ModelConfig, shape: BatchShape, count: number): CompiledGraph {
  const { logs } = tokenDistribution(config, weightInputs(config), shape);
  return compile({ top: top(logs, count) });
}

/** Log-probabilities [rows · positions, vocabulary]; of each target, and the entropy (nats), both [rows, positions]. */
function tokenDistribution(
  config: ModelConfig,
  weights: Weights,
  shape: BatchShape,
): { logs: Value; logprobs: Value; entropy: Value } {
  const count = shape.rows * shape.positions;
  const tokens = input('tokens', 'int32', [count]);
  const targets = input('targets', 'int32', [count, 1]);
  const logits = transformerLogits(
    config,
    weights,
    tokens,
    shape,
    input('inverseTemperature', 'float32', []),
  );
  const logs = logSoftmax(logits);
  const byToken = (value: Value): Value => reshape(value, [shape.rows, shape.positions]);
  return {
    logs,
    logprobs: byToken(pick(logs, targets)),
    entropy: byToken(negate(sum(multiply(exp(logs), logs), [1]))),
  };
}
