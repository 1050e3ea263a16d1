import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TokenBatch, TrainingBatch, TrainingSequence } from '../../src/core/batch.ts';
import type { Problem } from '../../src/core/problem.ts';
import { crossEntropyLoss } from '../../src/core/loss-spec.ts';
import { giveToTranscript, lastAnswer } from '../../src/core/transcript.ts';
import {
  type Completion,
  completionsOf,
  type LearningEngine,
  type SampleRequest,
} from '../../src/engines/engine.ts';
import { openPassRateStore } from '../../src/difficulty/pass-rates/sqlite-store.ts';
import { measureLikelihoods } from '../../src/measuring/measure-likelihoods.ts';
import { mathProblem } from '../../src/testing/index.ts';
import { lastTurn, type SampledTurn, sampleTurns } from '../../src/testing/single-turn.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';

/** Opens the engine under test. */
export interface EngineUnderTest {
  /** Opens the engine on a small model (a few thousand weights, random), or on a folder that `exportModel` wrote. */
  open(exported?: string): Promise<LearningEngine>;
  /** Opens the engine on a model of several million weights. */
  openLarge(): Promise<LearningEngine>;
  /** Largest absolute difference between two log-probabilities that should be equal but are computed by different
   * programs. */
  readonly logprobTolerance: number;
  /** True if completions are bit-identical for any batching. */
  readonly isBatchInvariant: boolean;
}

/** Anything that samples: an engine, or a frozen policy of an engine. */
type Sampling = Parameters<typeof sampleTurns>[0];

/** Texts of different lengths, which vary the padding of prompts and completions. */
const texts = ['1+2=?', '7', '12*(3+4)-5=?', 'abc', '2*x=8, x=?', '(9-4)*2'];

