import { expect, test } from 'vitest';
import { judgeDifferent, judgeSame } from '../../../bench/math/properties.ts';

const seed = Number(process.env['GRADUS_FUZZ_SEED'] ?? 1);

test('never judges two different values equal, in any notation', async () => {
  const { misjudged } = await judgeDifferent(20_000, seed);
  expect(misjudged).toEqual([]);
}, 120_000);

test('judges one value in two allowed formats as equal', async () => {
  const { pairs, misjudged } = await judgeSame(5_000, seed);
  expect(misjudged.length / pairs).toBeLessThanOrEqual(0.01);
}, 120_000);
