import { normsBefore } from '../model-files/block-norms.ts';
import type { ModelConfig } from '../model-files/model-config.ts';
import { constant, input, type Value } from './graph/graph.ts';
import { attend } from './graph/ops/attention.ts';
import { add, multiply, tanh } from './graph/ops/elementwise.ts';
import { gelu } from './graph/ops/gelu.ts';
import { linear } from './graph/ops/matmul.ts';
import { embed } from './graph/ops/lookup.ts';
import { rmsNorm } from './graph/ops/rms-norm.ts';
import { rotate } from './graph/ops/rotary.ts';
import { reshape, transpose } from './graph/ops/shaping.ts';
import { swiglu } from './graph/ops/swiglu.ts';
import { parameterLayout } from './parameters.ts';
import { localFrequencies, rotaryFrequencies, rotaryScale } from './rotary-frequencies.ts';

/** Weights of a model as graph inputs, by Hugging Face name. */
export type Weights = ReadonlyMap<string, Value>;

/** Creates a graph input for each weight tensor, with its name in the layout. */
export function weightInputs(config: ModelConfig): Weights {
  const { entries } = parameterLayout(config);
  return new Map(entries.map(({ name, shape }) => [name, input(name, 'float32', shape)]));
}

/** Shape of a batch: number of rows, and of positions per row. */
export interface BatchShape {
  readonly rows: number;
  readonly positions: number;
}

/**
 * Builds the next-token logits [rows · positions, vocabulary] of a model: blocks of grouped-query attention
 * with rotary embedding, then a gated feed-forward layer; `ModelConfig` describes the differences between
 * families. Attention is causal, so padding on the right of a row never affects the positions before it.
 *
 * @param tokens int32 [rows · positions], row by row
 * @param inverseTemperature scalar that multiplies the logits (folded into the weight of the last norm, at no cost, if
 * there is nothing between norm and head)
 */
export function transformerLogits(
  config: ModelConfig,
  weights: Weights,
  tokens: Value,
  shape: BatchShape,
  inverseTemperature: Value,
): Value {
  const append = createBlocks(config, weights, shape);
  let hidden = embedTokens(config, weights, tokens);
  for (let layer = 0; layer < config.layers; layer++) hidden = append(hidden, layer);
  return nextTokenLogits(config, weights, hidden, inverseTemperature);
}

/** Builds the embeddings of tokens, the input of the first block: [tokens, hidden]. */
function embedTokens(config: ModelConfig, weights: Weights, tokens: Value): Value {
  return scaled(embed(weights.get(embeddingName)!, tokens), config.embeddingScale);
}

/** Creates a function that appends block `layer` to hidden states [rows · positions, hidden]. */
export function createBlocks(
  config: ModelConfig,
  weights: Weights,
  shape: BatchShape,
): (hidden: Value, layer: number) => Value {
  const context = createContext(config, weights, shape);
  return (hidden, layer) => block(context, hidden, layer);
}

/**
 * Returns the first layer whose block computes the same function of its input and weights as block `layer`.
 */
export function firstLikeLayer(config: ModelConfig, layer: number): number {
  const kindOf = (at: number): string => `${isLocalLayer(config, at)} ${isRotatedLayer(config, at)}`;
  let like = 0;
  while (kindOf(like) !== kindOf(layer)) like++;
  return like;
}

const isLocalLayer = ({ slidingWindow }: ModelConfig, layer: number): boolean =>
  slidingWindow?.layers.includes(layer) === true;

const isRotatedLayer = ({ unrotatedLayers = [] }: ModelConfig, layer: number): boolean =>
  !unrotatedLayers.includes(layer);

/**
 * Builds the final norm and head: logits [tokens, vocabulary] of hidden states [tokens, hidden], times
 * `inverseTemperature`.
 */
export function nextTokenLogits(
  config: ModelConfig,
  weights: Weights,
  hidden: Value,
  inverseTemperature: Value,
): Value {
  const { logitCap, logitScale } = config;
  const weight = scaled(normWeight({ config, weights }, 'model.norm'), logitScale);
  const head = weights.get(headName(config))!;
  if (logitCap === undefined) {
    return linear(rmsNorm(hidden, multiply(weight, inverseTemperature), config.normEpsilon), head);
  }
  const logits = linear(rmsNorm(hidden, scaled(weight, 1 / logitCap), config.normEpsilon), head);
  return multiply(tanh(logits), multiply(inverseTemperature, constant(logitCap)));
}

/** Name of the embedding matrix. */
export const embeddingName = 'model.embed_tokens.weight';

/** Returns the name of the matrix that computes logits: the embedding if both are tied. */
export const headName = ({ tieEmbeddings }: ModelConfig): string =>
  tieEmbeddings ? embeddingName : 'lm_head.weight';

/** Cosines and sines [positions, rotated elements / 2]. */
interface RotaryTables {
  readonly cosine: Value;
  readonly sine: Value;
}

interface Context {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly shape: BatchShape;
  /** Returns the rotary tables of a layer; `null` if it has no rotary embedding. */
  rotary(layer: number): RotaryTables | null;
  mask(layer: number): Value;
}

function createContext(config: ModelConfig, weights: Weights, shape: BatchShape): Context {
  const { slidingWindow } = config;
  const isLocal = (layer: number): boolean => isLocalLayer(config, layer);
  const tables = rotaryTables(rotaryFrequencies(config), rotaryScale(config), shape.positions);
  const localTables =
    config.localRopeTheta === undefined ? tables : rotaryTables(localFrequencies(config), 1, shape.positions);
  const mask = causalMask(config, shape.positions);
  const localMask =
    slidingWindow === undefined ? mask : causalMask(config, shape.positions, slidingWindow.size);
  return {
    config,
    weights,
    shape,
    rotary: (layer) => (!isRotatedLayer(config, layer) ? null : isLocal(layer) ? localTables : tables),
    mask: (layer) => (isLocal(layer) ? localMask : mask),
  };
}