/** Defines the tests that every engine that samples and trains must pass. Call it at the top level of a test file. */
export function engineConformance(name: string, under: EngineUnderTest): void {
  describe(`${name} is an engine`, () => {
    let engine: LearningEngine;
    let folder: string;
    beforeAll(async () => {
      engine = await under.open();
      folder = makeFastFolder('engine-conformance');
    }, 120_000);
    afterAll(async () => {
      await engine[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });
    const shared = { engine: () => engine, folder: () => folder, under };
    textTests(shared);
    samplingTests(shared);
    likelihoodTests(shared);
    refusalTests(shared);
    learningTests(shared);
    stateTests(shared);
  });
}

interface Shared {
  /** An engine that no test trains. */
  readonly engine: () => LearningEngine;
  readonly folder: () => string;
  readonly under: EngineUnderTest;
}

function textTests({ engine }: Shared): void {
  test('encodes and decodes text without changing it, and decodes end tokens to an empty string', () => {
    for (const text of texts) expect(engine().renderer.decode(engine().renderer.encode(text))).toBe(text);
    const { endTokens } = engine().renderer;
    expect(endTokens.length).toBeGreaterThan(0);
    expect(engine().renderer.decode(Int32Array.from(endTokens))).toBe('');
  });
}

function likelihoodTests({ engine, under }: Shared): void {
  test('gives an answer the same likelihood alone and among answers of other lengths', async () => {
    const problems = texts.map((text, i) =>
      mathProblem({
        id: `p${i}`,
        prompt: [{ role: 'user', content: text }],
        answer: texts[texts.length - 1 - i]!,
      }),
    );
    const measure = async (some: readonly Problem[]) => {
      using store = openPassRateStore(':memory:');
      return await measureLikelihoods({ engine: engine(), store }, { problems: some, model: 'm' });
    };
    const together = await measure(problems);
    for (const problem of problems) {
      const alone = (await measure([problem])).get(problem.id)!['log p(answer)']!;
      expect(alone).toBeLessThan(0);
      // The likelihood is a sum over the tokens of the answer, each within the tolerance.
      const allowed = under.logprobTolerance * (problem.answer!.length + 8);
      expect(Math.abs(together.get(problem.id)!['log p(answer)']! - alone)).toBeLessThan(allowed);
    }
  });
}

function samplingTests({ engine, under }: Shared): void {
  test('yields every requested completion once, with all its fields', async () => {
    const prompts = texts.map((text, i) => ({ ...promptOf(text), count: i, firstIndex: 10 * i }));
    const completions = await collect(engine(), { prompts, maxTokens: 7, seed: 1 });
    const wanted = prompts.flatMap(({ key, count, firstIndex }) =>
      Array.from({ length: count }, (_, i) => `${key} ${firstIndex + i}`),
    );
    expect(completions.map(({ key, index }) => `${key} ${index}`).toSorted()).toEqual(wanted.toSorted());
    for (const completion of completions) {
      const { tokens, logprobs, text, finishReason, promptTokens, key } = completion;
      expect(promptTokens).toEqual(engine().renderer.render(promptOf(key).prompt));
      expect(logprobs.length).toBe(tokens.length);
      const { entropies = new Float32Array(tokens.length) } = completion;
      expect(entropies.length).toBe(tokens.length);
      for (const entropy of entropies) {
        expect(entropy).toBeGreaterThanOrEqual(-1e-5);
        expect(entropy).toBeLessThanOrEqual(Math.log(engine().sampler.info.vocabSize!) + 1e-5);
      }
      expect(text).toBe(engine().renderer.decode(tokens));
      const isEnded = engine().renderer.endTokens.includes(tokens.at(-1)!);
      expect(finishReason).toBe(isEnded ? 'stop' : 'length');
      expect(isEnded || tokens.length === 7).toBe(true);
    }
  });

  test('draws depend on the seed, and differ for every index', async () => {
    const request = requestOf(texts, 4);
    const first = await written(engine(), request);
    expect(await written(engine(), request)).toEqual(first);
    expect(await written(engine(), { ...request, seed: 8 })).not.toEqual(first);
    expect(new Set(first.map((line) => line.replace(/^\S+ \d+ /, ''))).size).toBeGreaterThan(texts.length);
  });

  test('writes the same tokens regardless of neighbours, order and batches', async () => {
    const together = await collect(engine(), requestOf(texts, 40));
    const alone = await collect(engine(), {
      ...requestOf([texts[2]!], 1),
      prompts: [{ ...promptOf(texts[2]!), count: 1, firstIndex: 17 }],
    });
    const reversed = await collect(engine(), requestOf(texts.toReversed(), 25));
    for (const completion of [...alone, ...reversed]) {
      const same = together.find(({ key, index }) => key === completion.key && index === completion.index)!;
      expect(completion.tokens).toEqual(same.tokens);
      const allowed = under.isBatchInvariant ? 0 : under.logprobTolerance;
      expect(gap(completion.logprobs, same.logprobs)).toBeLessThanOrEqual(allowed);
    }
  });

  test.for([false, true])(
    'writes the same n tokens in one call as in two (with stop strings: %s)',
    async (hasStop) => {
      const free = { seed: 7, temperature: 0.9, topP: 0.95 };
      const prompts = texts.map((text) => ({ ...promptOf(text), count: 4 }));
      // Pairs of adjacent characters, so that a cut falls within some of them.
      const sample = hasStop ? await collect(engine(), { ...free, prompts, maxTokens: 12 }) : [];
      const stop = sample.slice(0, 12).flatMap(({ text }, i) => text.slice(i % 8, (i % 8) + 2) || []);
      const settings = { ...free, stop: stop.filter((text) => text.length === 2) };
      const once = await collect(engine(), { ...settings, prompts, maxTokens: 12 });
      for (const cut of [1, 5, 11]) {
        const begun: Completion[] = [];
        const first = engine().sampler.sample({ ...settings, prompts, maxTokens: cut });
        for await (const completion of completionsOf(first)) begun.push(completion);
        const open = begun.filter(({ transcript }) => transcript.written.at(-1)!.finishReason === 'length');
        const rest = {
          ...settings,
          prompts: open.map(({ key, index, transcript }) => ({
            key,
            prompt: transcript,
            count: 1,
            firstIndex: index,
          })),
          maxTokens: 12 - cut,
        };
        let continued = 0;
        for await (const { key, index, transcript } of completionsOf(engine().sampler.sample(rest))) {
          const atOnce = once.find((one) => one.key === key && one.index === index)!;
          const from = transcript.written[0]!.start;
          expect(transcript.tokens.slice(from)).toEqual(atOnce.tokens);
          const allowed = under.isBatchInvariant ? 0 : under.logprobTolerance;
          expect(gap(transcript.logprobs.slice(from), atOnce.logprobs)).toBeLessThanOrEqual(allowed);
          expect(lastAnswer(transcript)).toBe(atOnce.text);
          expect(transcript.written.at(-1)!.finishReason).toBe(atOnce.finishReason);
          continued++;
        }
        expect(continued).toBe(open.length);
      }
    },
  );

  test('continues stopped completions with the same tokens, whether their keys and values were kept or not', async () => {
    const free = { seed: 7, temperature: 0.9, stop: ['1', '+', '2'] };
    const prompts = texts.map((text) => ({ ...promptOf(text), count: 4 }));
    const played: Completion[][] = [];
    for (const isContinued of [true, false]) {
      const stopped: Completion[] = [];
      const first = engine().sampler.sample({ ...free, prompts, maxTokens: 24, isContinued });
      for await (const completion of completionsOf(first))
        if (completion.transcript.written[0]!.finishReason === 'stop') stopped.push(completion);
      const given = engine().renderer.encode('=7;');
      const rest = stopped.map(({ key, index, transcript }) => ({
        key,
        prompt: giveToTranscript(transcript, given, []),
        count: 1,
        firstIndex: index,
      }));
      const continued: Completion[] = [];
      // All at once, then one by one: the rows of the batch differ.
      const requests = isContinued ? [rest] : rest.map((one) => [one]);
      for (const some of requests)
        for await (const one of completionsOf(
          engine().sampler.sample({ ...free, stop: [], prompts: some, maxTokens: 8 }),
        ))
          continued.push(one);
      const name = ({ key, index }: Completion): string => `${key} ${index}`;
      played.push(continued.toSorted((a, b) => (name(a) < name(b) ? -1 : 1)));
    }
    const [kept, read] = played;
    expect(kept!.length).toBeGreaterThan(4);
    expect(kept!.map(({ transcript }) => transcript.tokens)).toEqual(
      read!.map(({ transcript }) => transcript.tokens),
    );
    const allowed = under.isBatchInvariant ? 0 : under.logprobTolerance;
    for (const [i, { transcript }] of kept!.entries())
      expect(gap(transcript.logprobs, read![i]!.transcript.logprobs)).toBeLessThanOrEqual(allowed);
  });

  test('a stop string that ends the given text does not end its continuation', async () => {
    const continued = async (prompts: SampleRequest['prompts'], stop: string[]) => {
      const request = { prompts, maxTokens: 4, temperature: 1, seed: 3, stop };
      const completions: Completion[] = [];
      for await (const completion of completionsOf(engine().sampler.sample(request)))
        completions.push(completion);
      return completions;
    };
    const begun = await continued(
      texts.map((text) => ({ ...promptOf(text), count: 1 })),
      [],
    );
    let plain = 0;
    for (const { key, transcript } of begun) {
      const prompts = [{ key, prompt: transcript, count: 1 }];
      const text = lastAnswer(transcript);
      const end = text.slice(-2);
      const [without] = await continued(prompts, []);
      // The stop string may occur again.
      if (
        end.length < 2 ||
        lastAnswer(without!.transcript)
          .slice(text.length - 1)
          .includes(end)
      )
        continue;
      plain++;
      const [stopped] = await continued(prompts, [end]);
      expect(stopped!.transcript.tokens).toEqual(without!.transcript.tokens);
    }
    expect(plain).toBeGreaterThan(0);
  });

  test('streams parts that are prefixes of completions, before their end', async () => {
    const shown = new Map<string, number[]>();
    const ended = new Map<string, number[]>();
    let parts = 0;
    for await (const event of engine().sampler.sample({ ...requestOf(texts, 5), parts: true })) {
      const name = `${event.key} ${event.index}`;
      if (event.type === 'completion') ended.set(name, [...lastTurn(event.transcript).tokens]);
      else {
        parts++;
        shown.set(name, [...(shown.get(name) ?? []), ...event.tokens]);
      }
    }
    for (const [name, tokens] of shown) expect(ended.get(name)!.slice(0, tokens.length)).toEqual(tokens);
    expect(parts).toBeGreaterThan(texts.length);
  });

  test('writes the same tokens in greedy and top-1 sampling, regardless of the seed', async () => {
    const greedy = await written(engine(), { ...requestOf(texts, 1), temperature: 0 });
    expect(await written(engine(), { ...requestOf(texts, 1), topK: 1, seed: 99 })).toEqual(greedy);
    expect(await written(engine(), { ...requestOf(texts, 1), topP: 1e-9, seed: 5 })).toEqual(greedy);
  });

  test('ends a completion at a stop string and keeps the string in its text', async () => {
    const stop = ['1', '+'];
    const completions = await collect(engine(), { ...requestOf(texts, 20), stop, maxTokens: 24 });
    const stopped = completions.filter(({ text }) => stop.some((one) => text.includes(one)));
    expect(stopped.length).toBeGreaterThan(0);
    for (const { text, finishReason } of stopped) {
      expect(finishReason).toBe('stop');
      expect(stop.some((one) => text.endsWith(one))).toBe(true);
      expect(stop.some((one) => text.slice(0, -1).includes(one))).toBe(false);
    }
  });

  test('samples with the same log-probabilities as scoring', async () => {
    for (const temperature of [0.7, 1]) {
      const completions = await collect(engine(), { ...requestOf(texts, 6), temperature, topP: 0.9 });
      const sequences = completions.map((completion) => ({ tokens: whole(completion) }));
      for (const which of ['policy', 'reference'] as const) {
        const scored = await engine().weights.logprobs({ sequences, temperature }, which);
        for (const [i, { promptTokens, logprobs }] of completions.entries()) {
          expect(scored[i]![0]).toBe(0);
          const own = scored[i]!.subarray(promptTokens.length);
          expect(gap(own, logprobs)).toBeLessThan(under.logprobTolerance);
        }
      }
    }
  });

  test('ends the stream on abort and stays usable', async () => {
    const abort = new AbortController();
    const seen: SampledTurn[] = [];
    for await (const completion of sampleTurns(engine(), requestOf(texts, 200), abort.signal)) {
      seen.push(completion);
      abort.abort();
    }
    expect(seen.length).toBeLessThan(1200);
    expect((await written(engine(), requestOf(texts, 1))).length).toBe(texts.length);
  });

  test('stops the work when the reader stops', async () => {
    for await (const completion of sampleTurns(engine(), requestOf(texts, 200))) {
      expect(completion.tokens.length).toBeGreaterThan(0);
      break;
    }
    expect((await written(engine(), requestOf(texts, 1))).length).toBe(texts.length);
  });

  // Each attempt takes seconds, or longer on a busy machine.
  test('keeps the event loop free', { retry: 3 }, async () => {
    // The first request to an engine may load programs, but earlier tests have already made requests.
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await collect(engine(), requestOf(texts, 100));
    delay.disable();
    // Blocking would cause one delay as long as the work; a busy machine delays a thread by tens of milliseconds.
    expect(delay.percentile(99) / 1e6).toBeLessThan(100);
  });
}

function refusalTests({ engine }: Shared): void {
  const good = requestOf(['1'], 1);
  const huge = new Int32Array(1_000_000);
  const bad: [what: string, request: Partial<SampleRequest>][] = [
    ['no tokens to write', { maxTokens: 0 }],
    ['half a token', { maxTokens: 1.5 }],
    ['a negative temperature', { temperature: -1 }],
    ['a non-numeric temperature', { temperature: NaN }],
    ['a top-p of 0', { topP: 0 }],
    ['a negative top-k', { topK: -3 }],
    ['an empty stop string', { stop: [''] }],
    ['an empty prompt', { prompts: [{ key: 'a', prompt: new Int32Array(), count: 1 }] }],
    ['a token outside the vocabulary', { prompts: [{ key: 'a', prompt: Int32Array.of(1e6), count: 1 }] }],
    ['a prompt that is too long', { prompts: [{ key: 'a', prompt: huge, count: 1 }] }],
    ['a negative count', { prompts: [{ ...promptOf('1'), count: -1 }] }],
  ];
  test.each(bad)('rejects %s', async (_, request) => {
    const sampling = collect(engine(), { ...good, ...request });
    await expect(sampling).rejects.toMatchObject({ name: 'EngineError' });
  });

  test('rejects inconsistent training data without leaving a gradient', async () => {
    const sequence = { ...sequenceOf(engine(), '1+2=3'), weights: new Float32Array(2) };
    const training = engine().learner.forwardBackward({ sequences: [sequence] }, crossEntropyLoss);
    await expect(training).rejects.toMatchObject({ name: 'EngineError' });
    const scoring = engine().weights.logprobs({ sequences: [{ tokens: Int32Array.of(1, 1e6) }] }, 'policy');
    await expect(scoring).rejects.toMatchObject({ name: 'EngineError' });
  });
}

function learningTests({ under }: Shared): void {
  test('gives the same gradient for two half batches as for one batch, and lowers the loss with its steps', async () => {
    await using one = await under.open();
    await using two = await under.open();
    const batch = batchOf(one);
    const [head, tail] = [batch.sequences.slice(0, 3), batch.sequences.slice(3)];
    const losses: number[] = [];
    for (let step = 0; step < 4; step++) {
      const { loss, tokens } = await one.learner.forwardBackward(batch, crossEntropyLoss);
      expect(tokens).toBe(
        batch.sequences.reduce((sum, { weights }) => sum + weights.filter(Boolean).length, 0),
      );
      losses.push(loss);
      const parts = [
        await two.learner.forwardBackward({ sequences: head }, crossEntropyLoss),
        await two.learner.forwardBackward({ sequences: tail }, crossEntropyLoss),
      ];
      expect(parts[0]!.loss + parts[1]!.loss).toBeCloseTo(loss, 4);
      const settings = { learningRate: 3e-3, maxGradNorm: 1 };
      const [stepOne, stepTwo] = [
        await one.learner.optimStep(settings),
        await two.learner.optimStep(settings),
      ];
      expect(stepOne).toMatchObject({ policyVersion: step + 1, applied: true });
      expect(stepTwo.gradNorm).toBeCloseTo(stepOne.gradNorm!, 3);
    }
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    expect(one.weights.policyVersion).toBe(4);
  });

  test('measures the norm of a gradient without changing a later update', async () => {
    await using one = await under.open();
    await using two = await under.open();
    const { sequences } = batchOf(one);
    const norm = one.learner.gradientNorm!.bind(one.learner);
    for (let step = 0; step < 3; step++) {
      const full = await norm({ sequences }, crossEntropyLoss);
      expect(await norm({ sequences: sequences.slice(0, 2) }, crossEntropyLoss)).not.toBeCloseTo(full, 6);
      for (const engine of [one, two]) await engine.learner.forwardBackward({ sequences }, crossEntropyLoss);
      await expect(norm({ sequences }, crossEntropyLoss)).rejects.toMatchObject({ name: 'EngineError' });
      const settings = { learningRate: 3e-3, weightDecay: 0.01 };
      const { gradNorm, applied } = await one.learner.optimStep(settings);
      expect(applied).toBe(true);
      // A GPU may sum in a different order each time.
      expect(gradNorm! / full).toBeCloseTo(1, 4);
      const other = await two.learner.optimStep(settings);
      expect(other).toMatchObject({ applied, policyVersion: step + 1 });
      expect(other.gradNorm! / gradNorm!).toBeCloseTo(1, 4);
    }
    const [ours, theirs] = await Promise.all(
      [one, two].map((engine) => engine.weights.logprobs({ sequences }, 'policy')),
    );
    for (const [i, array] of ours!.entries())
      expect(gap(array, theirs![i]!)).toBeLessThan(under.logprobTolerance);
  });

  test('keeps the event loop free, even with a large model', async () => {
    await using engine = await under.openLarge();
    expect(engine.sampler.info.parameters).toBeGreaterThan(4e6);
    const learn = (): Promise<unknown> => engine.learner.forwardBackward(batchOf(engine), crossEntropyLoss);
    const update = (): Promise<unknown> => engine.learner.optimStep({ learningRate: 1e-4, maxGradNorm: 1 });
    // The first call of each may load programs.
    await learn();
    await update();
    for (const work of [learn, update]) {
      const before = performance.eventLoopUtilization();
      await work();
      // If the event loop did the work itself, it would be busy all the time.
      expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
    }
  });

  test('trains the policy, not the reference, and samples from the new policy', async () => {
    await using engine = await under.open();
    const { sequences } = batchOf(engine);
    const [before] = await engine.weights.logprobs({ sequences: [sequences[0]!] }, 'reference');
    for (let step = 0; step < 30; step++) {
      await engine.learner.forwardBackward({ sequences: [sequences[0]!] }, crossEntropyLoss);
      await engine.learner.optimStep({ learningRate: 1e-2 });
    }
    const [policy] = await engine.weights.logprobs({ sequences: [sequences[0]!] }, 'policy');
    const [reference] = await engine.weights.logprobs({ sequences: [sequences[0]!] }, 'reference');
    expect(reference).toEqual(before);
    expect(Math.min(...policy!)).toBeGreaterThan(-0.5);
    const prompt = sequences[0]!.tokens.slice(0, 1);
    const learned = await collect(engine, {
      ...requestOf([], 0),
      prompts: [{ key: 'a', prompt, count: 1 }],
      temperature: 0,
      maxTokens: sequences[0]!.tokens.length - 1,
    });
    expect(whole(learned[0]!)).toEqual(sequences[0]!.tokens);
    expect(learned[0]!.policyVersion).toBe(30);
  });

  test('keeps a frozen policy bit for bit while the policy learns, and does not affect the policy', async ({
    skip,
  }) => {
    await using engine = await under.open();
    if (engine.learner.freezePolicy === undefined) return skip('keeps one policy only');
    await train(engine, 1);
    const request = requestOf(texts, 3);
    const expected = await collect(engine, request);
    const frozen = await engine.learner.freezePolicy();
    const [during] = await Promise.all([collect(frozen, request), train(engine, 2)]);
    const after = await collect(frozen, request);
    for (const completions of [during, after]) expect(byKey(completions)).toEqual(byKey(expected));
    expect(frozen.policyVersion).toBe(1);
    await frozen[Symbol.asyncDispose]();
    await using alone = await under.open();
    await train(alone, 3);
    const { sequences } = batchOf(engine);
    expect(await engine.weights.logprobs({ sequences }, 'policy')).toEqual(
      await alone.weights.logprobs({ sequences }, 'policy'),
    );
    expect(await written(engine, request)).toEqual(await written(alone, request));
    const [newest] = await collect(engine, request);
    expect(newest!.policyVersion).toBe(3);
  });

  test('scores and learns targets instead of the tokens that the model reads', async () => {
    await using engine = await under.open();
    const [sequence] = batchOf(engine).sequences;
    const { tokens } = sequence!;
    const places = Array.from(tokens.keys()).slice(2);
    // Entry t of row r scores token r at t; the true token among the rows must score as without targets.
    const rows = [...new Set(tokens)].map((token) => ({
      tokens,
      targets: new Int32Array(tokens.length).fill(token),
    }));
    const score = (sequences: TokenBatch['sequences']): Promise<Float32Array[]> =>
      engine.weights.logprobs({ sequences }, 'policy');
    const [plain] = await score([{ tokens }]);
    const scored = await score(rows);
    for (const t of places) {
      const row = rows.findIndex(({ targets }) => targets[t] === tokens[t]);
      expect(Math.abs(scored[row]![t]! - plain![t]!)).toBeLessThanOrEqual(under.logprobTolerance);
    }
    const label = rows[0]!.targets;
    const weights = new Float32Array(tokens.length);
    for (const t of places) weights[t] = 1 / places.length;
    const labelled = { ...sequence!, weights, targets: label };
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) {
      losses.push((await engine.learner.forwardBackward({ sequences: [labelled] }, crossEntropyLoss)).loss);
      await engine.learner.optimStep({ learningRate: 1e-2 });
    }
    expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!);
    const [learned] = await score([{ tokens, targets: label }]);
    expect(Math.min(...places.map((t) => learned![t]!))).toBeGreaterThan(-1);
    const wrong = { tokens, targets: label.slice(1) };
    await expect(score([wrong])).rejects.toMatchObject({ code: 'BATCH_INVALID' });
  });

  test('changes nothing for a non-finite gradient', async () => {
    await using engine = await under.open();
    const { sequences } = batchOf(engine);
    const before = await engine.weights.logprobs({ sequences }, 'policy');
    const broken = {
      ...sequences[0]!,
      weights: sequences[0]!.weights.map((weight) => weight * Infinity || 0),
    };
    await engine.learner.forwardBackward({ sequences: [broken] }, crossEntropyLoss).then(
      async () =>
        expect(await engine.learner.optimStep({ learningRate: 1 })).toMatchObject({ applied: false }),
      // An engine may also reject the batch.
      (error: unknown) => expect(error).toMatchObject({ name: 'EngineError' }),
    );
    expect(await engine.weights.logprobs({ sequences }, 'policy')).toEqual(before);
    expect(engine.weights.policyVersion).toBe(0);
  });
}

