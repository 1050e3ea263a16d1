import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { TrainingBatch, TrainingSequence } from '../../core/batch.ts';
import type { LossSpec } from '../../core/loss-spec.ts';
import { createRng } from '../../core/rng.ts';
import type { ModelConfig } from '../model-files/model-config.ts';
import { createMicrobatchRunner } from './microbatch-runner.ts';
import { initialWeights } from './parameters.ts';
import { createTrainer, type Trainer } from './trainer.ts';

const config: ModelConfig = {
  architecture: 'qwen2',
  vocabSize: 13,
  hiddenSize: 16,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  headSize: 4,
  intermediateSize: 24,
  normEpsilon: 1e-6,
  ropeTheta: 10_000,
  ropeScaling: null,
  maxPositions: 64,
  tieEmbeddings: true,
  attentionBias: true,
};
const crossEntropy: LossSpec = {
  policy: { type: 'cross-entropy' },
  kl: null,
  entropy: null,
  importance: null,
  temperature: 1,
};
const clipped: LossSpec = {
  policy: { type: 'clipped', ratio: 'sequence', clipLow: 0.2, clipHigh: 0.3, dualClip: 3 },
  kl: { estimator: 'k3', coefficient: 0.1 },
  entropy: { coefficient: 0.01 },
  importance: { level: 'token', mode: 'truncate', cap: 2 },
  temperature: 0.8,
};

const memoryBudgetBytes = 64e6;
const runners = [1, 2].map((threads) => createMicrobatchRunner({ config, threads, memoryBudgetBytes }));
afterAll(async () => {
  for (const runner of runners) await runner[Symbol.asyncDispose]();
});

function trainer(maxMicrobatchTokens: number, lanes = 1): Trainer {
  const weights = initialWeights(config, 1).map((weight) => 5 * weight);
  return createTrainer({
    config,
    weights,
    runners: runners.slice(0, lanes),
    memoryBudgetBytes,
    maxMicrobatchTokens,
  });
}

/** Sequences of these lengths; the first tokens of each are a prompt without weight, whose other entries are NaN. */
function batch(lengths: readonly number[], seed = 1): TrainingBatch {
  return { sequences: lengths.map((length, index) => sequence(length, seed + index)) };
}

function sequence(length: number, seed: number): TrainingSequence {
  const rng = createRng(seed, 'test-sequence');
  const prompt = rng.integer(1, Math.max(1, length - 2));
  const written = (value: () => number): Float32Array =>
    Float32Array.from({ length }, (_, t) => (t < prompt ? Number.NaN : value()));
  return {
    tokens: Int32Array.from({ length }, () => rng.integer(0, config.vocabSize - 1)),
    weights: Float32Array.from({ length }, (_, t) => (t < prompt ? 0 : 0.1)),
    advantages: written(() => rng.next() * 2 - 1),
    rolloutLogprobs: written(() => -2 - rng.next()),
    policyLogprobs: written(() => -2 - rng.next()),
    referenceLogprobs: written(() => -2 - rng.next()),
  };
}

/** The gradient, seen through one step of plain momentum: with β1 = 0 the first moment is the gradient itself. */
async function gradientOf(subject: Trainer, data: TrainingBatch, spec: LossSpec): Promise<Float32Array> {
  await subject.forwardBackward(data, spec);
  expect(subject.optimStep({ learningRate: 0, beta1: 0 }).applied).toBe(true);
  return subject.save().firstMoment;
}

function relativeDistance(a: Float32Array, b: Float32Array): number {
  const norm = (values: Float32Array): number => Math.hypot(...values);
  return norm(a.map((value, i) => value - b[i]!)) / norm(a);
}

test('supervised training learns a sequence by heart', async () => {
  const subject = trainer(64);
  const data = batch([12, 12]);
  const first = await subject.forwardBackward(data, crossEntropy);
  subject.optimStep({ learningRate: 0.01 });
  for (let step = 0; step < 30; step++) {
    await subject.forwardBackward(data, crossEntropy);
    subject.optimStep({ learningRate: 0.01 });
  }
  const last = await subject.forwardBackward(data, crossEntropy);
  expect(last.loss).toBeLessThan(first.loss / 5);
});

test('gradients do not depend on microbatching, padding or order', async () => {
  const lengths = fc.array(fc.integer({ min: 2, max: 20 }), { minLength: 2, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 1000 }),
      fc.constantFrom(crossEntropy, clipped),
      async (chosen, seed, spec) => {
        const data = batch(chosen, seed);
        const whole = await gradientOf(trainer(1000), data, spec);
        const reversed = await gradientOf(trainer(1000), { sequences: data.sequences.toReversed() }, spec);
        const split = await gradientOf(trainer(1), data, spec);
        expect(relativeDistance(whole, reversed)).toBeLessThan(1e-5);
        expect(relativeDistance(whole, split)).toBeLessThan(1e-5);
      },
    ),
    { numRuns: 10 },
  );
});
