import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DataError } from '../../core/errors.ts';
import { outcomes } from '../../core/verdict.ts';
import type { Conditions, Observation } from './pass-rate-store.ts';
import type { AttemptSource } from './attempt-source.ts';
import { openPassRateStore, readPassRateStore } from './sqlite-store.ts';
import { countTrials } from './trials.ts';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';

const folder = makeFastFolder('store');
afterAll(() => rmSync(folder, { recursive: true }));

const conditions: Conditions = {
  model: 'm',
  temperature: 1,
  topP: 1,
  topK: 0,
  stop: [],
  maxTokens: 64,
  verifier: 'math@1',
};
const observe = (problemId: string, rollout: number, outcome: Observation['outcome'] = 'correct') =>
  ({ problemId, source: { type: 'base' }, step: 0, rollout, outcome }) as const;

test('recording a rollout twice is idempotent and returns 0', () => {
  using store = openPassRateStore(':memory:');
  expect(store.record(conditions, [observe('a', 0), observe('a', 1, 'incorrect')])).toBe(2);
  expect(store.record(conditions, [observe('a', 1, 'correct'), observe('a', 2, 'ungradable')])).toBe(1);
  expect(store.passRates(conditions).get('a')).toEqual({
    successes: 1,
    trials: 2,
    rollouts: [0, 1, 2],
    marks: '10-',
  });
});

test('stores likelihoods by scoring, edition and text, and keeps the first value of each', () => {
  using store = openPassRateStore(':memory:');
  const scoring = { model: 'm', template: 't', version: 'boxed@1' };
  const one = { problemId: 'a', edition: 'e', text: 'answer', digest: 'd', logprob: -2, tokens: 3 } as const;
  const others = [
    { ...one, problemId: 'b' },
    { ...one, edition: 'f' },
    { ...one, text: 'solution' as const },
    { ...one, digest: 'g' },
  ];
  expect(store.recordLikelihoods(scoring, [one, ...others])).toBe(5);
  expect(store.recordLikelihoods(scoring, [{ ...one, logprob: -9 }])).toBe(0);
  const byKey = (all: readonly object[]) => all.map((row) => JSON.stringify(row)).toSorted();
  expect(byKey(store.likelihoods(scoring).map((row) => ({ ...row })))).toEqual(byKey([one, ...others]));
  for (const change of [{ model: 'n' }, { template: 'u' }, { version: 'boxed@2' }])
    expect(store.likelihoods({ ...scoring, ...change })).toEqual([]);
  expect(store.conditions()).toEqual([]);
});

test('keeps pass rates under different conditions apart', () => {
  using store = openPassRateStore(':memory:');
  store.record(conditions, [observe('a', 0)]);
  const others: Partial<Conditions>[] = [
    { model: 'n' },
    { temperature: 0.6 },
    { topP: 0.95 },
    { topK: 20 },
    { stop: ['\n'] },
    { maxTokens: 65 },
    { template: 'other' },
    { verifier: 'math@2' },
  ];
  for (const other of others) expect(store.passRates({ ...conditions, ...other }).size).toBe(0);
});

test('keeps editions apart, and counts attempts of an unknown edition as the requested one', () => {
  using store = openPassRateStore(':memory:');
  const of = (problemId: string, edition: string, rollout: number) => ({
    ...observe(problemId, rollout),
    edition,
  });
  store.record(conditions, [observe('unknown', 0), of('a', 'old', 0), of('a', 'old', 1), of('a', 'new', 0)]);
  const wanted = (...editions: [string, string][]) =>
    Object.fromEntries(
      Array.from(store.passRates(conditions, { editions: new Map(editions) }), ([id, { trials }]) => [
        id,
        trials,
      ]),
    );
  expect(wanted(['a', 'old'], ['unknown', 'old'])).toEqual({ a: 2, unknown: 1 });
  expect(wanted(['a', 'new'])).toEqual({ a: 1 });
  expect(wanted(['a', 'newest'])).toEqual({});
  expect(store.passRates(conditions).get('a')?.trials).toBe(1);
  expect(store.history('a').map(({ edition }) => edition)).toEqual(['old', 'new', 'old']);
  store.record(conditions, [of('unknown', 'exact', 0), of('unknown', 'exact', 1)]);
  expect(wanted(['unknown', 'exact'])).toEqual({ unknown: 2 });
});