function stateTests({ folder, under }: Shared): void {
  test('continues bit for bit from a saved state in a different engine', async () => {
    await using original = await under.open();
    await train(original, 2);
    await original.learner.saveState(join(folder(), 'state'));
    await train(original, 2);
    await using resumed = await under.open();
    await train(resumed, 1);
    await resumed.learner.loadState(join(folder(), 'state'));
    expect(resumed.weights.policyVersion).toBe(2);
    await train(resumed, 2);
    const { sequences } = batchOf(original);
    for (const which of ['policy', 'reference'] as const) {
      const [ours, theirs] = await Promise.all([
        resumed.weights.logprobs({ sequences }, which),
        original.weights.logprobs({ sequences }, which),
      ]);
      expect(ours).toEqual(theirs);
    }
    expect(await written(resumed, requestOf(texts, 4))).toEqual(await written(original, requestOf(texts, 4)));
  });

  test('loads the weights of a state with a new optimizer, regardless of what it learned before', async () => {
    await using original = await under.open();
    await train(original, 2);
    const dir = join(folder(), 'renewed');
    await original.learner.saveState(dir);
    const { sequences } = batchOf(original);
    const scores = (engine: LearningEngine) => engine.weights.logprobs({ sequences }, 'policy');
    const saved = await scores(original);
    await original.learner.loadState(dir, { optimizer: 'new' });
    expect(original.weights.policyVersion).toBe(2);
    expect(await scores(original)).toEqual(saved);
    await train(original, 2);
    await using other = await under.open();
    await train(other, 3);
    await other.learner.loadState(dir, { optimizer: 'new' });
    await train(other, 2);
    expect(other.weights.policyVersion).toBe(4);
    const renewed = await scores(original);
    expect(await scores(other)).toEqual(renewed);
    const later = join(folder(), 'renewed-later');
    await other.learner.saveState(later);
    await train(other, 1);
    await original.learner.loadState(later);
    await train(original, 1);
    expect(original.weights.policyVersion).toBe(5);
    expect(await scores(original)).toEqual(await scores(other));
    await other.learner.loadState(dir);
    await train(other, 2);
    expect(await scores(other)).not.toEqual(renewed);
  });

  test('rejects a folder without a state', async () => {
    await using engine = await under.open();
    const loading = engine.learner.loadState(join(folder(), 'nothing-here'));
    await expect(loading).rejects.toMatchObject({ name: 'EngineError' });
  });

  test('exports a model that opens as the same policy', async () => {
    await using engine = await under.open();
    await train(engine, 2);
    await engine.weights.exportModel(join(folder(), 'exported'));
    await using reopened = await under.open(join(folder(), 'exported'));
    const { sequences } = batchOf(engine);
    const [ours, theirs] = [
      await engine.weights.logprobs({ sequences }, 'policy'),
      await reopened.weights.logprobs({ sequences }, 'policy'),
    ];
    for (const [i, array] of ours.entries())
      expect(gap(array, theirs[i]!)).toBeLessThan(under.logprobTolerance);
    expect(reopened.weights.policyVersion).toBe(0);
    expect(reopened.renderer.endTokens).toEqual(engine.renderer.endTokens);
    expect(reopened.sampler.info.modelHash).not.toBe(engine.sampler.info.modelHash);
  });
}

