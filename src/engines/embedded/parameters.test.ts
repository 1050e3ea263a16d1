import { expect, test } from 'vitest';
import type { ModelConfig } from '../model-files/model-config.ts';
import { initialWeights, parameterLayout } from './parameters.ts';

const config: ModelConfig = {
  architecture: 'qwen2',
  vocabSize: 64,
  hiddenSize: 128,
  layers: 4,
  heads: 4,
  keyValueHeads: 2,
  headSize: 32,
  intermediateSize: 384,
  normEpsilon: 1e-6,
  ropeTheta: 10_000,
  ropeScaling: null,
  maxPositions: 128,
  tieEmbeddings: true,
  attentionBias: true,
};

test('lays out all weights end to end, without gaps', () => {
  const { entries, length } = parameterLayout(config);
  let end = 0;
  for (const entry of entries) {
    expect(entry.offset).toBe(end);
    expect(entry.length).toBe(entry.shape.reduce((product, size) => product * size, 1));
    end += entry.length;
  }
  expect(length).toBe(end);
  expect(length).toBe(796_800);
  expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length);
});

test('follows the names and shapes of Hugging Face, with biases and a separate head only if the model has them', () => {
  const namesOf = (own: ModelConfig): string[] => parameterLayout(own).entries.map(({ name }) => name);
  const entries = parameterLayout(config).entries;
  expect(entries).toContainEqual(
    expect.objectContaining({
      name: 'model.layers.3.self_attn.k_proj.weight',
      shape: [64, 128],
      decay: true,
    }),
  );
  expect(entries).toContainEqual(
    expect.objectContaining({ name: 'model.layers.0.self_attn.q_proj.bias', shape: [128], decay: false }),
  );
  expect(namesOf({ ...config, attentionBias: false }).filter((name) => name.endsWith('bias'))).toEqual([]);
  expect(namesOf(config)).not.toContain('lm_head.weight');
  expect(namesOf({ ...config, tieEmbeddings: false })).toContain('lm_head.weight');
});

test('initialises weights that depend only on the seed and have the intended standard deviation', () => {
  const weights = initialWeights(config, 7);
  expect(initialWeights(config, 7)).toEqual(weights);
  expect(initialWeights(config, 8)).not.toEqual(weights);
  const deviation = (name: string): number => {
    const { offset, length } = parameterLayout(config).entries.find((entry) => entry.name === name)!;
    return Math.sqrt(
      weights.subarray(offset, offset + length).reduce((total, x) => total + x * x, 0) / length,
    );
  };
  expect(deviation('model.layers.0.mlp.up_proj.weight')).toBeCloseTo(0.02, 3);
  expect(deviation('model.layers.0.mlp.down_proj.weight')).toBeCloseTo(0.02 / Math.sqrt(8), 3);
  expect(deviation('model.layers.0.input_layernorm.weight')).toBe(1);
  expect(deviation('model.layers.0.self_attn.q_proj.bias')).toBe(0);
});
