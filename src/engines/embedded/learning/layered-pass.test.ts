import { afterAll, expect, test } from 'vitest';
import type { TrainingSequence } from '../../../core/batch.ts';
import { crossEntropyLoss, type LossSpec } from '../../../core/loss-spec.ts';
import { createRng } from '../../../core/rng.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { createProgramCache } from '../graph/program-cache.ts';
import { initialWeights, parameterLayout } from '../parameters.ts';
import { sliceTokens } from './head-slices.ts';
import { createLayeredPass } from './layered-pass.ts';
import { lossFeeds, tokenFeeds } from './microbatches.ts';
import { createWholePass } from './whole-pass.ts';

/** A model with two kinds of layers; for `shape`, the head needs several slices. */
const config: ModelConfig = {
  architecture: 'gemma3_text',
  vocabSize: 300,
  hiddenSize: 8,
  layers: 3,
  heads: 2,
  keyValueHeads: 1,
  headSize: 4,
  intermediateSize: 12,
  normEpsilon: 1e-6,
  ropeTheta: 10_000,
  ropeScaling: null,
  maxPositions: 64,
  tieEmbeddings: true,
  attentionBias: false,
  embeddingScale: 3.3,
  slidingWindow: { size: 8, layers: [0, 2] },
};
const shape = { rows: 2, positions: 40 };
const weights = initialWeights(config, 1).map((weight) => 5 * weight);
const programs = createProgramCache({ threads: 1, memoryBudgetBytes: 512e6 });
const slice = 32;
const [whole, layered] = [
  createWholePass(config, programs),
  createLayeredPass(config, programs, slice * config.vocabSize),
];
afterAll(() => programs.shrinkTo(0));

const losses: Record<string, LossSpec> = {
  'cross-entropy': crossEntropyLoss,
  'clipped by sequence, with entropy, importance and KL': {
    policy: { type: 'clipped', ratio: 'sequence', clipLow: 0.2, clipHigh: 0.3, dualClip: 3 },
    kl: { estimator: 'k3', coefficient: 0.1 },
    entropy: { coefficient: 0.01 },
    importance: { level: 'sequence', mode: 'truncate', cap: 2 },
    temperature: 0.8,
  },
};

function sequence(length: number): TrainingSequence {
  const rng = createRng(length, 'layered-pass');
  const values = (low: number, high: number): Float32Array =>
    Float32Array.from({ length }, () => low + (high - low) * rng.next());
  return {
    tokens: Int32Array.from({ length }, () => rng.integer(0, 299)),
    weights: values(0, 0.1).fill(0, 0, 5),
    advantages: values(-1, 1),
    rolloutLogprobs: values(-6, -5),
    policyLogprobs: values(-6, -5),
    referenceLogprobs: values(-6, -5),
  };
}
const sequences = [sequence(41), sequence(30)];
const feeds = { ...tokenFeeds(sequences, shape), ...lossFeeds(sequences, shape) };

/** Returns ‖a − b‖ / ‖a‖. */
function relativeDistance(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...a);
}

test.each(Object.keys(losses))(
  'computes the same gradient as a pass in one program for the loss %s',
  async (name) => {
    const job = { weights, shape, feeds, spec: losses[name]! };
    const [expected, found] = [new Float32Array(weights.length), new Float32Array(weights.length)];
    const measured = await whole.gradient({ ...job, gradient: expected, inLayers: false, keptLayers: 0 });
    for (const keptLayers of [0, 2])
      expect(await layered.gradient({ ...job, gradient: found, inLayers: true, keptLayers })).toEqual(
        measured,
      );
    for (const { offset, length } of parameterLayout(config).entries) {
      const half = found.subarray(offset, offset + length).map((value) => value / 2);
      expect(relativeDistance(expected.subarray(offset, offset + length), half)).toBeLessThan(1e-5);
    }
  },
);

test('gives bit-identical gradients for any number of layers that keep values for the backward pass', async () => {
  const run = async (keptLayers: number): Promise<Float32Array> => {
    const gradient = new Float32Array(weights.length);
    await layered.gradient({
      weights,
      shape,
      feeds,
      spec: crossEntropyLoss,
      gradient,
      inLayers: true,
      keptLayers,
    });
    return gradient;
  };
  const nothing = await run(0);
  for (const keptLayers of [3, 1]) expect(await run(keptLayers)).toEqual(nothing);
});

test('computes scores that are bit-identical to those of a pass in one program', async () => {
  const job = { weights, shape, feeds, temperature: 0.7, inLayers: true };
  expect(await layered.logprobs(job)).toEqual(await whole.logprobs(job));
  expect(await layered.top({ ...job, count: 3 })).toEqual(await whole.top({ ...job, count: 3 }));
});

test('computes the logits of at most one slice of tokens at a time', () => {
  expect(sliceTokens(config, shape, slice * config.vocabSize)).toBe(slice);
  expect(sliceTokens({ ...config, vocabSize: 49_152 }, { rows: 8, positions: 4096 })).toBe(160);
  expect(sliceTokens({ ...config, vocabSize: 10 ** 6 }, { rows: 8, positions: 4096 })).toBe(32);
});
