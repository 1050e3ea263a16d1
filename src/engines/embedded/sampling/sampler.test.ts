import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRng } from '../../../core/rng.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { type DecodeWeights, decodeWeights } from './decode-weights.ts';
import { type Decoder, openDecoder } from './decoder.ts';
import { initialWeights } from '../parameters.ts';
import { createSampler } from './sampler.ts';
import type { FinishedSequence, SamplingJob } from '../../requests/sampling-job.ts';

/**
 * A model with sizes that are not multiples of the vector width: the runtime's remainder kernels must not change
 * results.
 */
const config: ModelConfig = {
  architecture: 'llama',
  vocabSize: 37,
  hiddenSize: 36,
  layers: 2,
  heads: 6,
  keyValueHeads: 3,
  headSize: 6,
  intermediateSize: 50,
  normEpsilon: 1e-6,
  ropeTheta: 10_000,
  ropeScaling: null,
  maxPositions: 90,
  tieEmbeddings: false,
  attentionBias: false,
};
let decoder: Decoder;
let weights: DecodeWeights;
beforeAll(async () => {
  const flat = initialWeights(config, 3).map((weight) => (Math.abs(weight) > 0.5 ? weight : 10 * weight));
  [decoder, weights] = [await openDecoder(config, 1, 12), decodeWeights(config, flat)];
});
afterAll(() => decoder[Symbol.asyncDispose]());

async function run(
  job: Partial<SamplingJob>,
  slots: number,
  isAborted = (): boolean => false,
  cacheBytes = 1e9,
): Promise<FinishedSequence[]> {
  const endsWithStop = (tokens: Int32Array, stop: readonly string[]): boolean =>
    stop.includes(`${tokens.at(-1)!}`);
  const sampler = createSampler({
    config,
    decoder,
    slots,
    cacheBytes,
    maxSequenceTokens: 90,
    endTokens: [0],
    endsWithStop,
  });
  const all: FinishedSequence[] = [];
  const full = {
    prompts: [],
    maxTokens: 20,
    temperature: 1,
    topP: 1,
    topK: 0,
    stop: [],
    seed: 1,
    parts: false,
    isContinued: false,
    ...job,
  };
  await sampler.run(full, weights, (finished) => all.push(...finished), isAborted);
  return all;
}

function promptOf(length: number, count: number, firstIndex = 0): SamplingJob['prompts'][number] {
  const rng = createRng(length, 'test-prompt');
  const tokens = Int32Array.from({ length }, () => rng.integer(1, config.vocabSize - 1));
  const given = { tokens, promptLength: length, firstPosition: 0, openTurn: 0 };
  return { key: `prompt-${length}`, ...given, count, firstIndex };
}

