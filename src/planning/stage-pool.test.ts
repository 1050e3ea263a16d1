import { expect, test } from 'vitest';
import { stage, stageConfig } from '../curriculum/stage.ts';
import { createLevels, levelConfig } from '../difficulty/levels/levels.ts';
import { simpleLevels } from '../difficulty/levels/level-presets.ts';
import type { ObservedGroup } from '../difficulty/pass-rates/pass-rate-store.ts';
import { mathProblem } from '../testing/index.ts';
import type { PlannedParts } from './planned-parts.ts';
import { forecastPool } from './stage-pool.ts';

const problems = Array.from({ length: 8 }, (_, at) => mathProblem({ id: `p${at}` }));
const levels = createLevels(
  simpleLevels().map((one) => levelConfig.parse(one)),
  { alpha: 1, beta: 1 },
);
const parts = { problems, levels, knownPassRates: new Map() } as unknown as PlannedParts;
/** Problem i is solved in i of 4 attempts; only the first half is measured. */
const attempts = problems
  .slice(0, 4)
  .map(({ id }, successes) => ({ problemId: id, successes, trials: 4 }) as ObservedGroup);
const stageOf = (select?: string) =>
  stageConfig.parse(stage('one', { maxSteps: 1, ...(select !== undefined && { select }) }));

test('selects problems by recorded attempts and assumes the same share for unmeasured problems', () => {
  const pool = forecastPool(parts, stageOf('learnable'), attempts)!;
  expect(pool.attempts.map(({ problemId }) => problemId)).toEqual(['p1', 'p2', 'p3']);
  expect(pool.problems).toBe(6);
  expect(forecastPool(parts, stageOf(), attempts)).toEqual({ problems: 8, attempts });
});

test('forecasts no pool if nothing is recorded or selected', () => {
  expect(forecastPool(parts, stageOf('learnable'), [])).toBeUndefined();
  expect(forecastPool(parts, stageOf('easy'), attempts)).toBeUndefined();
});
