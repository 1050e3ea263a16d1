import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { uniformAt } from '../../core/rng.ts';
import { summariseOdds } from './level-forecast.ts';
import { levelOdds } from './level-odds.ts';
import { paperLevels, simpleLevels } from './level-presets.ts';
import { createLevels, levelConfig } from './levels.ts';

const prior = { alpha: 1, beta: 1 };
const simple = simpleLevels().map((level) => levelConfig.parse(level));
const paper = paperLevels().map((level) => levelConfig.parse(level));
const trials = (successes: number, made: number) => ({ successes, trials: made });

/**
 * Returns problems with `made` attempts each, and the same problems with `horizon` attempts. A fifth of them are never
 * solved; the pass rates of the others are evenly spread.
 */
function world(count: number, made: number, horizon: number) {
  return Array.from({ length: count }, (_, i) => {
    const rate = uniformAt(1, i, 0) < 0.2 ? 0 : uniformAt(1, i, 1);
    const solved = (upTo: number): number =>
      Array.from({ length: upTo }, (_x, n) => Number(uniformAt(2, i, n) < rate)).reduce((a, b) => a + b, 0);
    const of = (upTo: number) => ({
      id: `p${i}`,
      domain: 'math',
      passRates: { policy: trials(solved(upTo), upTo) },
    });
    return { now: of(made), later: of(horizon) };
  });
}

test('forecasts, from a few attempts, the size of a level after many attempts', () => {
  const problems = world(3000, 4, 64);
  const now = problems.map((problem) => problem.now);
  const levels = createLevels(simple, prior);
  const odds = levelOdds(simple, prior, now, 64);
  for (const name of levels.names) {
    const takes = (subject: (typeof now)[0]): boolean => levels.of(subject).includes(name);
    const all = now.map((_, i) => i);
    const forecast = summariseOdds(odds, name, all, (i) => takes(now[i]!));
    const truth = problems.filter(({ later }) => takes(later)).length;
    // The range ignores the uncertainty about the population, so allow twice its width.
    const slack = forecast.high - forecast.low;
    expect({
      name,
      truth,
      low: forecast.low - slack / 2 <= truth,
      high: truth <= forecast.high + slack / 2,
    }).toEqual({
      name,
      truth,
      low: true,
      high: true,
    });
    expect(forecast.taken + forecast.joining - forecast.leaving).toBeCloseTo(forecast.expected, 6);
  }
  const counted = levels.names.map((name) => now.filter((one) => levels.of(one).includes(name)).length);
  expect(counted[3]!).toBeLessThan(
    0.9 * problems.filter(({ later }) => levels.of(later).includes('learnable')).length,
  );
});

test('odds are probabilities, sum to 1 over levels that partition the pass rates, and are 0 or 1 for a long record', () => {
  const record = fc
    .integer({ min: 0, max: 90 })
    .chain((made) => fc.integer({ min: 0, max: made }).map((successes) => trials(successes, made)));
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 30 }), (records) => {
      const subjects = records.map((policy, i) => ({ id: `p${i}`, domain: 'math', passRates: { policy } }));
      const { odds } = levelOdds(simple, prior, subjects, 32);
      const levels = createLevels(simple, prior);
      records.forEach(({ successes, trials: made }, i) => {
        const [easy, medium, hard, learnable] = ['easy', 'medium', 'hard', 'learnable'].map(
          (name) => odds.get(name)![i]!,
        );
        expect(easy! + medium! + hard!).toBeCloseTo(1, 9);
        expect(learnable! >= 0 && learnable! <= 1 + 1e-12).toBe(true);
        const isSettled = made >= 32 && [0, made].includes(successes);
        const settled = isSettled ? levels.names : [];
        const off = settled.filter(
          (name) => Math.abs(odds.get(name)![i]! - Number(levels.of(subjects[i]!).includes(name))) > 1e-6,
        );
        expect(off).toEqual([]);
      });
    }),
    { numRuns: 20 },
  );
});

test('levels defined over several models use all of them, and unmeasured problems are in no level', () => {
  const subject = (id: string, small: number, medium: number) => ({
    id,
    domain: 'math',
    passRates: {
      small: trials(small, 32),
      medium: trials(medium, 32),
      large: trials(20, 32),
      judge: trials(32, 32),
    },
  });
  const subjects = [
    subject('both sometimes', 10, 20),
    subject('only the larger', 0, 32),
    subject('always', 32, 32),
    { id: 'untried', domain: 'math', passRates: {} },
  ];
  const { odds } = levelOdds(paper, prior, subjects, 32);
  expect([...odds.get('L1')!].map((p) => Math.round(100 * p) / 100)).toEqual([1, 0, 0, expect.any(Number)]);
  expect([...odds.get('L2')!].map((p) => Math.round(100 * p) / 100)).toEqual([1, 1, 0, expect.any(Number)]);
  expect(levelOdds(paper, prior, [subjects[3]!], 32).odds.get('L1')![0]).toBe(0);
});