test('gives bit-identical completions for any number of slots, any other sequences in the batch and any order', async () => {
  const lengths = [1, 2, 5, 17, 30, 44];
  const reference = new Map<string, FinishedSequence>();
  for (const length of lengths) {
    for (const one of await run({ prompts: [promptOf(length, 8)] }, 1))
      reference.set(`${length} ${one.index}`, one);
  }
  const jobOf = fc.record({
    slots: fc.integer({ min: 1, max: 12 }),
    parts: fc.array(
      fc.record({
        length: fc.constantFrom(...lengths),
        firstIndex: fc.integer({ min: 0, max: 4 }),
        count: fc.integer({ min: 0, max: 4 }),
      }),
      { maxLength: 8 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(jobOf, async ({ slots, parts }) => {
      const prompts = parts.map(({ length, count, firstIndex }) => promptOf(length, count, firstIndex));
      const all = await run({ prompts }, slots);
      expect(all.length).toBe(parts.reduce((sum, { count }) => sum + count, 0));
      for (const { prompt, ...completion } of all) {
        const { prompt: _, ...same } = reference.get(`${parts[prompt]!.length} ${completion.index}`)!;
        expect(completion).toEqual(same);
      }
    }),
    { numRuns: 30 },
  );
});

test('later jobs share the rows of a running job, without changing any result', async () => {
  const endsWithStop = (): boolean => false;
  const options = { config, decoder, slots: 6, cacheBytes: 1e9, maxSequenceTokens: 90, endTokens: [0] };
  const steps: number[] = [];
  const counting: Decoder = {
    ...decoder,
    step: (own, cache, tokens, rows) => {
      steps.push(rows);
      return decoder.step(own, cache, tokens, rows);
    },
  };
  const sampler = createSampler({ ...options, decoder: counting, endsWithStop });
  const other: DecodeWeights = { ...weights };
  const jobs = [0, 1, 2, 3, 4].map((n) => ({
    job: {
      prompts: [promptOf([5, 17, 30, 2, 9][n]!, 1 + n)],
      maxTokens: 8 + n,
      temperature: n === 2 ? 0 : 0.5 + n / 4,
      topP: n === 3 ? 0.8 : 1,
      topK: n === 4 ? 5 : 0,
      stop: [],
      parts: false,
      isContinued: false,
      seed: n,
    },
    weights: n === 4 ? other : weights,
    written: [] as FinishedSequence[],
  }));
  const running = jobs.map(async ({ job, weights: own, written }) => {
    await sampler.run(
      job,
      own,
      (finished) => written.push(...finished),
      () => false,
    );
  });
  await Promise.all(running);
  for (const { job, written } of jobs) {
    const byIndex = (all: FinishedSequence[]): FinishedSequence[] =>
      all.toSorted((a, b) => a.index - b.index);
    expect(byIndex(written)).toEqual(byIndex(await run(job, 6)));
  }
  // Far fewer steps than if the jobs ran one after the other.
  expect(steps.length).toBeLessThan(35);
  expect(Math.max(...steps)).toBe(6);
});

test('streams parts that are prefixes of the finished completions', async () => {
  const parts = new Map<number, number[]>();
  const options = { config, decoder, slots: 3, cacheBytes: 1e9, maxSequenceTokens: 90, endTokens: [0] };
  const sampler = createSampler({ ...options, endsWithStop: () => false });
  const settings = {
    maxTokens: 20,
    temperature: 1,
    topP: 1,
    topK: 0,
    stop: [],
    seed: 1,
    parts: true,
    isContinued: false,
  };
  let early = 0;
  await sampler.run(
    { prompts: [promptOf(5, 6)], ...settings },
    weights,
    (finished, news) => {
      for (const { index, tokens } of news) parts.set(index, [...(parts.get(index) ?? []), ...tokens]);
      for (const { index, tokens } of finished) {
        const shown = parts.get(index) ?? [];
        if (shown.length > 0) early++;
        expect(Array.from(tokens).slice(0, shown.length)).toEqual(shown);
        expect(tokens.length - shown.length).toBeLessThanOrEqual(1);
      }
    },
    () => false,
  );
  expect(early).toBeGreaterThan(3);
});

test('drops an aborted job and continues the others', async () => {
  const options = { config, decoder, slots: 4, cacheBytes: 1e9, maxSequenceTokens: 90, endTokens: [] };
  const sampler = createSampler({ ...options, endsWithStop: () => false });
  const job = {
    prompts: [promptOf(5, 8)],
    maxTokens: 20,
    temperature: 1,
    topP: 1,
    topK: 0,
    stop: [],
    seed: 1,
    parts: false,
    isContinued: false,
  };
  let asked = 0;
  const written: FinishedSequence[][] = [[], []];
  await Promise.all([
    sampler.run(
      job,
      weights,
      (finished) => written[0]!.push(...finished),
      () => ++asked > 3,
    ),
    sampler.run(
      job,
      weights,
      (finished) => written[1]!.push(...finished),
      () => false,
    ),
  ]);
  expect(written.map((all) => all.length)).toEqual([0, 8]);
});

test('ends completions at the token limit, the end of the context, the end token or a stop string', async () => {
  const [limited] = await run({ prompts: [promptOf(5, 1)], maxTokens: 1 }, 4);
  expect(limited).toMatchObject({ finishReason: 'length', tokens: { length: 1 } });
  const long = await run({ prompts: [promptOf(80, 6)], maxTokens: 1000 }, 4);
  for (const { finishReason, tokens } of long) {
    expect(tokens.length).toBeLessThanOrEqual(10);
    expect(finishReason === 'length').toBe(tokens.length === 10 && tokens.at(-1) !== 0);
  }
  const free = await run({ prompts: [promptOf(5, 30)], maxTokens: 60 }, 12);
  expect(free.some(({ tokens }) => tokens.at(-1) === 0)).toBe(true);
  const stopped = await run({ prompts: [promptOf(5, 30)], maxTokens: 60, stop: ['7', '9'] }, 12);
  for (const { index, tokens, finishReason } of stopped) {
    const whole = free.find((one) => one.index === index)!.tokens;
    const at = whole.findIndex((token) => token === 7 || token === 9);
    expect(tokens).toEqual(at === -1 ? whole : whole.slice(0, at + 1));
    expect(finishReason).toBe(at === -1 && tokens.at(-1) !== 0 ? 'length' : 'stop');
  }
});

test('stops at the first step after an abort', async () => {
  let steps = 0;
  const all = await run({ prompts: [promptOf(5, 500)], maxTokens: 60 }, 12, () => ++steps > 5);
  expect(steps).toBe(6);
  expect(all.length).toBeLessThan(500);
});

test('decodes fewer sequences at a time if there is little memory, with the same result', async () => {
  const prompts = [promptOf(5, 9), promptOf(17, 4)];
  const byIndex = (all: FinishedSequence[]): FinishedSequence[] =>
    all.toSorted((a, b) => a.prompt - b.prompt || a.index - b.index);
  const roomy = byIndex(await run({ prompts }, 12));
  expect(byIndex(await run({ prompts }, 12, () => false, 1))).toEqual(roomy);
});
