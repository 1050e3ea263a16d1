import { expect, test } from 'vitest';
import type { Verifier } from '../verifiers/verifier.ts';
import { openPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import { passRate, passRateConfig } from '../difficulty/probing/pass-rate.ts';
import { mathProblem, scriptedEngine } from '../testing/index.ts';
import { measurePassRates, type MeasureRequest } from './measure.ts';

const verifier: Verifier = {
  name: 'exact',
  version: '1',
  check() {},
  async verify(problem, completion) {
    const outcome = completion === problem.answer ? 'correct' : 'incorrect';
    return { outcome, score: Number(outcome === 'correct'), reason: '', verifier: 'exact@1' };
  },
  async [Symbol.asyncDispose]() {},
};

const problems = Array.from({ length: 600 }, (_, i) => mathProblem({ id: `p${i}`, answer: 'yes' }));
const request: MeasureRequest = {
  problems,
  settings: passRateConfig.parse(passRate({ rollouts: 4, screening: 2, maxTokens: 8 })),
  model: 'hash',
  source: { type: 'base' },
  step: 0,
  seed: 1,
};

/** Solves problem n in its first n mod 3 attempts. */
const complete = (key: string, index: number): string => (index < Number(key.slice(1)) % 3 ? 'yes' : 'no');

test('screens every problem and continues only with mixed ones', async () => {
  using store = openPassRateStore(':memory:');
  const engine = scriptedEngine({ complete });
  const found = await measurePassRates({ engine, verifierFor: () => verifier, store }, request);
  expect(found.get('p0')).toMatchObject({ successes: 0, trials: 2 });
  expect(found.get('p1')).toMatchObject({ successes: 1, trials: 4 });
  expect(found.get('p2')).toMatchObject({ successes: 2, trials: 2 });
});

test('an interrupted measurement makes only the missing attempts and ends with the same result', async () => {
  using whole = openPassRateStore(':memory:');
  const expected = await measurePassRates(
    { engine: scriptedEngine({ complete }), verifierFor: () => verifier, store: whole },
    request,
  );

  using store = openPassRateStore(':memory:');
  const stop = new AbortController();
  const first = scriptedEngine({
    complete: (key, index) => {
      if (key === 'p300') stop.abort(new Error('stopped'));
      return complete(key, index);
    },
  });
  const parts = { verifierFor: () => verifier, store };
  await expect(measurePassRates({ ...parts, engine: first }, request, stop.signal)).rejects.toThrow(
    'stopped',
  );
  const second = scriptedEngine({ complete });
  expect(await measurePassRates({ ...parts, engine: second }, request)).toEqual(expected);
  const asked = second.requests.flatMap(({ prompts }) => prompts.map(({ key }) => key));
  expect(asked).not.toContain('p0');
  expect(asked).toContain('p300');
});

test('records a judged attempt before its group is complete', async () => {
  using store = openPassRateStore(':memory:');
  const stop = new AbortController();
  const asked: string[] = [];
  const engine = scriptedEngine({
    complete: (key, index) => {
      if (index === 3 && asked.length < 4) stop.abort(new Error('stopped'));
      asked.push(`${key}#${index}`);
      return 'yes';
    },
  });
  const parts = { engine, verifierFor: () => verifier, store };
  const settings = passRateConfig.parse(passRate({ rollouts: 6, maxTokens: 8 }));
  const one = { ...request, settings, problems: problems.slice(0, 1) };
  await expect(measurePassRates(parts, one, stop.signal)).rejects.toThrow('stopped');
  expect((await measurePassRates(parts, one)).get('p0')).toEqual({ successes: 6, trials: 6 });
  expect(asked).toEqual(['p0#0', 'p0#1', 'p0#2', 'p0#3', 'p0#3', 'p0#4', 'p0#5']);
});