test('groups contain the sums of the costs and outcomes of attempts', () => {
  using store = openPassRateStore(':memory:');
  store.record(conditions, [
    { ...observe('a', 0), promptTokens: 10, tokens: 30, finishReason: 'stop' },
    { ...observe('a', 1), promptTokens: 10, tokens: 4, finishReason: 'stop' },
    { ...observe('a', 2, 'unparsed'), promptTokens: 10, tokens: 64, finishReason: 'length' },
    observe('a', 3, 'ungradable'),
    { ...observe('a', 0, 'timeout'), source: { type: 'training' }, step: 7 },
  ]);
  const common = { problemId: 'a', successes: 0, unparsed: 0, timeouts: 0, ungradable: 0, truncated: 0 };
  expect(store.groups(conditions)).toEqual([
    {
      ...common,
      source: { type: 'base' },
      step: 0,
      successes: 2,
      trials: 3,
      attempts: 4,
      unparsed: 1,
      ungradable: 1,
      truncated: 1,
      promptTokens: 30,
      tokens: 98,
      countedAttempts: 3,
      fewestTokensToPass: 4,
    },
    {
      ...common,
      source: { type: 'training' },
      step: 7,
      trials: 1,
      attempts: 1,
      timeouts: 1,
      promptTokens: 0,
      tokens: 0,
      countedAttempts: 0,
    },
  ]);
  expect(store.groups(conditions, { source: { type: 'training' } })).toHaveLength(1);
});

test('pass rates count only the first verdict of each rollout', () => {
  const observation = fc.record({
    problemId: fc.constantFrom('a', 'b', "c'; DROP TABLE problems; --", ''),
    source: fc.constantFrom<AttemptSource>({ type: 'base' }, { type: 'training' }),
    step: fc.integer({ min: 0, max: 2 }),
    rollout: fc.integer({ min: 0, max: 3 }),
    outcome: fc.constantFrom(...outcomes),
  });
  fc.assert(
    fc.property(fc.array(fc.array(observation, { maxLength: 20 }), { maxLength: 4 }), (batches) => {
      using store = openPassRateStore(':memory:');
      const first = new Map<string, Observation>();
      for (const batch of batches) {
        const before = first.size;
        for (const item of batch) {
          const key = JSON.stringify([item.problemId, item.source, item.step, item.rollout]);
          if (!first.has(key)) first.set(key, item);
        }
        expect(store.record(conditions, batch)).toBe(first.size - before);
      }
      const kept = [...first.values()].filter(({ source, step }) => source.type === 'base' && step === 1);
      const measured = store.passRates(conditions, { source: { type: 'base' }, step: 1 });
      expect(new Set(measured.keys())).toEqual(new Set(kept.map(({ problemId }) => problemId)));
      for (const [id, { successes, trials, rollouts }] of measured) {
        const own = kept.filter(({ problemId }) => problemId === id);
        expect({ successes, trials }).toEqual(countTrials(own));
        expect(rollouts).toEqual(own.map(({ rollout }) => rollout).toSorted((x, y) => x - y));
      }
    }),
    { numRuns: 40 },
  );
});

test('history lists all attempts at a problem by step', () => {
  using store = openPassRateStore(':memory:');
  store.record({ ...conditions, model: 'later' }, [
    { ...observe('a', 0), source: { type: 'boundary', stage: 1 }, step: 40 },
  ]);
  store.record(conditions, [observe('a', 0, 'timeout'), observe('b', 0)]);
  const history = store.history('a');
  expect(history.map(({ step, outcome }) => [step, outcome])).toEqual([
    [0, 'timeout'],
    [40, 'correct'],
  ]);
  expect(history[0]!.conditions).toEqual(conditions);
});