function block(context: Context, hidden: Value, layer: number): Value {
  const { config, weights } = context;
  const prefix = `model.layers.${layer}.`;
  const project = (x: Value, name: string): Value =>
    linear(x, weights.get(`${prefix}${name}.weight`)!, weights.get(`${prefix}${name}.bias`));
  const norm = (x: Value, name: string | null): Value =>
    name === null ? x : rmsNorm(x, normWeight(context, prefix + name), config.normEpsilon);
  const { attention: around, feedForward } = config.norms ?? normsBefore;
  const join = (residual: Value, update: Value, after: string | null): Value =>
    add(residual, scaled(norm(update, after), config.residualScale));
  const mixed = attention(context, norm(hidden, around[0]), layer);
  const attended = join(hidden, project(mixed, 'self_attn.o_proj'), around[1]);
  const normed = norm(attended, feedForward[0]);
  const [gate, up] = [project(normed, 'mlp.gate_proj'), project(normed, 'mlp.up_proj')];
  const inner = config.gelu === true ? multiply(gelu(gate), up) : swiglu(gate, up);
  return join(attended, project(inner, 'mlp.down_proj'), feedForward[1]);
}

/** Returns the factor of a norm: its weight, or 1 + weight with `normOffset`. */
function normWeight({ config, weights }: Pick<Context, 'config' | 'weights'>, name: string): Value {
  const weight = weights.get(`${name}.weight`)!;
  return config.normOffset === true ? add(weight, constant(1)) : weight;
}

const scaled = (x: Value, factor: number | undefined): Value =>
  factor === undefined || factor === 1 ? x : multiply(x, constant(factor));

/**
 * Computes causal attention from [rows · positions, hidden] to [rows · positions, heads · size]. The query heads of a
 * group are stacked.
 */
function attention(context: Context, x: Value, layer: number): Value {
  const { config, weights, shape } = context;
  const { heads, keyValueHeads, headSize } = config;
  const { rows, positions } = shape;
  const prefix = `model.layers.${layer}.self_attn.`;
  const project = (name: string): Value =>
    linear(x, weights.get(`${prefix}${name}.weight`)!, weights.get(`${prefix}${name}.bias`));
  const inRows = (value: Value, count: number): Value => reshape(value, [rows, positions, count * headSize]);
  const split = (value: Value, count: number): Value =>
    transpose(reshape(value, [rows, positions, count, headSize]), [0, 2, 1, 3]);
  const rotary = context.rotary(layer);
  const partOf = config.rotarySize === undefined ? null : headSize;
  const turn = (value: Value): Value =>
    rotary === null ? value : rotate(value, rotary.cosine, rotary.sine, partOf);
  const normed = (value: Value, name: string): Value =>
    config.queryKeyNorm === undefined ? value : normHeads(context, value, prefix + name);
  const query = split(turn(inRows(normed(project('q_proj'), 'q_norm'), heads)), heads);
  const key = split(turn(inRows(normed(project('k_proj'), 'k_norm'), keyValueHeads)), keyValueHeads);
  const value = split(inRows(project('v_proj'), keyValueHeads), keyValueHeads);
  const grouped = reshape(query, [rows, keyValueHeads, (heads / keyValueHeads) * positions, headSize]);
  const scale = config.attentionScale ?? 1 / Math.sqrt(headSize);
  const result = attend(grouped, key, value, context.mask(layer), scale, config.attentionCap);
  const merged = transpose(reshape(result, [rows, heads, positions, headSize]), [0, 2, 1, 3]);
  return reshape(merged, [rows * positions, heads * headSize]);
}

/** Applies RMSNorm to a projection [rows · positions, heads · size], over each head or all of them. */
function normHeads(context: Context, x: Value, name: string): Value {
  const { queryKeyNorm, headSize, normEpsilon } = context.config;
  const width = queryKeyNorm === 'head' ? headSize : x.shape[1]!;
  const rows = reshape(x, [(x.shape[0]! * x.shape[1]!) / width, width]);
  return reshape(rmsNorm(rows, normWeight(context, name), normEpsilon), x.shape);
}

/**
 * Returns a mask that is 0 where a query may attend to a key, and −10⁹ where the key is in its future, or `window` or
 * more positions before it. The mask is repeated for each head of a group.
 */
function causalMask({ heads, keyValueHeads }: ModelConfig, positions: number, window = Infinity): Value {
  const queries = (heads / keyValueHeads) * positions;
  const mask = new Float32Array(queries * positions);
  for (let query = 0; query < queries; query++) {
    const [start, at] = [query * positions, query % positions];
    mask.fill(-1e9, start + at + 1, start + positions);
    if (at >= window) mask.fill(-1e9, start, start + at - window + 1);
  }
  return constant(mask, [queries, positions]);
}

function rotaryTables(frequencies: readonly number[], scale: number, positions: number): RotaryTables {
  const table = (of: (angle: number) => number): Value => {
    const values = Array.from({ length: positions }, (_, t) =>
      frequencies.map((frequency) => scale * of(t * frequency)),
    );
    return constant(Float32Array.from(values.flat()), [positions, frequencies.length]);
  };
  return { cosine: table(Math.cos), sine: table(Math.sin) };
}