function promptOf(text: string): { key: string; prompt: { role: 'user'; content: string }[] } {
  return { key: text, prompt: [{ role: 'user', content: text }] };
}

function requestOf(prompts: readonly string[], count: number): SampleRequest {
  return { prompts: prompts.map((text) => ({ ...promptOf(text), count })), maxTokens: 16, seed: 7 };
}

const byKey = (completions: readonly SampledTurn[]): SampledTurn[] =>
  completions.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.index - b.index));

async function collect(engine: Sampling, request: SampleRequest): Promise<SampledTurn[]> {
  const completions: SampledTurn[] = [];
  for await (const completion of sampleTurns(engine, request)) completions.push(completion);
  return completions;
}

/** Collects completions in an order independent of when they ended. */
async function written(engine: Sampling, request: SampleRequest): Promise<string[]> {
  const completions = await collect(engine, request);
  return completions.map(({ key, index, tokens }) => `${key} ${index} ${tokens.join()}`).toSorted();
}

function whole({ promptTokens, tokens }: SampledTurn): Int32Array {
  return Int32Array.from([...promptTokens, ...tokens]);
}

function gap(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

function sequenceOf(engine: LearningEngine, text: string): TrainingSequence {
  const tokens = Int32Array.from([...engine.renderer.encode(text), engine.renderer.endTokens[0]!]);
  const zeros = new Float32Array(tokens.length);
  return {
    tokens,
    weights: zeros.map((_, t) => (t === 0 ? 0 : 0.02)),
    advantages: zeros,
    rolloutLogprobs: zeros,
  };
}

function batchOf(engine: LearningEngine): TrainingBatch {
  return { sequences: texts.map((text) => sequenceOf(engine, text)) };
}

async function train(engine: LearningEngine, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await engine.learner.forwardBackward(batchOf(engine), crossEntropyLoss);
    await engine.learner.optimStep({ learningRate: 3e-3, weightDecay: 0.01 });
  }
}
