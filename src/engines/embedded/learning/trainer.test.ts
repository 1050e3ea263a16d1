import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { TrainingBatch, TrainingSequence } from '../../../core/batch.ts';
import { crossEntropyLoss, type LossSpec } from '../../../core/loss-spec.ts';
import { createRng } from '../../../core/rng.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { createMicrobatchRunner, type MicrobatchRunner } from './microbatch-runner.ts';
import { initialWeights } from '../parameters.ts';
import { createTrainer, type Trainer, type TrainerState } from './trainer.ts';

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
const clipped: LossSpec = {
  policy: { type: 'clipped', ratio: 'sequence', clipLow: 0.2, clipHigh: 0.3, dualClip: 3 },
  kl: { estimator: 'k3', coefficient: 0.1 },
  entropy: { coefficient: 0.01 },
  importance: { level: 'token', mode: 'truncate', cap: 2 },
  temperature: 0.8,
};

const memoryBudgetBytes = 512e6;
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

/** Builds sequences with these lengths. Each begins with a prompt of weight 0, whose other entries are NaN. */
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

/** Returns a copy of the state. */
function saved(subject: Trainer): TrainerState {
  const { weights, firstMoment, secondMoment, ...counts } = subject.save();
  const [first, second] = [firstMoment.slice(), secondMoment.slice()];
  return { weights: weights.slice(), firstMoment: first, secondMoment: second, ...counts };
}

/** Reads the gradient from one step of plain momentum: with β1 = 0 the first moment is the gradient itself. */
async function gradientOf(subject: Trainer, data: TrainingBatch, spec: LossSpec): Promise<Float32Array> {
  await subject.forwardBackward(data, spec);
  expect(await subject.optimStep({ learningRate: 0, beta1: 0 })).toMatchObject({ applied: true });
  return saved(subject).firstMoment;
}

function relativeDistance(a: Float32Array, b: Float32Array): number {
  const norm = (values: Float32Array): number => Math.hypot(...values);
  return norm(a.map((value, i) => value - b[i]!)) / norm(a);
}

test('supervised training memorises a sequence', async () => {
  const subject = trainer(64);
  const data = batch([12, 12]);
  const first = await subject.forwardBackward(data, crossEntropyLoss);
  await subject.optimStep({ learningRate: 0.01 });
  for (let step = 0; step < 30; step++) {
    await subject.forwardBackward(data, crossEntropyLoss);
    await subject.optimStep({ learningRate: 0.01 });
  }
  const last = await subject.forwardBackward(data, crossEntropyLoss);
  expect(last.loss).toBeLessThan(first.loss / 5);
});

