import type { LlamaRopeScaling, ModelConfig } from '../model-files/model-config.ts';
import { constant, input, type Value } from './graph/graph.ts';
import { attend } from './graph/ops/attention.ts';
import { add, multiply } from './graph/ops/elementwise.ts';
import { linear } from './graph/ops/matmul.ts';
import { embed } from './graph/ops/lookup.ts';
import { rmsNorm } from './graph/ops/rms-norm.ts';
import { rotate } from './graph/ops/rotary.ts';
import { reshape, transpose } from './graph/ops/shaping.ts';
import { swiglu } from './graph/ops/swiglu.ts';
import { parameterLayout } from './parameters.ts';

/** Weights of a model as graph inputs, by Hugging Face name. */
export type Weights = ReadonlyMap<string, Value>;

/** Creates one input per weight tensor, named as in the layout. */
export function weightInputs(config: ModelConfig): Weights {
  const { entries } = parameterLayout(config);
  return new Map(entries.map(({ name, shape }) => [name, input(name, 'float32', shape)]));
}

/** Shape of a batch: rows and positions per row. */
export interface BatchShape {
  readonly rows: number;
  readonly positions: number;
}

/**
 * Next-token logits [rows · positions, vocabulary] of Qwen2 and Llama models: pre-norm blocks of grouped-query
 * attention with rotary embedding, then SwiGLU. Attention is causal, so padding on the right of a row never
 * affects the positions before it.
 *
 * @param tokens int32 [rows · positions], row by row
 * @param inverseTemperature scalar that multiplies the logits (folded into the last norm's weight, at no cost)
 */
export function transformerLogits(
  config: ModelConfig,
  weights: Weights,
  tokens: Value,
  shape: BatchShape,
  inverseTemperature: Value,
): Value {
  const context: Context = {
    config,
    weights,
    shape,
    rotary: rotaryTables(config, shape.positions),
    mask: causalMask(config, shape.positions),
  };
  const embedding = weights.get('model.embed_tokens.weight')!;
  let hidden = embed(embedding, tokens);
  for (let layer = 0; layer < config.layers; layer++)
    hidden = block(context, hidden, `model.layers.${layer}.`);
  const lastNorm = multiply(weights.get('model.norm.weight')!, inverseTemperature);
  const head = config.tieEmbeddings ? embedding : weights.get('lm_head.weight')!;
  return linear(rmsNorm(hidden, lastNorm, config.normEpsilon), head);
}

interface Context {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly shape: BatchShape;
  readonly rotary: { readonly cosine: Value; readonly sine: Value };
  readonly mask: Value;
}

function block(context: Context, hidden: Value, prefix: string): Value {
  const { config, weights } = context;
  const weight = (name: string): Value => weights.get(`${prefix}${name}.weight`)!;
  const normed = rmsNorm(hidden, weight('input_layernorm'), config.normEpsilon);
  const attended = add(hidden, linear(attention(context, normed, prefix), weight('self_attn.o_proj')));
  const normedAgain = rmsNorm(attended, weight('post_attention_layernorm'), config.normEpsilon);
  const gate = linear(normedAgain, weight('mlp.gate_proj'));
  const up = linear(normedAgain, weight('mlp.up_proj'));
  return add(attended, linear(swiglu(gate, up), weight('mlp.down_proj')));
}

/** [rows · positions, hidden] to [rows · positions, heads · size]. Query heads of a group are stacked. */
function attention({ config, weights, shape, rotary, mask }: Context, x: Value, prefix: string): Value {
  const { heads, keyValueHeads, headSize } = config;
  const { rows, positions } = shape;
  const project = (name: string, count: number): Value => {
    const weight = weights.get(`${prefix}self_attn.${name}.weight`)!;
    const bias = weights.get(`${prefix}self_attn.${name}.bias`);
    return reshape(linear(x, weight, bias), [rows, positions, count * headSize]);
  };
  const split = (value: Value, count: number): Value =>
    transpose(reshape(value, [rows, positions, count, headSize]), [0, 2, 1, 3]);
  const turn = (value: Value): Value => rotate(value, rotary.cosine, rotary.sine);
  const query = split(turn(project('q_proj', heads)), heads);
  const key = split(turn(project('k_proj', keyValueHeads)), keyValueHeads);
  const value = split(project('v_proj', keyValueHeads), keyValueHeads);
  const grouped = reshape(query, [rows, keyValueHeads, (heads / keyValueHeads) * positions, headSize]);
  const result = attend(grouped, key, value, mask, 1 / Math.sqrt(headSize));
  const merged = transpose(reshape(result, [rows, heads, positions, headSize]), [0, 2, 1, 3]);
  return reshape(merged, [rows * positions, heads * headSize]);
}

/** 0 where a query may attend, −10⁹ where the key lies in its future; repeated for each head of a group. */
function causalMask({ heads, keyValueHeads }: ModelConfig, positions: number): Value {
  const queries = (heads / keyValueHeads) * positions;
  const mask = new Float32Array(queries * positions);
  for (let query = 0; query < queries; query++) {
    mask.fill(-1e9, query * positions + (query % positions) + 1, (query + 1) * positions);
  }
  return constant(mask, [queries, positions]);
}

function rotaryTables(config: ModelConfig, positions: number): { cosine: Value; sine: Value } {
  const frequencies = rotaryFrequencies(config);
  const table = (of: (angle: number) => number): Value => {
    const values = Array.from({ length: positions }, (_, t) =>
      frequencies.map((frequency) => of(t * frequency)),
    );
    return constant(Float32Array.from(values.flat()), [positions, frequencies.length]);
  };
  return { cosine: table(Math.cos), sine: table(Math.sin) };
}

/** Angle per position of each pair of a head's elements, in radians; headSize / 2 of them. */
export function rotaryFrequencies({ headSize, ropeTheta, ropeScaling }: ModelConfig): number[] {
  const plain = Array.from({ length: headSize / 2 }, (_, i) => ropeTheta ** ((-2 * i) / headSize));
  return ropeScaling === null ? plain : plain.map((frequency) => scaleFrequency(frequency, ropeScaling));
}

/** Scales as Llama 3.1: divides slow angles by the factor, keeps fast ones, blends between. */
function scaleFrequency(frequency: number, scaling: LlamaRopeScaling): number {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = scaling;
  const turns = (originalMaxPositions * frequency) / (2 * Math.PI);
  const share = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  const kept = Math.min(1, Math.max(0, share));
  return (kept + (1 - kept) / factor) * frequency;
}
