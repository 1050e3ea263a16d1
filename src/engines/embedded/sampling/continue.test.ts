import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRng } from '../../../core/rng.ts';
import type { ModelConfig } from '../../model-files/model-config.ts';
import { initialWeights } from '../parameters.ts';
import { type DecodeWeights, decodeWeights } from './decode-weights.ts';
import { type Decoder, type Extended, openDecoder } from './decoder.ts';
import type { Past } from './key-value-cache.ts';
import { createSampler } from './sampler.ts';
import type { DecodedSequence, DecodingJob, DecodingPrompt } from './sampling-work.ts';

const plain: ModelConfig = {
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
  maxPositions: 700,
  tieEmbeddings: false,
  attentionBias: false,
};

/** Each takes other kernels of the runtime: one row per head or several, a scale of 1, windows. */
const configs: Readonly<Record<string, ModelConfig>> = {
  'heads in groups': plain,
  'one query head per key': { ...plain, heads: 3, headSize: 12 },
  'one query head per key, scale 1': { ...plain, heads: 3, headSize: 12, attentionScale: 1 },
  'a sliding window': { ...plain, slidingWindow: { size: 9, layers: [1] }, localRopeTheta: 100 },
};

describe.for(Object.entries(configs))('with %s', ([, config]) => {
  let decoder: Decoder;
  let weights: DecodeWeights;
  beforeAll(async () => {
    const flat = initialWeights(config, 3).map((weight) => (Math.abs(weight) > 0.5 ? weight : 10 * weight));
    [decoder, weights] = [await openDecoder(config, 1, 8), decodeWeights(config, flat)];
  });
  afterAll(() => decoder[Symbol.asyncDispose]());

  /** @param stopAt number of tokens after which a completion stops. */
  async function run(
    prompts: readonly DecodingPrompt[],
    { slots = 8, maxTokens = 40, stopAt = Infinity } = {},
  ): Promise<DecodedSequence[]> {
    const sampler = createSampler({
      config,
      decoder,
      slots,
      cacheBytes: 1e9,
      maxSequenceTokens: 700,
      endTokens: [],
      endsWithStop: (tokens) => tokens.length === stopAt,
    });
    const choice = { temperature: 1, topP: 1, topK: 0, stop: ['x'], seed: 5 };
    const job: DecodingJob = { prompts, maxTokens, ...choice, parts: false, isContinued: true };
    const all: DecodedSequence[] = [];
    await sampler.run(
      job,
      weights,
      (finished) => all.push(...finished),
      () => false,
    );
    return all.toSorted((a, b) => a.prompt - b.prompt);
  }

  const promptOf = (length: number): DecodingPrompt => ({
    key: `prompt-${length}`,
    tokens: tokensOf(length, 'prompt'),
    promptLength: length,
    firstPosition: 0,
    openTurn: 0,
    firstIndex: 0,
    count: 1,
  });

  const tokensOf = (length: number, name: string): Int32Array => {
    const rng = createRng(length, name);
    return Int32Array.from({ length }, () => rng.integer(0, config.vocabSize - 1));
  };

  const continuation = (
    prompt: DecodingPrompt,
    written: Int32Array,
    inserted: Int32Array,
    past?: Past,
  ): DecodingPrompt => ({
    ...prompt,
    tokens: Int32Array.of(...prompt.tokens, ...written, ...inserted),
    firstPosition: written.length,
    past,
  });

  const results = (all: readonly DecodedSequence[]) =>
    all.map(({ tokens, logprobs, entropies }) => ({ tokens, logprobs, entropies }));

  test('writes the bits of one call in two, whether keys and values were kept or not', async () => {
    const prompts = [1, 2, 15, 16, 33].map(promptOf);
    const whole = await run(prompts);
    for (const cut of [1, 2, 17, 39]) {
      const begun = await run(prompts, { stopAt: cut });
      expect(begun.map(({ past }) => past?.length)).toEqual(
        prompts.map(({ tokens }) => tokens.length + cut - 1),
      );
      for (const isKept of [true, false]) {
        const rest = prompts.map((prompt, i) =>
          continuation(prompt, begun[i]!.tokens, new Int32Array(), isKept ? begun[i]!.past : undefined),
        );
        expect(results(await run(rest, { maxTokens: 40 - cut }))).toEqual(
          whole.map(({ tokens, logprobs, entropies }) => ({
            tokens: tokens.slice(cut),
            logprobs: logprobs.slice(cut),
            entropies: entropies!.slice(cut),
          })),
        );
      }
    }
  });

  test('continues after inserted tokens with the same bits, kept or not, in any company', async () => {
    const attempt = fc.record({
      prompt: fc.constantFrom(1, 3, 16, 40),
      inserted: fc.integer({ min: 1, max: 50 }),
      isKept: fc.boolean(),
    });
    const cases = fc.record({
      attempts: fc.array(attempt, { minLength: 1, maxLength: 5 }),
      cut: fc.integer({ min: 1, max: 30 }),
      slots: fc.integer({ min: 1, max: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ attempts, cut, slots }) => {
        const begun = await run(
          attempts.map(({ prompt }) => promptOf(prompt)),
          { stopAt: cut },
        );
        const next = (i: number, isKept: boolean): DecodingPrompt => {
          const { prompt, inserted } = attempts[i]!;
          const { tokens, past } = begun[i]!;
          return continuation(
            promptOf(prompt),
            tokens,
            tokensOf(inserted, 'inserted'),
            isKept ? past : undefined,
          );
        };
        const together = await run(
          attempts.map(({ isKept }, i) => next(i, isKept)),
          { slots, maxTokens: 8 },
        );
        for (const [i, { isKept }] of attempts.entries()) {
          const alone = await run([next(i, !isKept)], { maxTokens: 8 });
          expect(results(together.slice(i, i + 1))).toEqual(results(alone));
        }
      }),
      { numRuns: 8 },
    );
  });

  test('reads long insertions in parts, with the same bits as a decoder that steps', async () => {
    const prompt = promptOf(5);
    const [begun] = await run([prompt], { stopAt: 3 });
    const inserted = tokensOf(280, 'inserted');
    const [read] = await run([continuation(prompt, begun!.tokens, inserted)], { maxTokens: 4 });
    const added = Int32Array.of(begun!.tokens[2]!, ...inserted);
    let stepped: Extended = { past: begun!.past!, logits: new Float32Array() };
    for (const token of added) stepped = await decoder.extend(weights, stepped.past, Int32Array.of(token));
    const whole = await decoder.extend(weights, begun!.past!, added);
    expect(whole).toEqual(stepped);
    expect(read!.tokens).toHaveLength(4);
  });
});