test('computes gradients independent of microbatching, padding and order', async () => {
  const lengths = fc.array(fc.integer({ min: 2, max: 20 }), { minLength: 2, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 1, max: 1000 }),
      fc.constantFrom(crossEntropyLoss, clipped),
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

test('training resumes bit for bit, including the reference', async () => {
  const [data, settings] = [batch([9, 14, 6]), { learningRate: 0.01, weightDecay: 0.1, maxGradNorm: 1 }];
  const steps = async (subject: Trainer, count: number): Promise<void> => {
    for (let step = 0; step < count; step++) {
      await subject.forwardBackward(data, clipped);
      await subject.optimStep(settings);
    }
  };
  const straight = trainer(32);
  await steps(straight, 2);
  const resumed = trainer(32);
  const state = saved(straight);
  await resumed.restore(async (into) => {
    into.weights.set(state.weights);
    into.firstMoment.set(state.firstMoment);
    into.secondMoment.set(state.secondMoment);
    return state;
  });
  await steps(straight, 2);
  await steps(resumed, 2);
  expect(saved(resumed)).toEqual(saved(straight));
  expect(resumed.policyVersion).toBe(4);
  expect(await resumed.logprobs(data, 'reference')).toEqual(await trainer(32).logprobs(data, 'policy'));
  expect(await resumed.logprobs(data, 'policy')).not.toEqual(await resumed.logprobs(data, 'reference'));
});

test('gives bit-identical gradients for any number of threads and runners', async () => {
  const data = batch([20, 5, 9, 9, 16, 3, 12]);
  const alone = await gradientOf(trainer(24), data, clipped);
  const shared = await gradientOf(trainer(24, 2), data, clipped);
  expect(shared).toEqual(alone);
});

test('an update split into ranges equals one over all weights', async () => {
  const after = async (count: number): Promise<unknown> => {
    const own = Array.from({ length: count }, () => runners[0]!);
    const subject = trainerWith(own);
    for (const lengths of [[12, 7], [9]]) {
      await subject.forwardBackward(batch(lengths), clipped);
      await subject.optimStep({ learningRate: 0.01, weightDecay: 0.1, maxGradNorm: 0.1 });
    }
    return saved(subject);
  };
  expect(await after(7)).toEqual(await after(1));
});

test('an update without a gradient applies only the momentum', async () => {
  const subject = trainer(64);
  await subject.forwardBackward(batch([9]), clipped);
  await subject.optimStep({ learningRate: 0.01 });
  const first = saved(subject);
  expect(await subject.optimStep({ learningRate: 0.01 })).toMatchObject({ gradNorm: 0, applied: true });
  const second = saved(subject);
  expect(
    relativeDistance(
      first.firstMoment.map((mean) => 0.9 * mean),
      second.firstMoment,
    ),
  ).toBeLessThan(1e-6);
  expect(second.weights).not.toEqual(first.weights);
});

test('averages statistics over tokens with non-zero weight, independent of microbatching', async () => {
  const data = batch([9, 14, 6, 11]);
  const whole = await trainer(1000).forwardBackward(data, clipped);
  const split = await trainer(1).forwardBackward(data, clipped);
  const weighted = data.sequences
    .flatMap(({ weights }) => [...weights])
    .filter((weight) => weight !== 0).length;
  expect(whole).toMatchObject({ tokens: weighted, sequences: 4, processedTokens: 40 });
  for (const name of [
    'loss',
    'entropy',
    'kl',
    'clipLow',
    'clipHigh',
    'mismatchKl',
    'maxProbabilityGap',
  ] as const) {
    expect(split[name]).toBeCloseTo(whole[name]!, 5);
  }
  expect(whole.entropy).toBeGreaterThan(0);
  expect(whole.entropy).toBeLessThan(Math.log(config.vocabSize));
  expect(whole.logprobs.map(({ length }) => length)).toEqual([9, 14, 6, 11]);
});

test('computes the same normalised probabilities in forwardBackward and logprobs', async () => {
  const subject = trainer(64);
  const data = batch([9, 14]);
  const { logprobs } = await subject.forwardBackward(data, { ...clipped, temperature: 1 });
  expect(await subject.logprobs(data, 'policy')).toEqual(logprobs);
  const continuations = Array.from({ length: config.vocabSize }, (_, token) => ({
    tokens: Int32Array.of(1, 2, token),
  }));
  const scored = await subject.logprobs({ sequences: continuations, temperature: 0.5 }, 'policy');
  expect(scored.reduce((total, values) => total + Math.exp(values[2]!), 0)).toBeCloseTo(1, 5);
  expect(scored.every((values) => values[0] === 0)).toBe(true);
});

test('two calls of forwardBackward add up their gradients', async () => {
  const data = batch([9, 14]);
  const together = await gradientOf(trainer(64), data, crossEntropyLoss);
  const subject = trainer(64);
  await subject.forwardBackward({ sequences: [data.sequences[0]!] }, crossEntropyLoss);
  const added = await gradientOf(subject, { sequences: [data.sequences[1]!] }, crossEntropyLoss);
  expect(relativeDistance(together, added)).toBeLessThan(1e-5);
});

test('a non-finite gradient is cleared and changes nothing else', async () => {
  const subject = trainer(64);
  const before = saved(subject);
  const [broken] = batch([9]).sequences;
  broken!.advantages.fill(Number.NaN);
  await subject.forwardBackward({ sequences: [broken!] }, clipped);
  expect(() => saved(subject)).toThrow('optimStep');
  expect(await subject.optimStep({ learningRate: 0.1 })).toMatchObject({ applied: false, policyVersion: 0 });
  expect(saved(subject)).toEqual(before);
  await subject.forwardBackward(batch([9]), clipped);
  expect(await subject.optimStep({ learningRate: 0.1 })).toMatchObject({ applied: true, policyVersion: 1 });
});

test('rejects an invalid batch with an error that names the problem', async () => {
  const subject = trainer(64);
  const [good] = batch([6]).sequences;
  const refused = async (change: Partial<TrainingSequence>, message: string): Promise<void> => {
    const sequences = [good!, { ...good!, ...change }];
    await expect(subject.forwardBackward({ sequences }, clipped)).rejects.toThrow(message);
  };
  await refused({ tokens: new Int32Array(0) }, 'sequence 1: expected at least one token');
  await refused({ tokens: Int32Array.of(1, 2, 3, 13, 4, 5) }, 'token ids below 13, got 13 at 3');
  await refused({ weights: new Float32Array(6).fill(1) }, 'weight 0 on token 0');
  await refused({ advantages: new Float32Array(2) }, '6 advantages, one per token, got 2');
  const { referenceLogprobs: _, ...bare } = good!;
  await expect(subject.forwardBackward({ sequences: [bare] }, clipped)).rejects.toThrow('referenceLogprobs');
});

test('rejects a sequence that exceeds the memory budget, and names the required budget', async () => {
  const subject = createTrainer({
    config,
    weights: initialWeights(config, 1),
    runners,
    memoryBudgetBytes: 1e6,
  });
  await expect(subject.forwardBackward(batch([500]), crossEntropyLoss)).rejects.toThrow(
    /500|504|512.* MB\), got 1 MB/,
  );
});

test('unloads the least recently used program when memory runs out, with the same result', async () => {
  const small = createMicrobatchRunner({ config, threads: 1, memoryBudgetBytes: 1 });
  const weights = initialWeights(config, 1).map((weight) => 5 * weight);
  const subject = createTrainer({
    config,
    weights,
    runners: [small],
    memoryBudgetBytes,
    maxMicrobatchTokens: 24,
  });
  const data = batch([20, 5, 9]);
  expect(await gradientOf(subject, data, clipped)).toEqual(await gradientOf(trainer(24), data, clipped));
  await small[Symbol.asyncDispose]();
});

/** Creates a runner that delays the gradients of `runner`, and fails them while `lost` is set. */
function slowRunner(runner: MicrobatchRunner, lost: { value: boolean } = { value: false }): MicrobatchRunner {
  const gradient: MicrobatchRunner['gradient'] = async (job) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (lost.value) throw new Error('lost');
    return runner.gradient(job);
  };
  return { ...runner, gradient };
}

