import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { algorithmConfig, createAlgorithm } from './algorithm.ts';
import { centredAdvantages, turnAdvantages } from './advantages.ts';

const algorithmOf = (type: 'grpo' | 'rloo' | 'dr-grpo' | 'reinforce') =>
  createAlgorithm(algorithmConfig.parse({ type, advantages: 'return-to-go' }));

test('the advantage of a turn is its return-to-go minus the group mean, in which ended attempts count as 0', () => {
  const toGo = [[3, 2, 1], [1], [2, 2]];
  const [first, second, third] = turnAdvantages([3, 1, 2], toGo, centredAdvantages);
  const expected = [[1, 2 - 4 / 3, 1 - 1 / 3], [-1], [0, 2 - 4 / 3]];
  for (const [i, own] of [first!, second!, third!].entries())
    for (const [k, value] of own.entries()) expect(value).toBeCloseTo(expected[i]![k]!, 12);
});

test('all turns of a group are scaled by the same factor, and equal returns give advantage 0', () => {
  const toGo = [
    [3, 1],
    [1, 1],
  ];
  const grpo = turnAdvantages([3, 1], toGo, algorithmOf('grpo').advantages);
  expect(grpo[0]![0]).toBeCloseTo(Math.SQRT1_2, 5);
  expect(grpo[0]![1]).toBeCloseTo(0, 12);
  expect(turnAdvantages([3, 1], toGo, algorithmOf('rloo').advantages)[0]).toEqual([2, 0]);
  expect(turnAdvantages([3, 1], toGo, algorithmOf('reinforce').advantages)).toEqual(toGo);
  const equal = [
    [2, 0],
    [2, 1],
  ];
  expect(turnAdvantages([2, 2], equal, algorithmOf('grpo').advantages)).toEqual([
    [0, 0],
    [0, 0],
  ]);
});

test('with one turn per attempt, the turn has the advantage of the episode', () => {
  const rewards = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(rewards, fc.constantFrom('grpo', 'rloo', 'dr-grpo', 'reinforce'), (returns, type) => {
      const { advantages } = algorithmOf(type);
      const turns = turnAdvantages(
        returns,
        returns.map((one) => [one]),
        advantages,
      );
      for (const [i, value] of advantages(returns).entries()) expect(turns[i]![0]).toBeCloseTo(value, 9);
    }),
  );
});
