import * as ort from 'onnxruntime-node';
import { normsBefore } from '../../model-files/block-norms.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { parameterLayout } from '../parameters.ts';

/** Weights in the layout of the decode program, by input name. */
export type DecodeWeights = Readonly<Record<string, ort.Tensor>>;

/**
 * Copies all weights into the layout that decodes fastest: projections transposed to [input, output], so that the
 * runtime reads them sequentially, and those with the same input (q, k, v; gate, up) joined into one. Costs a few
 * milliseconds per million weights, once per policy version. Later training does not change the copy.
 *
 * @param flat all weights, in the order of `parameterLayout`
 */
export function packDecodeWeights(config: ModelConfig, flat: Float32Array): DecodeWeights {
  const { entries } = parameterLayout(config);
  const byName = new Map(
    entries.map(({ name, offset, length }) => [name, flat.subarray(offset, offset + length)]),
  );
  const weight = (name: string): Float32Array => byName.get(name)!;
  const { hiddenSize, heads, headSize, intermediateSize, layers, tieEmbeddings } = config;
  const embedding = weight('model.embed_tokens.weight').slice();
  const packed: Record<string, ort.Tensor> = {
    embedding: tensor(embedding, [config.vocabSize, hiddenSize]),
    head: transpose(hiddenSize, [tieEmbeddings ? embedding : weight('lm_head.weight')]),
  };
  const packNorm = (target: string, name: string | null): void => {
    const found = name === null ? undefined : byName.get(`${name}.weight`);
    if (found === undefined) return;
    packed[target] = vector([config.normOffset === true ? found.map((value) => 1 + value) : found]);
  };
  packNorm(`norm.${layers}`, 'model.norm');
  const { attention, feedForward } = config.norms ?? normsBefore;
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}.`;
    const pack = (target: string, inputs: number, names: readonly string[]): void => {
      packed[target] = transpose(
        inputs,
        names.map((name) => weight(`${prefix}${name}.weight`)),
      );
      const biases = names.flatMap((name) => byName.get(`${prefix}${name}.bias`) ?? []);
      if (biases.length > 0) packed[`${target}.bias`] = vector(biases);
    };
    const within = (name: string | null): string | null => (name === null ? null : prefix + name);
    packNorm(`norm.${layer}`, within(attention[0]));
    packNorm(`norm.${layer}.attended`, within(attention[1]));
    packNorm(`norm.${layer}.mlp`, within(feedForward[0]));
    packNorm(`norm.${layer}.lifted`, within(feedForward[1]));
    packNorm(`q-norm.${layer}`, `${prefix}self_attn.q_norm`);
    packNorm(`k-norm.${layer}`, `${prefix}self_attn.k_norm`);
    pack(`qkv.${layer}`, hiddenSize, ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj']);
    pack(`out.${layer}`, heads * headSize, ['self_attn.o_proj']);
    pack(`gate-up.${layer}`, hiddenSize, ['mlp.gate_proj', 'mlp.up_proj']);
    pack(`down.${layer}`, intermediateSize, ['mlp.down_proj']);
  }
  return packed;
}

/** Joins matrices [output, inputs] along their outputs and transposes: [inputs, all outputs]. */
function transpose(inputs: number, matrices: readonly Float32Array[]): ort.Tensor {
  const outputs = matrices.reduce((sum, matrix) => sum + matrix.length, 0) / inputs;
  const result = new Float32Array(inputs * outputs);
  let column = 0;
  for (const matrix of matrices) {
    const rows = matrix.length / inputs;
    // Copies in strips of 16 columns, so that the destination lines stay in the cache.
    for (let strip = 0; strip < rows; strip += 16) {
      const end = Math.min(rows, strip + 16);
      for (let i = 0; i < inputs; i++) {
        for (let row = strip; row < end; row++)
          result[i * outputs + column + row] = matrix[row * inputs + i]!;
      }
    }
    column += rows;
  }
  return tensor(result, [inputs, outputs]);
}

function vector(parts: readonly Float32Array[]): ort.Tensor {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return tensor(data, [data.length]);
}

function tensor(data: Float32Array, shape: number[]): ort.Tensor {
  return new ort.Tensor('float32', data, shape);
}
