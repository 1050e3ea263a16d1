import type { ModelConfig } from '../../model-files/model-config.ts';
import {
  type Attribute,
  encodeModel,
  type OnnxConstant,
  type OnnxNode,
  type OnnxValue,
} from '../graph/onnx.ts';

/**
 * Builds the decode program: S new tokens of each of B sequences against T cached positions. A prompt is S = its
 * length with an empty cache, a decoding step is S = 1. B, S and T may change at every run, and weights are inputs, so
 * one session serves every batch and every policy version.
 *
 * The bits of a row's result do not depend on B, S, T or its neighbours: every sum runs over one row in a fixed order,
 * and masked positions add exact zeros. This is why the softmax is written out: the fused one sums in an order that
 * depends on T.
 *
 * Inputs, besides the weights of `packDecodeWeights`:
 * - `tokens` int32 [B·S]; `positions` int64 [B, S]; `last` int32 [B]: the row of B·S whose logits are wanted;
 * - `cosines`, `sines` [P, headSize / 2]: rotary tables by position;
 * - `cacheMask` [B, 1, 1, T]: 0 for positions that exist, very negative elsewhere; `ownMask` [1, 1, G·S, S]: the same
 *   among the new tokens, repeated for the G query heads of a group;
 * - `cache.k.<layer>`, `cache.v.<layer>` [B, keyValueHeads, T, headSize], finite everywhere.
 *
 * Outputs: `logits` [B, vocabulary] and `new.k.<layer>`, `new.v.<layer>` [B, keyValueHeads, S, headSize].
 */
export function decodeProgram(config: ModelConfig): Uint8Array {
  const writer = new ModelWriter();
  const { vocabSize, hiddenSize, layers } = config;
  writer.input('tokens', 'int32', ['B*S']);
  writer.input('last', 'int32', ['B']);
  const dims = attentionInputs(writer, config);
  const embedding = writer.input('embedding', 'float32', [vocabSize, hiddenSize]);
  let residual = writer.node('Gather', [embedding, 'tokens'], { axis: 0 });
  let normed = writer.node('SimplifiedLayerNormalization', [residual, norm(writer, 'norm.0', config)], {
    axis: -1,
    epsilon: { float: config.normEpsilon },
    stash_type: 1,
  });
  for (let layer = 0; layer < layers; layer++) {
    const attended = attention(writer, config, dims, normed, layer);
    [normed, residual] = addAndNorm(writer, config, residual, attended, `norm.${layer}.mlp`);
    const lifted = feedForward(writer, config, normed, layer);
    [normed, residual] = addAndNorm(writer, config, residual, lifted, `norm.${layer + 1}`);
  }
  const wanted = writer.node('Gather', [normed, 'last'], { axis: 0 });
  const head = writer.input('head', 'float32', [hiddenSize, vocabSize]);
  writer.output('logits', writer.node('Gemm', [wanted, head]), ['B', vocabSize]);
  return writer.finish();
}

/** Shapes computed once per run from the shape of `positions`. */
interface Dimensions {
  readonly queryAndKey: string;
  readonly query: string;
  readonly key: string;
  readonly groupedQuery: string;
  readonly attended: string;
}

function attentionInputs(writer: ModelWriter, config: ModelConfig): Dimensions {
  const { heads, keyValueHeads, headSize } = config;
  writer.input('positions', 'int64', ['B', 'S']);
  writer.input('cosines', 'float32', ['P', headSize / 2]);
  writer.input('sines', 'float32', ['P', headSize / 2]);
  writer.input('cacheMask', 'float32', ['B', 1, 1, 'T']);
  writer.input('ownMask', 'float32', [1, 1, 'G*S', 'S']);
  const group = heads / keyValueHeads;
  const batchAndSteps = writer.node('Shape', ['positions']);
  const batch = writer.node('Slice', [batchAndSteps, writer.integers(0), writer.integers(1)]);
  const shape = (front: string, ...sizes: number[]): string =>
    writer.node('Concat', [front, writer.integers(...sizes)], { axis: 0 });
  return {
    queryAndKey: shape(batchAndSteps, (heads + keyValueHeads) * headSize),
    query: shape(batchAndSteps, keyValueHeads, group, headSize),
    key: shape(batchAndSteps, keyValueHeads, headSize),
    groupedQuery: shape(batch, keyValueHeads, -1, headSize),
    attended: shape(batch, keyValueHeads, group, -1, headSize),
  };
}

function attention(
  writer: ModelWriter,
  config: ModelConfig,
  dims: Dimensions,
  x: string,
  layer: number,
): string {
  const { heads, keyValueHeads, headSize, hiddenSize } = config;
  const [querySize, keySize] = [heads * headSize, keyValueHeads * headSize];
  const projected = project(
    writer,
    x,
    `qkv.${layer}`,
    hiddenSize,
    querySize + 2 * keySize,
    config.attentionBias,
  );
  const [turning, plainValue] = writer.split(projected, 1, querySize + keySize, keySize);
  const [plainQuery, plainKey] = writer.split(rotate(writer, dims, turning!), 2, querySize, keySize);
  const query = writer.node('Reshape', [
    writer.node('Transpose', [writer.node('Reshape', [plainQuery!, dims.query])], { perm: [0, 2, 3, 1, 4] }),
    dims.groupedQuery,
  ]);
  const byHead = (value: string): string =>
    writer.node('Transpose', [writer.node('Reshape', [value, dims.key])], { perm: [0, 2, 1, 3] });
  const [key, value] = [byHead(plainKey!), byHead(plainValue!)];
  writer.output(`new.k.${layer}`, key, ['B', keyValueHeads, 'S', headSize]);
  writer.output(`new.v.${layer}`, value, ['B', keyValueHeads, 'S', headSize]);
  const cache = (name: string): string =>
    writer.input(`cache.${name}.${layer}`, 'float32', ['B', keyValueHeads, 'T', headSize]);
  const attended = attend(writer, 1 / Math.sqrt(headSize), query, [
    { key: cache('k'), value: cache('v'), mask: 'cacheMask' },
    { key, value, mask: 'ownMask' },
  ]);
  const split = writer.node('Reshape', [attended, dims.attended]);
  const merged = writer.node('Transpose', [split], { perm: [0, 3, 1, 2, 4] });
  const rows = writer.node('Reshape', [merged, writer.integers(-1, querySize)]);
  return project(writer, rows, `out.${layer}`, querySize, hiddenSize, false);
}

