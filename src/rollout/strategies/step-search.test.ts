import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashKey } from '../../core/rng.ts';
import { lastAnswer, writtenCount } from '../../core/transcript.ts';
import { mathProblem, scriptedEngine, syntheticScorer } from '../../testing/index.ts';
import type { StepScorer } from '../../verifiers/step-scorer.ts';
import { searchShape, strategyConfig } from './strategy-config.ts';
import { type SearchOptions, type SearchRecord, stepSearch } from './step-search.ts';
import type { Attempt, AttemptRequest, StrategyParts } from './strategy.ts';

const beam = (width: number, depth = 40) => strategyConfig.parse({ type: 'beam', width, depth });
const dvts = (width: number) => strategyConfig.parse({ type: 'dvts', width });
const bestOfN = strategyConfig.parse({ type: 'best-of-n' });

/** Writes up to five steps such as `12;`; each step is a hash of its branch and position. */
const complete: Parameters<typeof scriptedEngine>[0]['complete'] = (
  key,
  index,
  _version,
  _turn,
  { given, seed },
) => {
  const done = String.fromCharCode(...given.tokens).split(';').length - 1;
  const steps = 2 + (hashKey(seed, key.split('|')[0]!, 'steps') % 4);
  return Array.from({ length: Math.max(1, steps - done) }, (_, i) => {
    const step = `${hashKey(seed, key, index, done + i) % 100}`;
    return done + i >= steps - 1 ? `\\boxed{${step}}` : `${step};`;
  }).join('');
};
const engine = () => scriptedEngine({ complete });

const problems = ['a', 'b', 'c'].map((id) => mathProblem({ id, prompt: [{ role: 'user', content: id }] }));
const request: AttemptRequest = { rollouts: 8, maxTokens: 40, temperature: 1, seed: 3 };
const scorer = syntheticScorer({
  auc: 0.8,
  seed: 1,
  isRight: ({ id }, { tokens }) => tokens.at(-2)! % 2 === id.length % 2,
});

interface Searched {
  readonly attempts: readonly Attempt[];
  readonly records: readonly SearchRecord[];
}

async function search(
  strategy: ReturnType<typeof beam>,
  {
    parts = { engine: engine() },
    some = problems,
    options = {},
    settings = {},
  }: {
    parts?: StrategyParts;
    some?: typeof problems;
    options?: Partial<SearchOptions>;
    settings?: Partial<AttemptRequest>;
  } = {},
): Promise<Searched> {
  const attempts: Attempt[] = [];
  const records: SearchRecord[] = [];
  const rolling = stepSearch((answers) => searchShape(strategy, answers), {
    scorer,
    separator: ';',
    onSearch: (record) => records.push(record),
    ...options,
  }).roll(parts, some, { ...request, ...settings });
  for await (const attempt of rolling) attempts.push(attempt);
  const byId = <Item>(items: Item[], idOf: (item: Item) => string) =>
    items.toSorted((x, y) => idOf(x).localeCompare(idOf(y)));
  return {
    attempts: byId(attempts, ({ problem, index }) => `${problem.id} ${String(index).padStart(3, '0')}`),
    records: byId(records, ({ problemId }) => problemId),
  };
}

const answersOf = ({ attempts }: Searched) =>
  attempts.map(({ problem, index, transcripts, stepScores }) => ({
    id: problem.id,
    index,
    text: lastAnswer(transcripts[0]!),
    tokens: Array.from(transcripts[0]!.tokens),
    stepScores,
  }));

test('best of N writes N independent answers in one call and scores every step', async () => {
  const used = engine();
  const { attempts, records } = await search(bestOfN, { parts: { engine: used } });
  expect(used.requests).toHaveLength(1);
  expect(attempts).toHaveLength(24);
  for (const { stepScores, transcripts } of attempts)
    expect(stepScores).toHaveLength(lastAnswer(transcripts[0]!).split(';').length);
  expect(records[0]!.written).toBe(
    attempts.slice(0, 8).reduce((sum, { transcripts }) => sum + writtenCount(transcripts[0]!), 0),
  );
});

test('beam with M = N and depth 1 equals best of N', async () => {
  expect(answersOf(await search(beam(8, 1)))).toEqual(answersOf(await search(bestOfN)));
});

test('DVTS with N = M equals beam with one kept path', async () => {
  const one = await search(dvts(8));
  const other = await search(beam(8));
  expect(answersOf(one)).toEqual(answersOf(other));
  expect(one.records).toEqual(other.records);
  expect(one.records.some(({ steps }) => steps.some(({ path }) => path.split('.').length > 2))).toBe(true);
});

test('beam keeps the best N / M paths of a depth and extends only those', async () => {
  const { records } = await search(beam(4));
  for (const { steps } of records) {
    const first = steps.filter(({ path }) => !path.includes('.'));
    const ranked = first.toSorted((a, b) => b.score! - a.score!).slice(0, 2);
    const extended = new Set(
      steps.filter(({ path }) => /^\d+\.\d+$/.test(path)).map(({ path }) => path.split('.')[0]!),
    );
    for (const parent of extended) expect(ranked.map(({ path }) => path)).toContain(parent);
    expect(first).toHaveLength(8);
  }
});

