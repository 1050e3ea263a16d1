import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Verdict } from '../core/verdict.ts';
import { mathProblem } from '../testing/index.ts';
import { openVerifier, verifierConfig } from '../verifiers/config.ts';
import { mathAnswer } from '../verifiers/math/verifier.ts';
import { chanceCorrectOfSubset } from '../rollout/strategies/choose-answer.ts';
import { majorityCorrect, passAtK } from './estimators.ts';

test.each([
  [4, 0, 2, 0],
  [4, 4, 1, 1],
  [4, 1, 1, 0.25],
  [4, 2, 2, 5 / 6],
  [5, 2, 3, 0.9],
  [10, 3, 8, 1],
])('pass@k of %i trials, %i correct, k %i', (trials, correct, k, expected) => {
  expect(passAtK(trials, correct, k)).toBeCloseTo(expected, 12);
});

test('computes the same pass@k as a count over all subsets', () => {
  const subsets = (n: number, k: number): number => (k === 0 ? 1 : (subsets(n - 1, k - 1) * n) / k);
  const triple = fc
    .integer({ min: 1, max: 30 })
    .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 0, max: n }), fc.integer({ min: 1, max: n })));
  fc.assert(
    fc.property(triple, ([n, c, k]) => {
      const wrong = n - c >= k ? subsets(n - c, k) : 0;
      expect(passAtK(n, c, k)).toBeCloseTo(1 - wrong / subsets(n, k), 9);
    }),
  );
});

test('keeps pass@k finite for huge n and rejects k above the number of trials', () => {
  expect(passAtK(1_000_000, 10, 1000)).toBeCloseTo(1 - (1 - 0.001) ** 10, 5);
  expect(() => passAtK(4, 1, 5)).toThrow('1 ≤ k ≤ 4');
  expect(() => passAtK(4, 1, 0)).toThrow('k = 0');
});

const vote = (outcome: Verdict['outcome'], extracted?: string): Verdict => ({
  outcome,
  score: 0,
  reason: '',
  verifier: 'v@1',
  ...(extracted === undefined ? {} : { evidence: { extracted } }),
});

test('returns the verdict of the most frequent answer, splits ties, and ignores attempts without an answer', () => {
  const right = vote('correct', '5');
  const wrong = vote('incorrect', '6');
  expect(majorityCorrect([right, wrong, right])).toBe(1);
  expect(majorityCorrect([right, wrong, wrong])).toBe(0);
  expect(majorityCorrect([right, wrong, vote('incorrect', '7')])).toBeCloseTo(1 / 3, 12);
  expect(majorityCorrect([right, vote('unparsed'), vote('unparsed')])).toBe(1);
  expect(majorityCorrect([vote('unparsed')])).toBe(0);
});

test('counts votes for equal answers together, even if they are written differently', () => {
  const evidence = [
    { extracted: '0.5', value: '1/2' },
    { extracted: '1/2', value: '1/2', normalised: { gold: '2', answer: '1 / 2' } },
  ];
  const wrong = evidence.map((one) => ({ ...vote('incorrect'), evidence: one }));
  expect(majorityCorrect([...wrong, vote('correct', '2')])).toBe(0);
  expect(
    majorityCorrect([...wrong, vote('correct', '2'), vote('correct', '2.0'), vote('correct', '4/2')]),
  ).toBe(1);
  const spelled = ['x+1', 'x + 1'].map((extracted) => ({
    ...vote('incorrect'),
    evidence: { extracted, normalised: { gold: '2', answer: 'x+1' } },
  }));
  expect(majorityCorrect([...spelled, vote('correct', '2')])).toBe(0);
});

test('groups answers for the majority vote as the math verifier compares them', async () => {
  await using verifier = openVerifier(verifierConfig.parse(mathAnswer()));
  const problem = mathProblem({ id: 'p', answer: '2' });
  const boxes = ['\\boxed{2}', '\\boxed{0.50}', '\\boxed{\\frac12}', '\\boxed{2.0}', '\\boxed{\\frac{3}{6}}'];
  const verdicts = await Promise.all(boxes.map((text) => verifier.verify(problem, text)));
  expect(majorityCorrect(verdicts)).toBe(0);
  expect(majorityCorrect(verdicts.slice(0, 4))).toBe(0.5);
});

test('best of N, chosen by the verdict, equals unbiased pass@N', () => {
  const drawn = fc.array(fc.boolean(), { minLength: 1, maxLength: 64 });
  fc.assert(
    fc.property(drawn, fc.nat(), (correct, draw) => {
      const k = 1 + (draw % correct.length);
      const pool = correct.map((isCorrect) => ({ isCorrect, score: Number(isCorrect) }));
      const right = correct.filter(Boolean).length;
      expect(Math.abs(chanceCorrectOfSubset(pool, k) - passAtK(correct.length, right, k))).toBeLessThan(
        1e-12,
      );
    }),
  );
});