/** Rotary embedding of the query and key heads together. */
function rotate(writer: ModelWriter, dims: Dimensions, heads: string): string {
  const shaped = writer.node('Reshape', [heads, dims.queryAndKey]);
  return writer.runtimeNode('RotaryEmbedding', [shaped, 'positions', 'cosines', 'sines'], { interleaved: 0 });
}

interface Source {
  readonly key: string;
  readonly value: string;
  readonly mask: string;
}

/** Softmax attention over several sources of keys as if concatenated, without copying them together. */
function attend(writer: ModelWriter, scale: number, query: string, sources: readonly Source[]): string {
  const scores = sources.map(({ key, mask }) => {
    const products = writer.runtimeNode('FusedMatMul', [query, key], { transB: 1, alpha: { float: scale } });
    return writer.node('Add', [products, mask]);
  });
  const overKeys = (type: string, value: string): string =>
    writer.node(type, [value, writer.integers(3)], { keepdims: 1 });
  const largest = writer.node(
    'Max',
    scores.map((score) => overKeys('ReduceMax', score)),
  );
  const powers = scores.map((score) => writer.node('Exp', [writer.node('Sub', [score, largest])]));
  const add = (parts: readonly string[]): string =>
    parts.reduce((sum, part) => writer.node('Add', [sum, part]));
  const weighted = powers.map((power, i) => writer.node('MatMul', [power, sources[i]!.value]));
  return writer.node('Div', [add(weighted), add(powers.map((power) => overKeys('ReduceSum', power)))]);
}

/** SwiGLU. QuickGelu with α = 1 is SiLU as one operation. */
function feedForward(writer: ModelWriter, config: ModelConfig, x: string, layer: number): string {
  const { hiddenSize, intermediateSize: size } = config;
  const both = project(writer, x, `gate-up.${layer}`, hiddenSize, 2 * size, false);
  const [gate, up] = writer.split(both, 1, size, size);
  const active = writer.runtimeNode('QuickGelu', [gate!], { alpha: { float: 1 } });
  return project(writer, writer.node('Mul', [active, up!]), `down.${layer}`, size, hiddenSize, false);
}

function project(
  writer: ModelWriter,
  x: string,
  name: string,
  inputs: number,
  outputs: number,
  bias: boolean,
): string {
  const weight = writer.input(name, 'float32', [inputs, outputs]);
  return writer.node(
    'Gemm',
    bias ? [x, weight, writer.input(`${name}.bias`, 'float32', [outputs])] : [x, weight],
  );
}

function norm(writer: ModelWriter, name: string, { hiddenSize }: ModelConfig): string {
  return writer.input(name, 'float32', [hiddenSize]);
}

/** Residual sum and its RMSNorm in one operation; returns the norm first, then the sum. */
function addAndNorm(
  writer: ModelWriter,
  config: ModelConfig,
  residual: string,
  update: string,
  name: string,
): [normed: string, sum: string] {
  const inputs = [residual, update, norm(writer, name, config)];
  const attributes = { epsilon: { float: config.normEpsilon } };
  const outputs = writer.names(4);
  writer.runtimeNode('SkipSimplifiedLayerNormalization', inputs, attributes, outputs);
  return [outputs[0]!, outputs[3]!];
}

/** Collects nodes in writing order; values are names, sizes may be symbolic. */
class ModelWriter {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxConstant[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  #count = 0;

  names(count: number): string[] {
    return Array.from({ length: count }, () => `value.${this.#count++}`);
  }

  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs: readonly string[] = this.names(1),
  ): string {
    this.#nodes.push({ type, inputs, outputs, attributes });
    return outputs[0]!;
  }

  /** Adds one node that uses an operator of ONNX Runtime instead of standard ONNX. */
  runtimeNode(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs: readonly string[] = this.names(1),
  ): string {
    this.#nodes.push({ type, inputs, outputs, attributes, domain: 'com.microsoft' });
    return outputs[0]!;
  }

  split(value: string, axis: number, ...sizes: number[]): string[] {
    const outputs = this.names(sizes.length);
    this.node('Split', [value, this.integers(...sizes)], { axis }, outputs);
    return outputs;
  }

  integers(...values: number[]): string {
    const [name] = this.names(1);
    const data = BigInt64Array.from(values, BigInt);
    this.#constants.push({ name: name!, type: 'int64', shape: [values.length], data });
    return name!;
  }

  input(name: string, type: OnnxValue['type'], shape: OnnxValue['shape']): string {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  output(name: string, value: string, shape: OnnxValue['shape']): void {
    this.node('Identity', [value], {}, [name]);
    this.#outputs.push({ name, type: 'float32', shape });
  }

  finish(): Uint8Array {
    return encodeModel({
      nodes: this.#nodes,
      constants: this.#constants,
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }
}
