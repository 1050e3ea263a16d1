import { expect, test } from 'vitest';
import { arms } from './arms.ts';
import { configOf, recipeOf } from './recipe.ts';
import { readResults } from './results.ts';
import { rows } from './rows.ts';

test('recorded runs keep their keys, so that no finished run is repeated', () => {
  const recorded = readResults('docs/regimes/results.jsonl');
  const lost = recorded.filter(({ row: id, arm: name, seed, config }) => {
    const [row, arm] = [rows.find((one) => one.id === id), arms[name]];
    return row === undefined || arm === undefined || configOf(recipeOf(row, arm, seed), arm) !== config;
  });
  // A new setting of recipes belongs in `laterDefaults`; a change of a result, in the arm's version.
  expect(lost.map(({ row, arm, seed }) => `${row} ${arm} ${seed}`)).toEqual([]);
  expect(recorded.length).toBeGreaterThan(300);
});