test('history is append-only and survives reopening', () => {
  const path = join(folder, 'kept.sqlite');
  {
    using store = openPassRateStore(path);
    store.record(conditions, [observe('a', 0)]);
  }
  const database = new DatabaseSync(path);
  expect(() => database.exec("UPDATE observations SET outcome = 'incorrect'")).toThrow(/append-only/);
  expect(() => database.exec('DELETE FROM observations')).toThrow(/append-only/);
  database.close();
  using store = openPassRateStore(path);
  expect(store.passRates(conditions).get('a')?.successes).toBe(1);
});

test('ignores the order of stop strings', () => {
  using store = openPassRateStore(':memory:');
  store.record({ ...conditions, stop: ['b', 'a'] }, [observe('a', 0)]);
  expect(store.passRates({ ...conditions, stop: ['a', 'b'] }).size).toBe(1);
});

test('migrates a store of the first version with all its attempts', () => {
  const path = join(folder, 'old.sqlite');
  const old = new DatabaseSync(path);
  old.exec(`
    CREATE TABLE conditions (
      id INTEGER PRIMARY KEY, model TEXT NOT NULL, temperature REAL NOT NULL, top_p REAL NOT NULL,
      max_tokens INTEGER NOT NULL, verifier TEXT NOT NULL,
      UNIQUE (model, temperature, top_p, max_tokens, verifier)
    ) STRICT;
    CREATE TABLE problems (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE observations (
      conditions INTEGER NOT NULL REFERENCES conditions, problem INTEGER NOT NULL REFERENCES problems,
      source TEXT NOT NULL, step INTEGER NOT NULL, rollout INTEGER NOT NULL, outcome TEXT NOT NULL,
      PRIMARY KEY (conditions, problem, source, step, rollout)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO conditions VALUES (7, 'm', 1, 1, 64, 'math@1'), (9, 'n', 0.5, 1, 64, 'math@1');
    INSERT INTO problems VALUES (1, 'a');
    INSERT INTO observations VALUES (7, 1, 'base', 0, 0, 'correct'), (9, 1, 'boundary:2', 3, 0, 'timeout');
    PRAGMA user_version = 1;`);
  old.close();
  for (let opened = 0; opened < 2; opened++) {
    using store = openPassRateStore(path);
    expect(store.passRates(conditions).get('a')?.marks).toBe('1');
    const kept = store.conditions().slice(0, 2);
    expect(kept.map(({ model, topK, stop }) => [model, topK, stop])).toEqual([
      ['m', 0, []],
      ['n', 0, []],
    ]);
    expect(store.history('a').map(({ source }) => source)).toEqual([
      { type: 'base' },
      { type: 'boundary', stage: 2 },
    ]);
    expect(store.record({ ...conditions, topK: 5 }, [observe('b', opened)])).toBe(1);
  }
  using database = new DatabaseSync(path);
  expect(database.prepare('PRAGMA foreign_key_check').all()).toEqual([]);
});

test('sums spending by model', () => {
  using store = openPassRateStore(':memory:');
  const spent = { requests: 2, promptTokens: 30, cachedTokens: 10, completionTokens: 5 };
  store.recordSpending('m', { ...spent, cost: 0.5 });
  store.recordSpending('m', { ...spent, cost: 0.25 });
  store.recordSpending('n', spent);
  expect(store.spending('m')).toEqual({
    requests: 4,
    promptTokens: 60,
    cachedTokens: 20,
    completionTokens: 10,
    cost: 0.75,
  });
  expect(store.spending('n')).toEqual(spent);
  expect(store.spending('other').requests).toBe(0);
});

test('rolls back a failed batch', () => {
  using store = openPassRateStore(':memory:');
  store.record(conditions, [observe('a', 0)]);
  const unknown = { ...observe('d', 0), outcome: 'perfect' as 'correct' };
  expect(() => store.record(conditions, [observe('b', 0), unknown])).toThrow(/CHECK/);
  expect(() => store.record(conditions, [observe('c', 0), { ...observe('d', 0), step: 0.5 }])).toThrow(
    /INTEGER/,
  );
  expect([...store.passRates(conditions).keys()]).toEqual(['a']);
});