test('DVTS keeps one path of each tree', async () => {
  const { records } = await search(dvts(4));
  for (const { steps } of records) {
    const kept = steps.filter(({ path, fate }) => !path.includes('.') && fate === 'kept');
    expect(kept.map(({ path }) => Math.floor(Number(path) / 4))).toEqual([0, 1]);
  }
});

test('a step continues the tokens of its path, which are never encoded again', async () => {
  const { attempts } = await search(beam(4));
  for (const { transcripts } of attempts) {
    const { written, tokens, logprobs, messages } = transcripts[0]!;
    written.slice(1).forEach(({ start }, at) => expect(start).toBe(written[at]!.end));
    expect(written.at(-1)!.end).toBe(tokens.length);
    expect(logprobs).toHaveLength(tokens.length);
    expect(messages).toHaveLength(2);
  }
});

test('results depend neither on other problems nor on the order of events', async () => {
  const all = await search(beam(4));
  const slow = scriptedEngine({
    complete: async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, hashKey(args[0], args[1]) % 3));
      return complete(...args);
    },
  });
  const alone = await search(beam(4), { some: [problems[1]!] });
  const late = await search(beam(4), { parts: { engine: slow }, some: problems.toReversed() });
  expect(answersOf(late)).toEqual(answersOf(all));
  expect(late.records).toEqual(all.records);
  expect(answersOf(alone)).toEqual(answersOf(all).filter(({ id }) => id === 'b'));
});

test('never writes or scores more tokens than the budget allows, and counts the tokens written', async () => {
  const shapes = fc.constantFrom(bestOfN, beam(2), beam(4), beam(4, 1), beam(4, 2), dvts(2), dvts(4));
  await fc.assert(
    fc.asyncProperty(
      shapes,
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom('none', 'new', 'all'),
      fc.constantFrom(4, 8),
      async (strategy, maxTokens, reads, rollouts) => {
        let scored = 0;
        const counting: StepScorer = {
          ...scorer,
          reads,
          score: (problem, transcript, ends) => {
            scored += reads === 'all' ? transcript.tokens.length : 0;
            return scorer.score(problem, transcript, ends);
          },
        };
        const { attempts, records } = await search(strategy, {
          some: [problems[0]!],
          options: { scorer: counting },
          settings: { maxTokens, rollouts },
        });
        const [record] = records;
        expect(record!.written).toBeLessThanOrEqual(rollouts * maxTokens);
        expect(record!.scored).toBeLessThanOrEqual(rollouts * (1 + maxTokens));
        expect(record!.written).toBe(record!.steps.reduce((sum, { tokens }) => sum + tokens, 0));
        expect(reads === 'all' ? record!.scored : 0).toBe(scored);
        expect(attempts.length).toBeGreaterThan(0);
        expect(attempts.length).toBeLessThanOrEqual(rollouts);
        for (const { transcripts } of attempts)
          expect(writtenCount(transcripts[0]!)).toBeLessThanOrEqual(maxTokens);
      },
    ),
    { numRuns: 60 },
  );
});

test('rejects too few or invalid scores with an error that names the problem, instead of assuming 0', async () => {
  const broken: StepScorer = { ...scorer, score: () => Promise.resolve([]) };
  await expect(search(beam(4), { options: { scorer: broken } })).rejects.toThrow(
    'problem a: expected 1 score, one per step, got 0',
  );
  const wild: StepScorer = { ...scorer, score: (_, __, ends) => Promise.resolve(ends.map(() => Number.NaN)) };
  await expect(search(beam(4), { options: { scorer: wild } })).rejects.toThrow('step 1: expected a score in');
});

test('rejects budgets that are not multiples of its width, and engines without a tokenizer', async () => {
  await expect(search(beam(3))).rejects.toThrow('multiples of its width 3, got 8');
  const parts = { engine: { sampler: engine() } };
  await expect(search(beam(4), { parts })).rejects.toThrow('has no tokenizer');
});

test('a step longer than maxStepTokens is split there and continued', async () => {
  const text = 'abcde;\\boxed{4}';
  const rest = scriptedEngine({
    complete: (_key, _index, _version, _turn, { given }) => text.slice(given.tokens.length - 1),
  });
  const { records, attempts } = await search(beam(4), {
    parts: { engine: rest },
    options: { maxStepTokens: 4 },
  });
  for (const { steps } of records) for (const { tokens } of steps) expect(tokens).toBeLessThanOrEqual(4);
  for (const { transcripts } of attempts) expect(lastAnswer(transcripts[0]!)).toBe(text);
  expect(attempts[0]!.transcripts[0]!.written).toHaveLength(5);
});
