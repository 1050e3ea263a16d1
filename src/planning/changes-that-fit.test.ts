import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { changesThatFit } from './changes-that-fit.ts';

test('each proposed change fits, and the next smaller one does not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 2000 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 2e6 }),
      (promptTokens, answerTokens, hundreds, bytesPerToken) => {
        const fits = (positions: number, budget: number): boolean => positions * bytesPerToken <= budget;
        const budgetBytes = hundreds * 1e8;
        fc.pre(!fits(promptTokens + answerTokens, budgetBytes));
        const given = { promptTokens, answerTokens, budgetBytes, machineBytes: 16e9 };
        for (const change of changesThatFit(fits, given)) {
          const [name, value] = change.split('=') as [string, string];
          const amount = Number.parseFloat(value);
          if (name === 'sampling.maxTokens') {
            expect(fits(promptTokens + amount, budgetBytes)).toBe(true);
            expect(fits(promptTokens + amount + 1, budgetBytes)).toBe(false);
          } else {
            expect(name).toBe('policy.engine.memoryBudget');
            expect(fits(promptTokens + answerTokens, amount * 2 ** 20)).toBe(true);
            expect(amount * 2 ** 20).toBeLessThanOrEqual(16e9);
            const smaller = (amount - 64) * 2 ** 20;
            if (smaller > budgetBytes) expect(fits(promptTokens + answerTokens, smaller)).toBe(false);
          }
        }
      },
    ),
  );
});

test('proposes nothing where no budget of the machine and no answer fits', () => {
  const given = { promptTokens: 10, answerTokens: 10, budgetBytes: 1e9, machineBytes: 2e9 };
  expect(changesThatFit(() => false, given)).toEqual([]);
});
