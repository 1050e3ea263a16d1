import { normsBefore } from '../../model-files/block-norms.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { ModelWriter } from './model-writer.ts';

/**
 * Builds the decode program, which processes S new tokens of each of B sequences with T cached positions. For
 * a prompt, S is its length and the cache is empty; for a decoding step, S = 1. B, S and T may change at
 * every run, and weights are inputs, so one session serves every batch and every policy version.
 *
 * The bits of a row's result do not depend on B, S, T or its neighbours: every sum runs over one row in a fixed order,
 * and masked positions add exact zeros. Therefore the softmax is written out: the fused operator sums in an
 * order that depends on T.
 *
 * Inputs, besides those of `decodeWeights`:
 * - `tokens` int32 [B·S]; `positions` int64 [B, S]; `last` int32 [L]: rows of B·S whose logits are requested;
 * - `cosines`, `sines` [P, rotated elements / 2]: rotary tables by position; `local.cosines`, `local.sines` of layers with
 *   a sliding window that have their own;
 * - `cacheMask` [B, 1, 1, T]: 0 for positions that exist, very negative elsewhere; `ownMask` [1, 1, G·S, S]: the same
 *   among the new tokens, repeated for the G query heads of a group; `local.cacheMask`, `local.ownMask` of layers with a
 *   sliding window;
 * - `cache.k.<layer>`, `cache.v.<layer>` [B, keyValueHeads, T, headSize], finite everywhere.
 *
 * Outputs: `logits` [L, vocabulary] and `new.k.<layer>`, `new.v.<layer>` [B, keyValueHeads, S, headSize].
 *
 * The program for `one sequence` computes B successive positions of one sequence at once, with the bits of B decoding
 * steps: every position runs the operations of a step, but all share one cache, to which the program appends the new
 * keys and values and then `spare` zeros. There S = 1, and the inputs differ:
 * - `cache.k.<layer>`, `cache.v.<layer>` [1, keyValueHeads, T, headSize];
 * - `spare` [1, keyValueHeads, P, headSize]: zeros;
 * - `cacheMask`, `local.cacheMask` [B, 1, 1, T + B + P]: 0 for the positions before each row's own.
 */
export function decodeProgram(config: ModelConfig, rowsOf: RowsOf = 'many sequences'): Uint8Array {
  const writer = new ModelWriter();
  const { vocabSize, hiddenSize, layers } = config;
  writer.input('tokens', 'int32', ['B*S']);
  writer.input('last', 'int32', ['L']);
  const dims = attentionInputs(writer, config, rowsOf);
  const embedding = writer.input('embedding', 'float32', [vocabSize, hiddenSize]);
  const { attention: around, feedForward: around2 } = config.norms ?? normsBefore;
  let residual = scaled(
    writer,
    writer.node('Gather', [embedding, 'tokens'], { axis: 0 }),
    config.embeddingScale,
  );
  let normed = around[0] === null ? residual : norm(writer, config, residual, 'norm.0');
  for (let layer = 0; layer < layers; layer++) {
    const attended = attention(writer, config, dims, normed, layer);
    const before = around2[0] === null ? null : `norm.${layer}.mlp`;
    [normed, residual] = join(writer, config, residual, attended, {
      after: around[1] === null ? null : `norm.${layer}.attended`,
      before,
    });
    const lifted = feedForward(writer, config, normed, layer);
    [normed, residual] = join(writer, config, residual, lifted, {
      after: around2[1] === null ? null : `norm.${layer}.lifted`,
      // The norm before the head follows the last block of every family.
      before: around[0] === null && layer + 1 < layers ? null : `norm.${layer + 1}`,
    });
  }
  const wanted = writer.node('Gather', [normed, 'last'], { axis: 0 });
  const head = writer.input('head', 'float32', [vocabSize, hiddenSize]);
  const logits = scaled(writer, writer.node('Gemm', [wanted, head], { transB: 1 }), config.logitScale);
  writer.output('logits', capped(writer, logits, config.logitCap), ['L', vocabSize]);
  return writer.finish();
}

/** Whether the rows of a batch belong to different sequences, or are successive positions of one. */
type RowsOf = 'many sequences' | 'one sequence';

function scaled(writer: ModelWriter, x: string, factor: number | undefined): string {
  return factor === undefined || factor === 1 ? x : writer.node('Mul', [x, writer.number(factor)]);
}

/** Returns cap · tanh(x / cap); x itself without a cap. */
function capped(writer: ModelWriter, x: string, cap: number | undefined): string {
  return cap === undefined ? x : scaled(writer, writer.node('Tanh', [scaled(writer, x, 1 / cap)]), cap);
}

