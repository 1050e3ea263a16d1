import * as ort from 'onnxruntime-node';
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
    [`norm.${layers}`]: vector([weight('model.norm.weight')]),
  };
  for (let layer = 0; layer < layers; layer++) {
    const own = (name: string): Float32Array => weight(`model.layers.${layer}.${name}`);
    const projections = ['q', 'k', 'v'].map((name) => `self_attn.${name}_proj`);
    packed[`norm.${layer}`] = vector([own('input_layernorm.weight')]);
    packed[`norm.${layer}.mlp`] = vector([own('post_attention_layernorm.weight')]);
    packed[`qkv.${layer}`] = transpose(
      hiddenSize,
      projections.map((name) => own(`${name}.weight`)),
    );
    if (config.attentionBias)
      packed[`qkv.${layer}.bias`] = vector(projections.map((name) => own(`${name}.bias`)));
    packed[`out.${layer}`] = transpose(heads * headSize, [own('self_attn.o_proj.weight')]);
    packed[`gate-up.${layer}`] = transpose(hiddenSize, [
      own('mlp.gate_proj.weight'),
      own('mlp.up_proj.weight'),
    ]);
    packed[`down.${layer}`] = transpose(intermediateSize, [own('mlp.down_proj.weight')]);
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
