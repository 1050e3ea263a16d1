import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Trials } from '../../difficulty/pass-rates/trials.ts';
import { reportDifficulty, type ReportedProblem } from './difficulty-report.ts';

const problem = fc.record({
  domain: fc.constantFrom('math', 'code'),
  family: fc.constantFrom('a', 'b', 'c'),
  trials: fc
    .integer({ min: 0, max: 8 })
    .chain((trials) =>
      fc.record({ trials: fc.constant(trials), successes: fc.integer({ min: 0, max: trials }) }),
    ),
});
const report = (all: readonly (Omit<ReportedProblem, 'id'> & { trials: Trials })[]) => {
  const problems = all.map(({ trials: _, ...rest }, i) => ({ id: `p${i}`, ...rest }));
  return reportDifficulty(problems, new Map(all.map(({ trials }, i) => [`p${i}`, trials])));
};

test('groups partition the measured problems, and levels follow their rules', () => {
  fc.assert(
    fc.property(fc.array(problem, { maxLength: 40 }), (all) => {
      const rates = all
        .filter(({ trials }) => trials.trials > 0)
        .map(({ trials: m }) => m.successes / m.trials);
      const { overall, byDomain, byFamily, byLevel } = report(all);
      const count = (groups: Readonly<Record<string, { problems: number }>>): number =>
        Object.values(groups).reduce((sum, { problems }) => sum + problems, 0);
      expect(overall.problems).toBe(rates.length);
      expect([count(byDomain), count(byFamily)]).toEqual([rates.length, rates.length]);
      expect(
        Object.fromEntries(Object.entries(byLevel).map(([name, { problems }]) => [name, problems])),
      ).toEqual({
        easy: rates.filter((p) => p > 0.75).length,
        medium: rates.filter((p) => p > 0.25 && p <= 0.75).length,
        hard: rates.filter((p) => p <= 0.25).length,
        learnable: rates.filter((p) => p > 0 && p < 1).length,
      });
      const { mean, low, high } = overall.passRate ?? { mean: 0, low: 0, high: 0 };
      expect(low <= mean + 1e-12 && mean <= high + 1e-12).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('leaves out the statistics if no problem was measured', () => {
  const { overall, byLevel, text } = report([{ domain: 'math', trials: { successes: 0, trials: 0 } }]);
  expect(overall).toEqual({ problems: 0 });
  expect(byLevel['hard']).toEqual({ problems: 0 });
  expect(text).toContain('no pass rates to show');
});

test('shows a single row if problems have no domain or family', () => {
  const { byDomain, byFamily, text } = report([{ trials: { successes: 1, trials: 2 } }]);
  expect([byDomain, byFamily]).toEqual([{}, {}]);
  expect(text.split('\n').filter((line) => line.includes('±'))).toHaveLength(1);
});
