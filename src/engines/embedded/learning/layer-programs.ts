import type { LossSpec } from '../../../core/loss-spec.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { type CompiledGraph, compile, gradients, input, resultsOf, type Value } from '../graph/graph.ts';
import type { OnnxValue } from '../graph/onnx.ts';
import { add, multiply } from '../graph/ops/elementwise.ts';
import { reshape, sumAll } from '../graph/ops/shaping.ts';
import { top } from '../graph/ops/top.ts';
import { layerPrefix } from '../parameters.ts';
import {
  type BatchShape,
  createBlocks,
  headName,
  nextTokenLogits,
  type Weights,
  weightInputs,
} from '../transformer.ts';
import { gradientPrefix, tokenDistribution } from './gradient-program.ts';
import { lossGraph } from './loss-graph.ts';

/**
 * Programs of a pass in layers. Each takes hidden states [tokens, hidden] as input `hidden` and returns them as output
 * `next`. Its gradient program takes the gradient of `next` as input `cotangent` and returns that of `hidden` as output
 * `gradient:hidden`. It recomputes the forward pass, or takes the values that were kept. The derivative of Σ
 * next · cotangent is the vector–Jacobian product.
 */

/** Name of the output for the gradient of the input `hidden`. */
export const hiddenGradient = `${gradientPrefix}hidden`;

/**
 * Builds the forward pass of block `layer`. With `keeps`, it also outputs the values that the backward pass
 * takes; see `keptValues`.
 */
export function blockProgram(
  config: ModelConfig,
  shape: BatchShape,
  layer: number,
  keeps = false,
): CompiledGraph {
  const { hidden, weights } = blockInputs(config, shape);
  const next = createBlocks(config, weights, shape)(hidden, layer);
  const kept = keeps ? keptValues(blockGradientProgram(config, shape, layer, true)) : [];
  const names = new Set(kept.map(({ name }) => name));
  const own = Array.from(linearResults(next), ([value, name]) => [name, value] as const);
  return compile({ next, ...Object.fromEntries(own.filter(([name]) => names.has(name))) });
}

/**
 * Builds the backward pass of block `layer`, which also outputs `gradient:<weight>` for each of its weights.
 *
 * @param keeps if true, takes the results of matrix products as inputs instead of recomputing them. The result is
 * bit-identical.
 */
export function blockGradientProgram(
  config: ModelConfig,
  shape: BatchShape,
  layer: number,
  keeps = false,
): CompiledGraph {
  const { hidden, weights } = blockInputs(config, shape);
  const next = createBlocks(config, weights, shape)(hidden, layer);
  const along = sumAll(multiply(next, input('cotangent', 'float32', next.shape)));
  const own = [...weights].filter(([name]) => name.startsWith(layerPrefix(layer)));
  const outputs = gradientOutputs(along, [['hidden', hidden], ...own]);
  return compile(outputs, keeps ? linearResults(next) : undefined);
}

/** Returns the inputs of a block's backward pass that its forward pass outputs. */
export function keptValues({ inputs }: CompiledGraph): OnnxValue[] {
  return inputs.filter(({ name }) => name.startsWith(keptPrefix));
}

/** Prefix of the names of kept values. */
export const keptPrefix = 'kept:';

/** Returns the results of the matrix products with weights, each with its name as a kept value. */
function linearResults(next: Value): Map<Value, string> {
  return new Map(resultsOf('linear', next).map((value, at) => [value, `${keptPrefix}${at}`]));
}

/**
 * Builds the final norm, head and log-probabilities of `tokens` tokens, with outputs `logprobs` and
 * `entropy`, [tokens, 1].
 */
export function headProgram(config: ModelConfig, tokens: number): CompiledGraph {
  const { logprobs, entropy } = head(config, tokens);
  return compile({ logprobs, entropy });
}

/** Builds the final norm and head with output `top` [tokens, 2 · count], in the layout of the `top` op. */
export function topHeadProgram(config: ModelConfig, tokens: number, count: number): CompiledGraph {
  return compile({ top: top(head(config, tokens).logs, count) });
}

/**
 * Builds the backward pass of the head, from the inputs `byLogprob` and, if `hasEntropy`, `byEntropy`: the
 * derivatives of the loss, [tokens, 1]. Also outputs the gradients of the final norm and of the head's
 * matrix.
 */
export function headGradientProgram(config: ModelConfig, tokens: number, hasEntropy: boolean): CompiledGraph {
  const { hidden, weights, logprobs, entropy } = head(config, tokens);
  const along = (value: Value, name: string): Value =>
    sumAll(multiply(value, input(name, 'float32', [tokens, 1])));
  const byLogprob = along(logprobs, 'byLogprob');
  const total = hasEntropy ? add(byLogprob, along(entropy, 'byEntropy')) : byLogprob;
  const own = headWeights(config).map((name) => [name, weights.get(name)!] as const);
  return compile(gradientOutputs(total, [['hidden', hidden], ...own]));
}

/**
 * Builds the loss alone, from inputs `logprobs` and `entropy` [rows, positions]. Outputs the values of `lossGraph`, the
 * derivative `byLogprob` and, if the loss has an entropy term, `byEntropy`.
 */
export function lossProgram(spec: LossSpec, shape: BatchShape): CompiledGraph {
  const size = [shape.rows, shape.positions];
  const [logprobs, entropy] = [input('logprobs', 'float32', size), input('entropy', 'float32', size)];
  const graph = lossGraph(spec, logprobs, entropy, shape);
  const measured = Object.entries(graph).filter((entry): entry is [string, Value] => entry[1] !== null);
  const sources = spec.entropy === null ? [logprobs] : [logprobs, entropy];
  const [byLogprob, byEntropy] = gradients(sumAll(graph.loss), sources, add);
  return compile({
    ...Object.fromEntries(measured),
    byLogprob: byLogprob!,
    ...(byEntropy && { byEntropy }),
  });
}

/** Returns the names of the head's weights. */
export const headWeights = (config: ModelConfig): readonly string[] => [
  'model.norm.weight',
  headName(config),
];

function blockInputs(config: ModelConfig, { rows, positions }: BatchShape) {
  const hidden = input('hidden', 'float32', [rows * positions, config.hiddenSize]);
  return { hidden, weights: weightInputs(config) };
}

function head(config: ModelConfig, tokens: number) {
  const hidden = input('hidden', 'float32', [tokens, config.hiddenSize]);
  const weights: Weights = weightInputs(config);
  const inverseTemperature = input('inverseTemperature', 'float32', []);
  const logits = nextTokenLogits(config, weights, hidden, inverseTemperature);
  return { hidden, weights, ...tokenDistribution(logits) };
}

function gradientOutputs(
  scalar: Value,
  of: readonly (readonly [name: string, value: Value])[],
): Record<string, Value> {
  const found = gradients(
    scalar,
    of.map(([, value]) => value),
    add,
  );
  return Object.fromEntries(
    of.map(([name, value], i) => [gradientPrefix + name, reshape(found[i]!, value.shape)]),
  );
}
