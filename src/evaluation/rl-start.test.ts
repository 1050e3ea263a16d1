import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ProblemResult } from './problem-result.ts';
import { rlStart } from './rl-start.ts';
import { summarise } from './summary.ts';

const resultOf = (correct: number, trials: number, n: number): ProblemResult => ({
  id: `p${n}`,
  domain: 'math',
  trials,
  correct,
  verdicts: { correct, incorrect: trials - correct, unparsed: 0, timeout: 0, ungradable: 0 },
  truncated: 0,
  tokens: 1,
});
const startOf = (counts: readonly number[], trials: number) => {
  const problems = counts.map((correct, n) => resultOf(correct, trials, n));
  return rlStart({ problems, overall: summarise(problems, 0) });
};

test('counts problems solved at least once, and problems solved sometimes but not always', () => {
  expect(startOf([0, 1, 3, 4], 4)).toMatchObject({ attempts: 4, passAt: 0.75, learnable: { mean: 0.5 } });
  expect(startOf([0, 1], 1)).toBeNull();
  expect(startOf([], 4)).toBeNull();
});

test('the learnable share is at most pass@k, and lies within its interval', () => {
  const counts = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(counts, (some) => {
      const { passAt, learnable } = startOf(some, 8)!;
      expect(learnable.mean).toBeLessThanOrEqual(passAt + 1e-12);
      expect(learnable.low).toBeLessThanOrEqual(learnable.mean);
      expect(learnable.high).toBeGreaterThanOrEqual(learnable.mean);
    }),
  );
});
