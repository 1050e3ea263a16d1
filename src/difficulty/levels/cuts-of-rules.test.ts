import { expect, test } from 'vitest';
import { cutsOfRules } from './cuts-of-rules.ts';
import { simpleLevels } from './level-presets.ts';
import { levelConfig } from './levels.ts';

test('lists every bound of the rules once, in ascending order, and only for the given model', () => {
  const rules = simpleLevels().map((input) => levelConfig.parse(input).rule);
  expect(cutsOfRules(rules, 'policy')).toEqual([
    { at: 0, excludeAt: true },
    { at: 0.25, excludeAt: true },
    { at: 0.75, excludeAt: true },
    { at: 1, excludeAt: false },
  ]);
  expect(cutsOfRules(rules, 'other')).toEqual([]);
});
