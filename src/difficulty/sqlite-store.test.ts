import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DataError } from '../core/errors.ts';
import { outcomes } from '../core/verdict.ts';
import type { Conditions, Observation } from './pass-rate-store.ts';
import { openPassRateStore } from './sqlite-store.ts';
import { countTrials } from './trials.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

const conditions: Conditions = { model: 'm', temperature: 1, topP: 1, maxTokens: 64, verifier: 'math@1' };
const observe = (problemId: string, rollout: number, outcome: Observation['outcome'] = 'correct') =>
  ({ problemId, source: 'probe', step: 0, rollout, outcome }) as const;

test('recording a rollout twice changes nothing and says so', () => {
  using store = openPassRateStore(':memory:');
  expect(store.record(conditions, [observe('a', 0), observe('a', 1, 'incorrect')])).toBe(2);
  expect(store.record(conditions, [observe('a', 1, 'correct'), observe('a', 2, 'ungradable')])).toBe(1);
  expect(store.measured(conditions).get('a')).toEqual({
    successes: 1,
    trials: 2,
    rollouts: [0, 1, 2],
    marks: '10-',
  });
});

test('any other condition is another pass rate', () => {
  using store = openPassRateStore(':memory:');
  store.record(conditions, [observe('a', 0)]);
  const others: Partial<Conditions>[] = [
    { model: 'n' },
    { temperature: 0.6 },
    { topP: 0.95 },
    { maxTokens: 65 },
    { verifier: 'math@2' },
  ];
  for (const other of others) expect(store.measured({ ...conditions, ...other }).size).toBe(0);
});

test('what is measured equals counting the first finding per rollout', () => {
  const observation = fc.record({
    problemId: fc.constantFrom('a', 'b', "c'; DROP TABLE problems; --", ''),
    source: fc.constantFrom('probe', 'training'),
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
      const kept = [...first.values()].filter(({ source, step }) => source === 'probe' && step === 1);
      const measured = store.measured(conditions, { source: 'probe', step: 1 });
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

test('history tells everything seen of a problem in order of steps', () => {
  using store = openPassRateStore(':memory:');
  store.record({ ...conditions, model: 'later' }, [{ ...observe('a', 0), source: 'boundary:1', step: 40 }]);
  store.record(conditions, [observe('a', 0, 'timeout'), observe('b', 0)]);
  const history = store.history('a');
  expect(history.map(({ step, outcome }) => [step, outcome])).toEqual([
    [0, 'timeout'],
    [40, 'correct'],
  ]);
  expect(history[0]!.conditions).toEqual(conditions);
});

test('history cannot be rewritten, and what was recorded is there after reopening', () => {
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
  expect(store.measured(conditions).get('a')?.successes).toBe(1);
});

test('a failed batch leaves nothing behind', () => {
  using store = openPassRateStore(':memory:');
  store.record(conditions, [observe('a', 0)]);
  const unknown = { ...observe('d', 0), outcome: 'perfect' as 'correct' };
  expect(() => store.record(conditions, [observe('b', 0), unknown])).toThrow(/CHECK/);
  expect(() => store.record(conditions, [observe('c', 0), { ...observe('d', 0), step: 0.5 }])).toThrow(
    /INTEGER/,
  );
  expect([...store.measured(conditions).keys()]).toEqual(['a']);
});

test('several processes write one file at once and nothing is lost', async () => {
  const path = join(folder, 'shared.sqlite');
  const program = `
    import { openPassRateStore } from ${JSON.stringify(new URL('sqlite-store.ts', import.meta.url).href)};
    using store = openPassRateStore(process.argv[2]);
    const conditions = ${JSON.stringify(conditions)};
    for (let i = 0; i < 60; i++) {
      store.record(conditions, [
        { problemId: 'shared', source: process.argv[3], step: 0, rollout: i, outcome: 'correct' },
        { problemId: 'same', source: 'probe', step: 0, rollout: i, outcome: 'incorrect' },
      ]);
    }`;
  const script = join(folder, 'writer.ts');
  writeFileSync(script, program);
  const run = promisify(execFile);
  await Promise.all(['one', 'two', 'three'].map((name) => run(process.execPath, [script, path, name])));
  using store = openPassRateStore(path);
  expect(store.measured(conditions).get('shared')?.trials).toBe(180);
  expect(store.measured(conditions).get('same')?.trials).toBe(60);
});

test('a file that is something else is refused and left alone', () => {
  const text = join(folder, 'notes.txt');
  writeFileSync(text, 'just some notes, long enough to be no database header at all '.repeat(20));
  expect(() => openPassRateStore(text)).toThrow(DataError);
  const other = join(folder, 'other.sqlite');
  const database = new DatabaseSync(other);
  database.exec('CREATE TABLE runs (id INTEGER)');
  database.close();
  expect(() => openPassRateStore(other)).toThrow(/database of something else/);
  expect(() => openPassRateStore(join(folder, 'missing', 'x.sqlite'))).toThrow(/unable to open/);
});
