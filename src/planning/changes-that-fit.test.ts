import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { changesThatFit } from './changes-that-fit.ts';

const step = 64 * 2 ** 20;

test('each proposed change fits, and the next smaller change does not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 2000 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 2e6 }),
      (promptTokens, answerTokens, hundreds, bytesPerToken) => {
        const fits = (positions: number, budget: number): boolean => positions * bytesPerToken <= budget;
        const budgetBytes = hundreds * 1e8;
        const positions = promptTokens + answerTokens;
        fc.pre(!fits(positions, budgetBytes));
        const proposed = changesThatFit(fits, {
          promptTokens,
          answerTokens,
          isLimitShared: true,
          budgetBytes,
          machineBytes: 16e9,
        });
        const amounts = (name: string): number[] =>
          proposed.filter((one) => one.startsWith(name)).map((one) => Number.parseFloat(one.split('=')[1]!));
        for (const tokens of amounts('sampling.maxTokens')) {
          expect(fits(promptTokens + tokens, budgetBytes)).toBe(true);
          expect(fits(promptTokens + tokens + 1, budgetBytes)).toBe(false);
        }
        for (const budget of amounts('policy.engine.memoryBudget').map((amount) => amount * 2 ** 20)) {
          expect(fits(positions, budget)).toBe(true);
          expect(budget).toBeLessThanOrEqual(16e9);
          expect(fits(positions, Math.max(budgetBytes, budget - step))).toBe(false);
        }
      },
    ),
  );
});

test('proposes nothing if no budget or answer length fits, or if stages set their own answer limits', () => {
  const given = {
    promptTokens: 10,
    answerTokens: 10,
    isLimitShared: true,
    budgetBytes: 1e9,
    machineBytes: 2e9,
  };
  expect(changesThatFit(() => false, given)).toEqual([]);
  const fits = (positions: number): boolean => positions <= 15;
  expect(changesThatFit(fits, given)).toEqual(['sampling.maxTokens=5']);
  expect(changesThatFit(fits, { ...given, isLimitShared: false })).toEqual([]);
});
