import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { uniformAt } from '../../core/rng.ts';
import { spearman } from '../../statistics/rank-correlation.ts';
import { keepUsefulColumns, scoreByFeatures } from './feature-scores.ts';
import { createFeatureTable, type ProblemFeatures } from './feature-table.ts';

const count = 800;
const ids = Array.from({ length: count }, (_, i) => `p${i}`);
const rates = Float64Array.from(ids, (_, i) => uniformAt(1, i));
const outcomes = Float64Array.from(ids, (_, i) => Number(uniformAt(2, i) < rates[i]!));
const wordsOfNoise = (i: number): string[] =>
  Array.from({ length: 100 }, (_, word) => `w${word} ${Math.floor(20 * uniformAt(3, i, word))}`);
const tableOf = (of: (i: number) => ProblemFeatures) => createFeatureTable(ids.map((_, i) => of(i)));
const strong = (i: number): Record<string, number> => ({ value: rates[i]! + 0.1 * uniformAt(4, i) });

test('a hundred weak words do not mask a strong value', () => {
  const alone = scoreByFeatures(
    ids,
    tableOf((i) => ({ words: [], values: strong(i) })),
    outcomes,
  );
  const among = scoreByFeatures(
    ids,
    tableOf((i) => ({ words: wordsOfNoise(i), values: strong(i) })),
    outcomes,
  );
  const onlyWords = scoreByFeatures(
    ids,
    tableOf((i) => ({ words: wordsOfNoise(i), values: {} })),
    outcomes,
  );
  expect(spearman(alone, rates)).toBeGreaterThan(0.95);
  expect(spearman(among, rates)).toBeGreaterThan(spearman(alone, rates) - 0.03);
  expect(Math.abs(spearman(onlyWords, rates))).toBeLessThan(0.2);
});

test('drops noise columns in at least nine of ten worlds, and keeps columns that predict outcomes', () => {
  const worlds = Array.from({ length: 40 }, (_, world) => world);
  const noisy = worlds.filter((world) => {
    const table = tableOf((i) => ({ words: [], values: { a: uniformAt(5, world, i) } }));
    return keepUsefulColumns(ids, table, outcomes).columns.length > 0;
  });
  expect(noisy.length).toBeLessThanOrEqual(4);
  const useful = tableOf((i) => ({ words: [], values: strong(i) }));
  expect(keepUsefulColumns(ids, useful, outcomes)).toBe(useful);
});

test('the outcome of a problem changes its own score by less than 0.05 in log-odds', () => {
  const table = tableOf((i) => ({ words: wordsOfNoise(i), values: i % 3 === 0 ? {} : strong(i) }));
  const before = scoreByFeatures(ids, table, outcomes);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: count - 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (i, other) => {
        const changed = Float64Array.from(outcomes);
        changed[i] = other;
        expect(Math.abs(scoreByFeatures(ids, table, changed)[i]! - before[i]!)).toBeLessThan(0.05);
      },
    ),
    { numRuns: 10 },
  );
});

test('a value is standardised over the problems that have it; an indicator column marks the others', () => {
  const { columns } = createFeatureTable([
    { words: [], values: { a: 1, same: 5 } },
    { words: [], values: { a: 2, same: 5 } },
    { words: [], values: { a: 3, same: 5 } },
    undefined,
  ]);
  expect(columns.map((column) => [...column])).toEqual([
    [-1, 0, 1, 0],
    [0, 0, 0, 1],
    [0, 0, 0, 1],
  ]);
});
