import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Problem } from '../../core/problem.ts';
import { mathProblem } from '../../testing/index.ts';
import { normaliseAnswer, openShortAnswer, shortAnswer, shortAnswerConfig } from './short-answer.ts';

type Options = Parameters<typeof shortAnswer>[0];

async function judge(completion: string, golds: string | readonly string[], options: Options = {}) {
  await using verifier = openShortAnswer(shortAnswerConfig.parse(shortAnswer(options)));
  const [first, ...others] = [golds].flat();
  const problem: Problem = {
    ...mathProblem({ answer: first! }),
    ...(others.length > 0 && { extra: { golden_answers: others } }),
  };
  return verifier.verify(problem, completion);
}

const scoreOf = async (answer: string, golds: string | readonly string[], options: Options = {}) =>
  (await judge(`<answer>${answer}</answer>`, golds, options)).score;

test('ignores case, articles, punctuation and white space, as SQuAD does', () => {
  expect(normaliseAnswer('The  Lord of the Rings: Part “II”!')).toBe('lord of rings part ii');
  expect(normaliseAnswer("U.S.A. – an O'Neill")).toBe('usa oneill');
  expect(normaliseAnswer('The')).toBe('the');
  expect(normaliseAnswer('ＡＢＣ')).toBe('abc');
});

test.for([
  ['em', 'the Beatles', 'Beatles', 1],
  ['em', 'The Beatles band', 'Beatles', 0],
  ['cover', 'The Beatles band', 'Beatles', 1],
  ['cover', 'Beat', 'Beatles', 0],
  ['cover', 'nothing', 'no', 0],
  ['f1', 'The Beatles band', 'Beatles', 2 / 3],
  ['f1', 'Paul McCartney', 'John Lennon', 0],
  ['f1', 'new new york', 'new york', 0.8],
  ['f1', 'yes it is', 'yes', 0],
  ['f1', 'no', 'no way', 0],
] as const)('%s of %j against %j is %d', async ([metric, answer, gold, score]) => {
  expect(await scoreOf(answer, gold, { metric })).toBeCloseTo(score, 10);
});

test('only a score of 1 is correct; the best of several golds counts', async () => {
  const verdict = await judge('<answer>Big Apple</answer>', ['New York', 'the Big Apple'], { metric: 'f1' });
  expect(verdict).toMatchObject({ outcome: 'correct', score: 1, evidence: { gold: 'the Big Apple' } });
  const part = await judge('<answer>York</answer>', ['New York'], { metric: 'f1' });
  expect(part).toMatchObject({ outcome: 'incorrect', score: 2 / 3, evidence: { extracted: 'York' } });
});

test('judges the last closed answer tag; without one, the attempt is unparsed', async () => {
  expect(await judge('<answer>x</answer> no: <answer>y</answer> <answer>z', 'y')).toMatchObject({
    outcome: 'correct',
    evidence: { span: [31, 32] },
  });
  for (const text of ['y', '<answer>y', 'y</answer>', '<answer> </answer>'])
    expect(await judge(text, 'y')).toMatchObject({ outcome: 'unparsed', score: 0 });
  expect(await judge('<final>y</final>', 'y', { tag: 'final' })).toMatchObject({ outcome: 'correct' });
});

test('an answer with more words than allowed is wrong, unless the gold is equally long', async () => {
  const guesses = 'one two three four five six seven eight nine ten eleven';
  expect(await judge(`<answer>${guesses}</answer>`, 'six', { metric: 'cover' })).toMatchObject({
    outcome: 'incorrect',
    score: 0,
    reason: 'an answer of 11 words; expected at most 10',
  });
  expect(await scoreOf(guesses, guesses, { metric: 'cover' })).toBe(1);
  expect(await scoreOf(guesses, 'six', { metric: 'cover', maxWords: 11 })).toBe(1);
});

test('rejects a problem without a gold', () => {
  const { answer: _answer, ...problem } = mathProblem();
  const verifier = openShortAnswer(shortAnswerConfig.parse(shortAnswer()));
  expect(() => verifier.check(problem)).toThrow('expected an "answer" or "golden_answers"');
  verifier.check({ ...problem, extra: { golden_answers: ['x'] } });
});

test('f1 is symmetric, and 1 only for the same words; em of 1 implies cover and f1 of 1', async () => {
  const words = fc
    .array(fc.constantFrom('yes', 'no', 'new', 'york', 'x'), { minLength: 1, maxLength: 5 })
    .map((list) => list.join(' '));
  await fc.assert(
    fc.asyncProperty(words, words, async (a, b) => {
      const f1 = await scoreOf(a, b, { metric: 'f1' });
      expect(await scoreOf(b, a, { metric: 'f1' })).toBeCloseTo(f1, 10);
      expect(f1).toBeLessThanOrEqual(1);
      const isSame = a === b;
      expect(await scoreOf(a, b)).toBe(Number(isSame));
      const sorted = (text: string): string => text.split(' ').toSorted().join(' ');
      expect(f1 === 1).toBe(sorted(a) === sorted(b));
      expect(await scoreOf(a, a, { metric: 'cover' })).toBe(1);
    }),
  );
});
