import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { adamw, optimizerConfig } from '../algorithms/optimizer.ts';
import { createRng } from '../core/rng.ts';
import { openEmbeddedEngine } from '../engines/embedded/engine.ts';
import { bm25Settings } from '../retrieval/bm25-index.ts';
import { buildIndexFolder, openIndexFolder } from '../retrieval/index-folder.ts';
import { scriptedEngine } from '../testing/index.ts';
import { type Candidates, drawCandidates, findCandidates } from './candidates.ts';
import { rankLoss } from './rank-loss.ts';
import { relevanceScorer, requireRelevancePrompt } from './relevance.ts';
import { reranked } from './reranker.ts';
import { rankLists, reinforceLoss, trainReranker } from './train-reranker.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-reranker-'));
afterAll(() => rmSync(folder, { recursive: true }));

const prompt = { template: '{passage}\n{question}', yes: ' num' };
const words = ['bake', 'keba', 'dimo', 'modi', 'rusa', 'saru', 'teli', 'lite', 'nopu', 'puno'];
const passage = (id: number, text: string) => ({ id: `${id}`, text });
const optimizer = optimizerConfig.parse(adamw({ learningRate: 1e-3 }));
const temperatures = { temperatureTarget: 1, temperatureModel: 1 };

/** A question whose candidates are random words with random BM25 scores. */
function randomQuestion(seed: number): Candidates {
  const rng = createRng(seed, 'test');
  const list = Array.from({ length: 4 }, (_, i) => ({
    passage: passage(i, ` ${rng.pick(words)} ${rng.pick(words)} ${rng.integer(10, 99)}`),
    target: 5 * rng.next(),
  }));
  return { question: ` ${rng.pick(words)} ${rng.pick(words)}`, byRationale: list, byQuestion: [] };
}

/** A long timeout, because training is slow on a busy machine. */
const slow = { timeout: 600_000 };

test(
  'the gradient that the engine applies matches finite differences of the KL in 20 random cases',
  slow,
  async () => {
    await using engine = await openEmbeddedEngine({ model: 'models/gradus-search' });
    const total = { change: 0, error: 0 };
    for (let seed = 0; seed < 20; seed++) {
      const lists = [2 * seed, 2 * seed + 1]
        .map(randomQuestion)
        .map(({ question, byRationale }) => ({ question, candidates: byRationale }));
      const { kl, sequences } = await rankLists(engine, lists, { prompt, ...temperatures });
      /** Returns the mean KL and the surrogate −Σ A·f, with fixed advantages, for the current weights. */
      const measure = async () => {
        const scored = await engine.weights.logprobs({ sequences }, 'policy');
        const scores = scored.map((logprobs) => logprobs.at(-1)!);
        const kls = lists.map(({ candidates }, i) => {
          const targets = candidates.map(({ target }) => target);
          return rankLoss(targets, scores.slice(4 * i, 4 * i + 4), { target: 1, model: 1 }).kl;
        });
        const terms = sequences.map(
          ({ weights, advantages }, i) => -weights.at(-1)! * advantages.at(-1)! * scores[i]!,
        );
        return { kl: (kls[0]! + kls[1]!) / 2, surrogate: terms.reduce((sum, term) => sum + term, 0) };
      };
      const before = await measure();
      expect(before.kl).toBeCloseTo(kl, 5);
      await engine.learner.forwardBackward({ sequences }, reinforceLoss);
      // A small update changes the KL by its gradient times the update; the surrogate changes equally.
      await engine.learner.optimStep({ learningRate: 3e-5 });
      const after = await measure();
      const change = after.kl - before.kl;
      total.change += Math.abs(change);
      total.error += Math.abs(change - (after.surrogate - before.surrogate));
    }
    expect(total.change).toBeGreaterThan(1e-3);
    expect(total.error).toBeLessThan(0.05 * total.change);
  },
);

