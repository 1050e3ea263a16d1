import { expect, test } from 'vitest';
import type { RolloutGroup } from '../../core/rollout.ts';
import { mathProblem } from '../../testing/problems.ts';
import { commonestAnswer, excessOf } from './commonest-answer.ts';
import { collapsedNote } from './policy-health.ts';

const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

/** Creates a group whose rollouts give these answers. */
const group = (id: number, gold: string, answers: readonly (string | null)[]): RolloutGroup =>
  ({
    problem: { ...mathProblem({ id: `${id}`, answer: gold }), family: 'weekday' },
    rollouts: answers.map((extracted) => ({
      verdict: { outcome: 'incorrect', evidence: extracted === null ? {} : { extracted } },
    })),
  }) as unknown as RolloutGroup;

test('finds the answer that one family gives far more often than it is correct', () => {
  const groups = days.map((day, i) => group(i, day, ['Wednesday', 'Wednesday', day, null]));
  const found = commonestAnswer(groups)!;
  expect(found).toMatchObject({ family: 'weekday', answer: 'Wednesday', goldShare: 1 / 7 });
  expect(excessOf(found)).toBeCloseTo(15 / 21 - 1 / 7, 12);
  expect(collapsedNote(groups)).toBe(
    '71 % of the answers in family "weekday" are "Wednesday", right for 14 % of its problems',
  );
});

test('returns null if the answer is correct as often as it is given, or if there are few problems', () => {
  const same = Array.from({ length: 8 }, (_, i) => group(i, '1', ['1', '1', '1']));
  expect(excessOf(commonestAnswer(same)!)).toBe(0);
  expect(collapsedNote(same)).toBeNull();
  expect(commonestAnswer(same.slice(0, 3))).toBeNull();
  expect(commonestAnswer([])).toBeNull();
});
