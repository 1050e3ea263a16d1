import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Outcome } from '../../core/verdict.ts';
import {
  type Candidate,
  chanceCorrect,
  chanceCorrectOfSubset,
  chosenIndex,
  combineScores,
  votedAnswer,
} from './choose-answer.ts';

const of = (answer: string | undefined, score: number | null): Candidate => ({
  answer,
  score,
  isCorrect: answer === 'right',
});

test.each([
  ['last', 0.5],
  ['min', 0.25],
  ['avg', 0.5],
  ['prod', 0.09375],
] as const)('combines step scores by %s, leaving out steps without a score', (rule, expected) => {
  expect(combineScores([0.75, null, 0.25, 0.5], rule)).toBe(expected);
  expect(combineScores([null], rule)).toBeNull();
  expect(combineScores([], rule)).toBeNull();
});

const answers = [of('right', 0.75), of('wrong', 0.5), of('wrong', 0.5), of(undefined, 0.625)];

test.each([
  ['max takes the highest score', answers, 'max', 1],
  ['vote takes the largest sum of scores', answers, 'vote', 0],
  ['majority takes the most frequent answer', answers, 'majority', 0],
  ['max shares a tie', [of('right', 0.5), of('a', 0.5), of('b', 0.5)], 'max', 1 / 3],
  [
    'vote shares a tie, in any order of summation',
    [of('right', 0.1), of('a', 0.3), of('right', 0.2)],
    'vote',
    0.5,
  ],
  ['majority shares a tie', [of('right', 0), of('a', 1)], 'majority', 0.5],
  ['an unreadable answer wins by max and is wrong', [of('right', 0.1), of(undefined, 0.9)], 'max', 0],
  ['an unscored answer loses by max', [of('right', null), of('a', 0)], 'max', 0],
  ['without any score max is a random choice', [of('right', null), of('a', null)], 'max', 0.5],
  ['without any answer a vote is lost', [of(undefined, 1)], 'vote', 0],
  ['without candidates nothing is right', [], 'max', 0],
] as const)('%s', (_, candidates, choice, expected) => {
  expect(chanceCorrect(candidates, choice)).toBeCloseTo(expected, 12);
});

const candidate = fc.record({
  answer: fc.constantFrom('right', 'a', 'b', undefined),
  score: fc.constantFrom(0, 0.25, 0.5, 1, null),
});
const candidates = fc
  .array(candidate, { minLength: 1, maxLength: 8 })
  .map((list) => list.map(({ answer, score }) => of(answer, score)));

function* subsets(items: readonly Candidate[], count: number, from = 0): Generator<Candidate[]> {
  if (count === 0) yield [];
  else
    for (let at = from; at < items.length; at++)
      for (const rest of subsets(items, count - 1, at + 1)) yield [items[at]!, ...rest];
}

test('the result of max over subsets equals the mean over all subsets', () => {
  fc.assert(
    fc.property(candidates, fc.nat(), (list, draw) => {
      const count = 1 + (draw % list.length);
      const all = [...subsets(list, count)];
      const mean = all.reduce((sum, some) => sum + chanceCorrect(some, 'max'), 0) / all.length;
      expect(chanceCorrectOfSubset(list, count)).toBeCloseTo(mean, 12);
    }),
  );
});

test('no choice depends on the order of the candidates', () => {
  fc.assert(
    fc.property(candidates, fc.constantFrom('max', 'vote', 'majority'), (list, choice) => {
      expect(chanceCorrect(list.toReversed(), choice)).toBeCloseTo(chanceCorrect(list, choice), 12);
    }),
  );
});

test('rejects subsets larger than the pool', () => {
  expect(() => chanceCorrectOfSubset(answers, 5)).toThrow('1 ≤ count ≤ 4');
});

test('answers vote by their normal form, or by their text if they were judged without a normal form', () => {
  const verdict = (outcome: Outcome, evidence?: Record<string, unknown>) => ({
    outcome,
    score: 0,
    reason: '',
    verifier: 'v@1',
    ...(evidence && { evidence }),
  });
  expect(votedAnswer(verdict('incorrect', { value: '7' }), 'so 7')).toBe('7');
  expect(votedAnswer(verdict('correct', { value: '4' }), 'so 4')).toBe('the right answer');
  // Correct programs with different texts are different answers: a vote must not depend on which answers are correct.
  expect(votedAnswer(verdict('correct'), ' x=>x ')).toBe('x=>x');
  expect(votedAnswer(verdict('incorrect'))).toBeUndefined();
  expect(votedAnswer(verdict('unparsed'), 'x')).toBeUndefined();
});

test('chooses the answer with the highest score, or one in the winning form', () => {
  const some = [
    { answer: '4', score: 0.3 },
    { answer: '5', score: 0.9 },
    { answer: '4', score: 0.5 },
    { answer: undefined, score: 1 },
  ];
  expect(chosenIndex(some, 'max')).toBe(3);
  expect(chosenIndex(some, 'majority')).toBe(2);
  expect(chosenIndex(some, 'vote')).toBe(1);
  expect(chosenIndex([{ answer: undefined, score: null }, some[3]!], 'vote')).toBe(1);
});
