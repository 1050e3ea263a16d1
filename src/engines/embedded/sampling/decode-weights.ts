import * as ort from 'onnxruntime-node';
import { normsBefore } from '../../model-files/block-norms.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { layerPrefix, parameterLayout } from '../parameters.ts';
import { embeddingName, headName } from '../transformer.ts';

/** Weights of the decode program, by input name. */
export type DecodeWeights = Readonly<Record<string, ort.Tensor>>;

/**
 * Maps all weights to the inputs of the decode program, without a copy of the matrices: projections of the same input
 * (q, k, v; gate, up) are one view if they are adjacent. Copies only matrices that are separated by biases, and norms
 * with an offset. The weights must not change while the result is in use.
 *
 * @param flat all weights, in the order of `parameterLayout`
 */
export function decodeWeights(config: ModelConfig, flat: Float32Array): DecodeWeights {
  const { hiddenSize, heads, headSize, intermediateSize, layers } = config;
  const byName = new Map(parameterLayout(config).entries.map((entry) => [entry.name, entry]));
  const found = (names: readonly string[]): Float32Array =>
    joined(
      flat,
      names.flatMap((name) => byName.get(name) ?? []),
    );
  const inputs: Record<string, ort.Tensor> = {
    embedding: matrix(found([embeddingName]), hiddenSize),
    head: matrix(found([headName(config)]), hiddenSize),
  };
  const addNorm = (target: string, name: string | null): void => {
    const values = found(name === null ? [] : [`${name}.weight`]);
    if (values.length === 0) return;
    inputs[target] = vector(config.normOffset === true ? Float32Array.from(values, (x) => 1 + x) : values);
  };
  addNorm(`norm.${layers}`, 'model.norm');
  const { attention, feedForward } = config.norms ?? normsBefore;
  for (let layer = 0; layer < layers; layer++) {
    const prefix = layerPrefix(layer);
    const add = (target: string, size: number, names: readonly string[]): void => {
      inputs[target] = matrix(found(names.map((name) => `${prefix}${name}.weight`)), size);
      const biases = found(names.map((name) => `${prefix}${name}.bias`));
      if (biases.length > 0) inputs[`${target}.bias`] = vector(biases);
    };
    const within = (name: string | null): string | null => (name === null ? null : prefix + name);
    addNorm(`norm.${layer}`, within(attention[0]));
    addNorm(`norm.${layer}.attended`, within(attention[1]));
    addNorm(`norm.${layer}.mlp`, within(feedForward[0]));
    addNorm(`norm.${layer}.lifted`, within(feedForward[1]));
    addNorm(`q-norm.${layer}`, `${prefix}self_attn.q_norm`);
    addNorm(`k-norm.${layer}`, `${prefix}self_attn.k_norm`);
    add(`qkv.${layer}`, hiddenSize, ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj']);
    add(`out.${layer}`, heads * headSize, ['self_attn.o_proj']);
    add(`gate-up.${layer}`, hiddenSize, ['mlp.gate_proj', 'mlp.up_proj']);
    add(`down.${layer}`, intermediateSize, ['mlp.down_proj']);
  }
  return inputs;
}

interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Joins ranges of a vector; returns a view if they are adjacent, else a copy. */
function joined(flat: Float32Array, ranges: readonly Range[]): Float32Array {
  const [first] = ranges;
  if (first === undefined) return new Float32Array();
  const isView = ranges.every(({ offset }, i) => i === 0 || offset === endOf(ranges[i - 1]!));
  if (isView) return flat.subarray(first.offset, endOf(ranges.at(-1)!));
  const copy = new Float32Array(ranges.reduce((total, { length }) => total + length, 0));
  let end = 0;
  for (const range of ranges) {
    copy.set(flat.subarray(range.offset, endOf(range)), end);
    end += range.length;
  }
  return copy;
}

const endOf = ({ offset, length }: Range): number => offset + length;

/** Returns a matrix as a tensor [outputs, inputs], the layout of Hugging Face. */
function matrix(data: Float32Array, inputs: number): ort.Tensor {
  return new ort.Tensor('float32', data, [data.length / inputs, inputs]);
}

function vector(data: Float32Array): ort.Tensor {
  return new ort.Tensor('float32', data, [data.length]);
}
