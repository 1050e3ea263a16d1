import { describe, expect, test } from 'vitest';
import type { Outcome } from '../core/verdict.ts';
import type { Problem } from '../core/problem.ts';
import { codeProblem, mathProblem, scriptedEngine } from '../testing/index.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import { comparePaired } from './compare.ts';
import { evaluate, type Evaluation, type EvaluateOptions } from './evaluate.ts';
import { formatComparison, formatEvaluation } from './format.ts';
import { suite, suiteConfig } from '../recipe/suite.ts';

/** A verifier that reads the verdict from the completion: `correct`, `incorrect:6`, `ungradable` … */
const verifier: Verifier = {
  name: 'told',
  version: '1',
  check: () => {},
  verify: (_, completion) => {
    const [outcome, extracted] = completion.split(':') as [Outcome, string | undefined];
    return Promise.resolve({
      outcome,
      score: Number(outcome === 'correct'),
      reason: '',
      verifier: 'told@1',
      ...(extracted === undefined ? {} : { evidence: { extracted } }),
    });
  },
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
const math = Array.from({ length: 6 }, (_, i) => mathProblem({ id: `m${i}` }));
const code = Array.from({ length: 2 }, (_, i) => codeProblem({ id: `c${i}` }));
const answers = (complete: (key: string, index: number) => string, more: Partial<EvaluateOptions> = {}) =>
  evaluate({
    engine: scriptedEngine({ complete }),
    verifierFor: () => verifier,
    problems: [...math, ...code],
    suite: suiteConfig.parse(suite({ name: 'held-out', maxTokens: 40 })),
    seed: 1,
    ...more,
  });
/** Makes the first `count` attempts correct and the others incorrect. */
const firstRight = (count: number) => (_: string, index: number) =>
  index < count ? 'correct:5' : 'incorrect:6';

describe('an evaluation', () => {
  test('treats a column named bandit as data unless the bandit environment answers', async () => {
    const problems = [mathProblem({ id: 'm', extra: { bandit: 'one-armed' } })];
    expect(await answers(firstRight(3), { problems })).not.toHaveProperty('exploration');
  });

  test('counts attempts by domain, family and level, and greedy attempts separately', async () => {
    const levelsOf = ({ id }: Problem) => (id === 'm0' ? ['L1', 'L2'] : ['L2']);
    const evaluation = await answers(firstRight(3), { levelsOf });
    expect(evaluation).toMatchObject({
      suite: 'held-out',
      sampling: { rollouts: 4, temperature: 1, topP: 1, maxTokens: 40, greedy: true },
      seed: 1,
      verifiers: ['told@1'],
      model: { name: 'scripted', hash: 'scripted', policyVersion: 0 },
      overall: {
        problems: 8,
        ungradable: 0,
        accuracy: { mean: 0.75, low: expect.closeTo(0.409, 3), high: expect.closeTo(0.929, 3) },
        greedy: { mean: 1 },
        passAt: { 1: 0.75, 2: 1, 4: 1 },
        majority: 1,
        truncated: 0,
      },
    });
    expect(evaluation.byDomain['math']?.problems).toBe(6);
    expect(evaluation.byDomain['code']).not.toHaveProperty('majority');
    expect(evaluation.byFamily['double']?.problems).toBe(2);
    expect(evaluation.byLevel['L1']?.problems).toBe(1);
    expect(evaluation.byLevel['L2']?.problems).toBe(8);
    expect(evaluation.problems[0]).toMatchObject({ id: 'm0', trials: 4, correct: 3, greedy: true });
    expect(JSON.parse(JSON.stringify(evaluation))).toEqual(evaluation);
  });

  test('attempts other wordings on request: adds robustness and leaves all other values unchanged', async () => {
    const wordings = [[{ role: 'user' as const, content: 'two and two?' }]];
    const problems = math.map((problem, i) => (i < 3 ? { ...problem, wordings } : problem));
    const worded = suiteConfig.parse(suite({ name: 'held-out', maxTokens: 40, wordings: true }));
    const complete = (key: string, index: number) =>
      key.includes('wording') ? 'incorrect:6' : firstRight(3)(key, index);
    const plain = await answers(complete, { problems });
    const {
      robustness,
      problems: results,
      ...evaluation
    } = await answers(complete, { problems, suite: worded });
    expect(evaluation.overall).toEqual(plain.overall);
    expect(plain).not.toHaveProperty('robustness');
    expect(results[0]!.wordings).toEqual([{ trials: 4, correct: 0, greedy: false }]);
    expect(results[5]!.wordings).toEqual([]);
    expect(robustness!.sampled).toMatchObject({ problems: 3, own: 0.75, others: 0, rightToWrong: 0.75 });
    expect(robustness!.greedy).toMatchObject({ problems: 3, own: 1, rightInAll: { mean: 0 } });
    expect(formatEvaluation({ ...evaluation, problems: results, robustness: robustness! })).toContain(
      'wordings, greedy, 3 problems: own prompt 100.0, others 0.0',
    );
    await expect(answers(complete, { suite: worded })).rejects.toThrow(
      'expected problems with other wordings',
    );
  });

  test('excludes ungradable attempts from trials, and problems without trials from all values', async () => {
    const { overall } = await answers((key, index) =>
      key === 'm0' || index === 0 ? 'ungradable' : 'correct:5',
    );
    expect(overall).toMatchObject({ problems: 7, ungradable: 1, accuracy: { mean: 1 } });
    expect(overall.passAt).toEqual({ 1: 1, 2: 1 });
    expect(overall).not.toHaveProperty('greedy');
    const nothing = await answers(() => 'ungradable');
    expect(nothing.overall).toEqual({ problems: 0, ungradable: 8, passAt: {} });
    expect(formatEvaluation(nothing)).toContain('–');
  });

  test('counts truncated attempts, reports progress, and throws if there are no problems', async () => {
    const seen: number[] = [];
    const tight = suiteConfig.parse(suite({ name: 's', maxTokens: 7, rollouts: 1, greedy: false }));
    const { overall } = await answers(() => 'correct', {
      suite: tight,
      onProgress: (done, total) => seen.push(done / total),
    });
    expect(overall.truncated).toBe(1);
    expect(seen).toHaveLength(8);
    expect(seen.at(-1)).toBe(1);
    await expect(answers(() => '', { problems: [] })).rejects.toThrow('at least one problem');
  });
});

describe('a comparison', () => {
  test('pairs problems and returns an interval for the difference', async () => {
    const before = await answers(firstRight(1));
    const after = await answers((key, index) => firstRight(key === 'm0' ? 1 : 3)(key, index));
    const { overall, byDomain, warnings } = comparePaired(before, after);
    expect(overall).toMatchObject({ problems: 8, before: 0.25, greedyBefore: 1, greedyAfter: 1 });
    expect(overall.after).toBeCloseTo(0.6875, 12);
    expect(overall.difference.mean).toBeCloseTo(0.4375, 12);
    expect(overall.difference.low).toBeGreaterThan(0.2);
    expect(overall.difference.high).toBeLessThanOrEqual(0.5);
    // Two equal differences would give a bootstrap interval of width 0, although two problems prove little.
    expect(byDomain['code']?.difference).toEqual({ mean: 0.5, low: expect.closeTo(-0.158, 3), high: 1 });
    expect(warnings).toEqual([]);
  });

  test('lists reasons why evaluations are not comparable', async () => {
    const before = await answers(firstRight(1), { problems: math });
    const other: Evaluation = { ...(await answers(firstRight(1))), verifiers: ['told@2'] };
    const { overall, warnings } = comparePaired(before, {
      ...other,
      sampling: { ...other.sampling, rollouts: 8 },
    });
    expect(overall.problems).toBe(6);
    expect(warnings).toEqual([
      'sampled differently (rollouts, temperature or limits)',
      'judged by told@1 and by told@2',
      'only 6 of 8 problems were judged in both',
    ]);
    const stranger = await answers(firstRight(1), { problems: code });
    expect(() => comparePaired(before, stranger)).toThrow('problems in common');
  });
});

test('formats tables for the terminal', async () => {
  const before = await answers(firstRight(1));
  const after = await answers(firstRight(3));
  expect(formatEvaluation(after).split('\n').slice(0, 4)).toEqual([
    'held-out: scripted, temperature 1, 40 tokens',
    '            problems  avg@4  95 % interval  pass@4  maj@4  greedy  cut off',
    'all                8   75.0    40.9 … 92.9   100.0  100.0   100.0      0.0',
    'math               6   75.0    36.5 … 94.0   100.0  100.0   100.0      0.0',
  ]);
  const trained = { ...after, model: { ...after.model, policyVersion: 29 } };
  expect(formatEvaluation(trained)).toMatch(/^held-out: scripted after 29 updates, /);
  expect(formatEvaluation(trained, 30)).toMatch(/^held-out: scripted after 30 steps, /);
  expect(formatComparison(comparePaired(before, after)).split('\n')).toEqual([
    '      problems  before  after  change   95 % interval         greedy',
    'all          8    25.0   75.0   +50.0   +17.6 … +82.4  100.0 → 100.0',
    'math         6    25.0   75.0   +50.0   +11.0 … +89.0  100.0 → 100.0',
    'code         2    25.0   75.0   +50.0  -15.8 … +100.0  100.0 → 100.0',
  ]);
});