test('several processes write to one file without losing attempts', async () => {
  const path = join(folder, 'shared.sqlite');
  const program = `
    import { openPassRateStore } from ${JSON.stringify(new URL('sqlite-store.ts', import.meta.url).href)};
    using store = openPassRateStore(process.argv[2]);
    const conditions = ${JSON.stringify(conditions)};
    for (let i = 0; i < 60; i++) {
      store.record(conditions, [
        { problemId: 'shared', source: { type: 'boundary', stage: Number(process.argv[3]) }, step: 0, rollout: i, outcome: 'correct' },
        { problemId: 'same', source: { type: 'base' }, step: 0, rollout: i, outcome: 'incorrect' },
      ]);
    }`;
  const script = join(folder, 'writer.ts');
  writeFileSync(script, program);
  const run = promisify(execFile);
  await Promise.all(['1', '2', '3'].map((stage) => run(process.execPath, [script, path, stage])));
  using store = openPassRateStore(path);
  expect(store.passRates(conditions).get('shared')?.trials).toBe(180);
  expect(store.passRates(conditions).get('same')?.trials).toBe(60);
});

test('two readers can open a store on a read-only disk', async () => {
  const closed = makeFastFolder('closed');
  const path = join(closed, 'rates.sqlite');
  {
    using store = openPassRateStore(path);
    store.record(conditions, [observe('a', 0), observe('a', 1, 'incorrect')]);
    using other = readPassRateStore(path);
    expect(other.passRates(conditions).get('a')).toMatchObject({ successes: 1, trials: 2 });
  }
  expect(readdirSync(closed)).toEqual(['rates.sqlite']);
  chmodSync(path, 0o444);
  chmodSync(closed, 0o555);
  // Root can write anywhere, so read as the user nobody.
  const look = `
    import { readPassRateStore } from ${JSON.stringify(new URL('sqlite-store.ts', import.meta.url).href)};
    if (process.getuid() === 0) process.setuid(65534);
    using store = readPassRateStore(${JSON.stringify(path)});
    console.log(store.passRates(${JSON.stringify(conditions)}).get('a').trials);
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', look]);
  expect(stdout.trim()).toBe('2');
  chmodSync(closed, 0o755);
  rmSync(closed, { recursive: true });
});

test('leaves one complete file if the writer closes before a reader', () => {
  const path = join(folder, 'outlived.sqlite');
  const store = openPassRateStore(path);
  store.record(conditions, [observe('a', 0)]);
  using reader = readPassRateStore(path);
  expect(reader.passRates(conditions).get('a')?.trials).toBe(1);
  store.record(conditions, [observe('a', 1)]);
  store[Symbol.dispose]();
  copyFileSync(path, join(folder, 'copy.sqlite'));
  using copy = readPassRateStore(join(folder, 'copy.sqlite'));
  expect(copy.passRates(conditions).get('a')?.trials).toBe(2);
});

test('reading a missing store creates no file', () => {
  const path = join(folder, 'nowhere.sqlite');
  expect(() => readPassRateStore(path)).toThrow(/found nothing there/u);
  expect(existsSync(path)).toBe(false);
});

test('rejects a file that is not a store, and leaves it unchanged', () => {
  const text = join(folder, 'notes.txt');
  writeFileSync(text, 'just some notes, long enough to be no database header at all '.repeat(20));
  expect(() => openPassRateStore(text)).toThrow(DataError);
  const other = join(folder, 'other.sqlite');
  const database = new DatabaseSync(other);
  database.exec('CREATE TABLE runs (id INTEGER)');
  database.close();
  expect(() => openPassRateStore(other)).toThrow(/another kind of database/);
  expect(() => openPassRateStore(join(folder, 'missing', 'x.sqlite'))).toThrow(/unable to open/);
});

test('records source files once per content', () => {
  const path = join(folder, 'sources.sqlite');
  const record = { source: 'a.jsonl', problems: 2, files: [{ name: 'a.jsonl', sha256: 'aa', bytes: 9 }] };
  const changed = { ...record, files: [{ ...record.files[0]!, sha256: 'bb' }] };
  {
    using store = openPassRateStore(path);
    store.recordSources([record]);
    store.recordSources([record, changed]);
  }
  using again = openPassRateStore(path);
  expect(again.sources()).toEqual([record, changed]);
});