test(
  'training lowers the KL on a fixed set, and a score does not depend on the other passages',
  slow,
  async () => {
    const passages = words
      .slice(0, 3)
      .flatMap((thing, i) => [
        passage(2 * i, ` ${thing} teli ${10 + i}`),
        passage(2 * i + 1, ` ${thing} nopu ${30 + i}`),
      ]);
    await buildIndexFolder(passages, join(folder, 'kb'), bm25Settings.parse({}));
    await using retriever = await openIndexFolder(join(folder, 'kb'));
    await using engine = await openEmbeddedEngine({ model: 'models/gradus-search' });
    const rows = words.slice(0, 3).map((thing, i) => ({
      prompt: [{ role: 'user' as const, content: ` ${thing} lite` }],
      rationale: ` ${thing} teli ${10 + i}`,
    }));
    const candidates = await findCandidates(retriever, rows, 4);
    expect(candidates[0]!.byRationale[0]).toMatchObject({ passage: { text: ' bake teli 10' } });
    const kls: number[] = [];
    const settings = { prompt, sample: 4, ...temperatures, batchSize: 3, epochs: 5, optimizer, seed: 1 };
    await trainReranker(engine, candidates, { ...settings, onStep: ({ kl }) => kls.push(kl) });
    expect(kls).toHaveLength(5);
    expect(kls.at(-1)!).toBeLessThan(kls[0]!);
    const score = relevanceScorer(engine, prompt);
    const together = await score(' bake lite', passages);
    expect((await score(' bake lite', passages.slice(3, 4)))[0]).toBeCloseTo(together[3]!, 5);
  },
);

test('a passage that exceeds the window is ranked last and left out of training', async () => {
  const engine = scriptedEngine({ complete: () => '', maxSequenceTokens: 40 });
  const texts = ['x'.repeat(100), 'a', 'b'];
  const base = {
    version: '1',
    search: (_: string, top: number) =>
      Promise.resolve(texts.slice(0, top).map((text, i) => ({ id: `${i}`, text, score: 3 - i }))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const score = relevanceScorer(engine, { ...prompt, yes: 'y' });
  const found = await reranked(base, { version: 'r', score }, 3).search('q', 3);
  expect(found.map(({ id }) => id)).toEqual(['1', '2', '0']);
  const list = texts.map((text, i) => ({ passage: passage(i, text), target: 3 - i }));
  const question = { question: 'q', byRationale: list, byQuestion: list };
  const settings = {
    prompt: { ...prompt, yes: 'y' },
    sample: 3,
    ...temperatures,
    batchSize: 1,
    epochs: 1,
    optimizer,
    seed: 1,
  };
  await trainReranker(engine, [question], settings);
  expect(engine.trained[0]!.batch.sequences).toHaveLength(2);
  const tooLong = { ...question, byRationale: list.slice(0, 1), byQuestion: [] };
  await expect(trainReranker(engine, [tooLong], settings)).rejects.toThrow('two candidates that fit');
});

test('draws distinct candidates from both lists, and the same ones for the same step', () => {
  const list = (from: number) =>
    Array.from({ length: 9 }, (_, i) => ({ passage: passage(from + i, 'x'), target: i }));
  const question = { question: 'q', byRationale: list(0), byQuestion: list(5) };
  const drawn = drawCandidates(question, 4, 1, 7, 0);
  expect(drawn).toEqual(drawCandidates(question, 4, 1, 7, 0));
  expect(drawn).not.toEqual(drawCandidates(question, 4, 1, 8, 0));
  const ids = drawn.map((candidate) => candidate.passage.id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBeGreaterThanOrEqual(4);
});

test('rejects a template that lacks a placeholder, and a reply of several tokens', () => {
  const engine = scriptedEngine({ complete: () => '' });
  expect(() => requireRelevancePrompt(engine, { template: '{question}', yes: 'y' })).toThrow('{passage}');
  expect(() => requireRelevancePrompt(engine, { template: prompt.template, yes: 'yes' })).toThrow('got 3');
});