/** Sizes that each run computes once, from the shape of `positions`. */
interface Dimensions {
  readonly rowsOf: RowsOf;
  readonly queryAndKey: string;
  readonly query: string;
  readonly key: string;
  readonly groupedQuery: string;
  readonly attended: string;
}

function attentionInputs(writer: ModelWriter, config: ModelConfig, rowsOf: RowsOf): Dimensions {
  const { heads, keyValueHeads, headSize } = config;
  writer.input('positions', 'int64', ['B', 'S']);
  const cached = rowsOf === 'one sequence' ? 'T+B+P' : 'T';
  if (rowsOf === 'one sequence') writer.input('spare', 'float32', [1, keyValueHeads, 'P', headSize]);
  const places = ['', ...(config.slidingWindow === undefined ? [] : ['local.'])];
  for (const place of places) {
    writer.input(`${place}cacheMask`, 'float32', ['B', 1, 1, cached]);
    writer.input(`${place}ownMask`, 'float32', [1, 1, 'G*S', 'S']);
  }
  for (const place of config.localRopeTheta === undefined ? [''] : places) {
    for (const table of ['cosines', 'sines'])
      writer.input(`${place}${table}`, 'float32', ['P', (config.rotarySize ?? headSize) / 2]);
  }
  const group = heads / keyValueHeads;
  const batchAndSteps = writer.node('Shape', ['positions']);
  const batch = writer.node('Slice', [batchAndSteps, writer.integers(0), writer.integers(1)]);
  const shape = (front: string, ...sizes: number[]): string =>
    writer.node('Concat', [front, writer.integers(...sizes)], { axis: 0 });
  return {
    rowsOf,
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
  const [turning, plainValue] = normedHeads(writer, config, projected, layer);
  const isLocal = config.slidingWindow?.layers.includes(layer) === true;
  const turned = rotate(writer, config, dims, turning, { layer, isLocal });
  const [plainQuery, plainKey] = writer.split(turned, 2, querySize, keySize);
  const query = writer.node('Reshape', [
    writer.node('Transpose', [writer.node('Reshape', [plainQuery!, dims.query])], { perm: [0, 2, 3, 1, 4] }),
    dims.groupedQuery,
  ]);
  const byHead = (value: string): string =>
    writer.node('Transpose', [writer.node('Reshape', [value, dims.key])], { perm: [0, 2, 1, 3] });
  const [key, value] = [byHead(plainKey!), byHead(plainValue)];
  writer.output(`new.k.${layer}`, key, ['B', keyValueHeads, 'S', headSize]);
  writer.output(`new.v.${layer}`, value, ['B', keyValueHeads, 'S', headSize]);
  const cacheOf = (name: string, added: string): string => {
    const isOne = dims.rowsOf === 'one sequence';
    const shape = [isOne ? 1 : 'B', keyValueHeads, 'T', headSize];
    const cache = writer.input(`cache.${name}.${layer}`, 'float32', shape);
    if (!isOne) return cache;
    const inOrder = writer.node('Transpose', [added], { perm: [2, 1, 0, 3] });
    return writer.node('Concat', [cache, inOrder, 'spare'], { axis: 2 });
  };
  const masks = isLocal ? ['local.cacheMask', 'local.ownMask'] : ['cacheMask', 'ownMask'];
  const attended = attend(writer, config, query, [
    { key: cacheOf('k', key), value: cacheOf('v', value), mask: masks[0]! },
    { key, value, mask: masks[1]! },
  ]);
  const split = writer.node('Reshape', [attended, dims.attended]);
  const merged = writer.node('Transpose', [split], { perm: [0, 3, 1, 2, 4] });
  const rows = writer.node('Reshape', [merged, writer.integers(-1, querySize)]);
  return project(writer, rows, `out.${layer}`, querySize, hiddenSize, config.outputBias);
}

/** Splits a joint projection into values, and queries with keys, which are normed if the family requires it. */
function normedHeads(
  writer: ModelWriter,
  config: ModelConfig,
  projected: string,
  layer: number,
): [queriesAndKeys: string, values: string] {
  const { heads, keyValueHeads, headSize, queryKeyNorm } = config;
  const [querySize, keySize] = [heads * headSize, keyValueHeads * headSize];
  if (queryKeyNorm === undefined) {
    const [turning, value] = writer.split(projected, 1, querySize + keySize, keySize);
    return [turning!, value!];
  }
  const [query, key, value] = writer.split(projected, 1, querySize, keySize, keySize);
  const normed = (x: string, name: string, size: number): string => {
    const width = queryKeyNorm === 'head' ? headSize : size;
    const rows = writer.node('Reshape', [x, writer.integers(-1, width)]);
    return writer.node('Reshape', [norm(writer, config, rows, name, width), writer.integers(-1, size)]);
  };
  const parts = [normed(query!, `q-norm.${layer}`, querySize), normed(key!, `k-norm.${layer}`, keySize)];
  return [writer.node('Concat', parts, { axis: 1 }), value!];
}

/** Applies the rotary embedding to the query and key heads together: [B, S, heads · size]. */
function rotate(
  writer: ModelWriter,
  config: ModelConfig,
  dims: Dimensions,
  heads: string,
  { layer, isLocal }: { readonly layer: number; readonly isLocal: boolean },
): string {
  const shaped = writer.node('Reshape', [heads, dims.queryAndKey]);
  if (config.unrotatedLayers?.includes(layer) === true) return shaped;
  const place = isLocal && config.localRopeTheta !== undefined ? 'local.' : '';
  const part =
    config.rotarySize === undefined
      ? {}
      : { num_heads: config.heads + config.keyValueHeads, rotary_embedding_dim: config.rotarySize };
  const inputs = [shaped, 'positions', `${place}cosines`, `${place}sines`];
  return writer.runtimeNode('RotaryEmbedding', inputs, { interleaved: 0, ...part });
}

interface Source {
  readonly key: string;
  readonly value: string;
  readonly mask: string;
}

/**
 * Computes softmax attention over several sources of keys as if they were concatenated, but without a copy.
 */
function attend(writer: ModelWriter, config: ModelConfig, query: string, sources: readonly Source[]): string {
  const scale = config.attentionScale ?? 1 / Math.sqrt(config.headSize);
  const scores = sources.map(({ key, mask }) => {
    const products = writer.runtimeNode('FusedMatMul', [query, key], { transB: 1, alpha: { float: scale } });
    return writer.node('Add', [capped(writer, products, config.attentionCap), mask]);
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

/**
 * Adds a gated feed-forward layer. The operator QuickGelu with α = 1 is SiLU; FastGelu is the tanh approximation of
 * GELU.
 */
function feedForward(writer: ModelWriter, config: ModelConfig, x: string, layer: number): string {
  const { hiddenSize, intermediateSize: size, mlpBias } = config;
  const both = project(writer, x, `gate-up.${layer}`, hiddenSize, 2 * size, mlpBias);
  const [gate, up] = writer.split(both, 1, size, size);
  const active =
    config.gelu === true
      ? writer.runtimeNode('FastGelu', [gate!])
      : writer.runtimeNode('QuickGelu', [gate!], { alpha: { float: 1 } });
  return project(writer, writer.node('Mul', [active, up!]), `down.${layer}`, size, hiddenSize, mlpBias);
}

function project(
  writer: ModelWriter,
  x: string,
  name: string,
  inputs: number,
  outputs: number,
  bias = false,
): string {
  const weight = writer.input(name, 'float32', [outputs, inputs]);
  return writer.node(
    'Gemm',
    bias ? [x, weight, writer.input(`${name}.bias`, 'float32', [outputs])] : [x, weight],
    { transB: 1 },
  );
}

function norm(
  writer: ModelWriter,
  config: ModelConfig,
  x: string,
  name: string,
  size = config.hiddenSize,
): string {
  return writer.node('SimplifiedLayerNormalization', [x, writer.input(name, 'float32', [size])], {
    axis: -1,
    epsilon: { float: config.normEpsilon },
    stash_type: 1,
  });
}

/**
 * Adds an update to the residual stream; returns the input of the next half-block and the sum. Computes the sum and the
 * norm before the next half-block as one operation.
 *
 * @param names weights of the norm of the update and of the norm before the next half-block; `null`: no norm
 * there
 */
function join(
  writer: ModelWriter,
  config: ModelConfig,
  residual: string,
  update: string,
  names: { readonly after: string | null; readonly before: string | null },
): [next: string, sum: string] {
  const normed = names.after === null ? update : norm(writer, config, update, names.after);
  const added = scaled(writer, normed, config.residualScale);
  if (names.before === null) {
    const sum = writer.node('Add', [residual, added]);
    return [sum, sum];
  }
  const inputs = [residual, added, writer.input(names.before, 'float32', [config.hiddenSize])];
  const attributes = { epsilon: { float: config.normEpsilon } };
  const outputs = writer.names(4);
  writer.runtimeNode('SkipSimplifiedLayerNormalization', inputs, attributes, outputs);
  return [outputs[0]!, outputs[3]!];
}