function trainerWith(own: readonly MicrobatchRunner[]): Trainer {
  const weights = initialWeights(config, 1).map((weight) => 5 * weight);
  return createTrainer({ config, weights, runners: own, memoryBudgetBytes, maxMicrobatchTokens: 8 });
}

test.each(['first', 'last'])(
  'gives the same result if a fast runner waits for the slow %s one',
  async (place) => {
    const own = [slowRunner(runners[0]!), runners[1]!];
    const subject = trainerWith(place === 'first' ? own : own.toReversed());
    const data = batch([9, 9, 8, 7, 6, 5, 4, 3, 9, 9, 9, 9]);
    expect(await gradientOf(subject, data, clipped)).toEqual(await gradientOf(trainer(8), data, clipped));
  },
);

test('throws if a sum fails, instead of waiting forever', async () => {
  const broken = { ...runners[0]!, sum: () => Promise.reject(new Error('lost')) };
  for (const own of [[broken], [broken, runners[1]!], [slowRunner(runners[0]!), broken]])
    await expect(trainerWith(own).forwardBackward(batch([9, 8, 7, 6, 5, 4, 3]), clipped)).rejects.toThrow(
      'lost',
    );
});

test('rejects all waiters if a runner fails, drops the gradient and starts the next call afresh', async () => {
  const lost = { value: true };
  const subject = trainerWith([slowRunner(runners[0]!, lost), runners[1]!]);
  const data = batch([9, 9, 8, 7, 6, 5, 4, 3]);
  await expect(subject.forwardBackward(data, clipped)).rejects.toThrow('lost');
  lost.value = false;
  expect(await gradientOf(subject, data, clipped)).toEqual(await gradientOf(trainer(8), data, clipped));
});

test('gradientNorm returns the norm that an update reports, and leaves no gradient behind', async () => {
  const subject = trainer(24);
  const before = saved(subject);
  const data = batch([20, 5, 9, 9]);
  const norm = await subject.gradientNorm(data, clipped);
  expect(saved(subject)).toEqual(before);
  await subject.forwardBackward(data, clipped);
  await expect(subject.gradientNorm(data, clipped)).rejects.toThrow('optimStep');
  expect((await subject.optimStep({ learningRate: 0.01 })).gradNorm).toBe(norm);
});
