import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderHistogram, type HistogramEntry } from './histogram.ts';

const options = { prior: { alpha: 1, beta: 1 }, confidence: 0.95 };
const entry = (group: string, successes: number, trials: number): HistogramEntry => ({
  groups: [group],
  trials: { successes, trials },
});

test('draws the counts of each row as bars', () => {
  const entries = [
    ...Array.from({ length: 8 }, () => entry('math', 0, 8)),
    ...Array.from({ length: 4 }, () => entry('math', 4, 8)),
    entry('math', 8, 8),
    entry('code', 1, 8),
    entry('code', 0, 0),
  ];
  expect(renderHistogram(entries, options).split('\n')).toEqual([
    '      0 ·1··· ·5··· 1  problems  mean  learnable  known to',
    'math  █       ▄     ▁        13  0.23       0.31    ± 0.17',
    'code     █                    1  0.13       1.00    ± 0.23',
    '9 problems at exactly 0 or 1 after 8 rollouts (median): true rates up to 0.31 from 0 or 1 give such a result in at least 1 of 20 cases',
    '1 problems not measured yet',
  ]);
});

test('counts a problem in each of its rows, and reports when nothing is measured', () => {
  const both = renderHistogram(
    [{ groups: ['easy', 'learnable'], trials: { successes: 3, trials: 4 } }],
    options,
  );
  expect(both.split('\n').filter((line) => line.includes('█'))).toHaveLength(2);
  expect(renderHistogram([entry('math', 0, 0)], options)).toBe(
    'no pass rates to show\n1 problems not measured yet',
  );
  expect(renderHistogram([], options)).toBe('no pass rates to show');
});

test('rows are aligned and every non-empty bin is visible, for any counts', () => {
  const anyTrials = fc
    .integer({ min: 1, max: 30 })
    .chain((trials) =>
      fc.record({ successes: fc.integer({ min: 0, max: trials }), trials: fc.constant(trials) }),
    );
  const entries = fc.array(
    fc.record({ groups: fc.subarray(['a', 'bbb', 'cc'], { minLength: 1 }), trials: anyTrials }),
    {
      minLength: 1,
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(entries, (list) => {
      const lines = renderHistogram(list, options)
        .split('\n')
        .filter((line) => line.includes('±') || line.includes('known to'));
      expect(new Set(lines.map((line) => line.length)).size).toBe(1);
      const rates = list
        .filter(({ groups }) => groups.includes('a'))
        .map(({ trials: { successes, trials } }) => successes / trials);
      const bins = new Set(
        rates.map((rate) => (rate === 1 ? 'always' : rate === 0 ? 'never' : Math.floor(rate * 10))),
      );
      const row = lines.find((line) => line.startsWith('a')) ?? '';
      expect([...row].filter((char) => '▁▂▃▄▅▆▇█'.includes(char))).toHaveLength(bins.size);
    }),
    { numRuns: 50 },
  );
});
