import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { recipeDifferences } from './recipe-differences.ts';
import { applyOverrides } from '../../recipe/overrides.ts';

test('lists differing fields at the deepest level', () => {
  const before = { seed: 0, baseDir: '/a', stages: [{ name: 'easy', maxSteps: 5 }], batch: { problems: 8 } };
  const after = {
    seed: 1,
    baseDir: '/b',
    stages: [{ name: 'easy' }, { name: 'hard' }],
    batch: { problems: 8 },
  };
  expect(recipeDifferences(before, after)).toEqual([
    { path: 'seed', before: 0, after: 1 },
    { path: 'stages[0].maxSteps', before: 5 },
    { path: 'stages[1]', after: { name: 'hard' } },
  ]);
});

test('finds no differences between equal recipes, nor after --set has applied all differences in values', () => {
  const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean());
  const fields = fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), leaf, { maxKeys: 4 });
  const recipe = fc.record({ seed: leaf, optimizer: fields, stages: fc.array(fields, { maxLength: 3 }) });
  fc.assert(
    fc.property(recipe, recipe, (before, after) => {
      expect(recipeDifferences(before, before)).toEqual([]);
      const settable = recipeDifferences(before, after).filter((one) => 'before' in one && 'after' in one);
      const back = settable.map(({ path, before: value }) => `${path}=${JSON.stringify(value)}`);
      const left = recipeDifferences(before, applyOverrides(after, back));
      expect(left.filter((one) => 'before' in one && 'after' in one)).toEqual([]);
    }),
  );
});
