import { expect, test } from 'vitest';
import { DataError } from '../core/errors.ts';
import { mathProblem } from '../testing/index.ts';
import { multipleChoice, multipleChoiceConfig, openMultipleChoice } from './multiple-choice.ts';

const animals = ['the cat', 'the dog', 'the cow', 'the dog '];
const problem = (answer: string, choices?: readonly string[]) => ({
  ...mathProblem({ id: 'p', answer }),
  ...(choices && { extra: { choices } }),
});
const verifier = openMultipleChoice(multipleChoiceConfig.parse(multipleChoice()));

test.each([
  ['\\boxed{B}', 'correct'],
  ['\\boxed{\\text{(B)}}', 'correct'],
  ['**Answer: B**', 'correct'],
  ['The answer is (B) because A is wrong.', 'correct'],
  ['The answer is B.', 'correct'],
  ['so\nB) the dog', 'correct'],
  ['b', 'correct'],
  ['<think>A</think>\nB', 'correct'],
  ['<think>B</think>\nA', 'incorrect'],
  ['\\boxed{B} no, wait: it must be \\boxed{C}', 'incorrect'],
  ['\\boxed{B} or rather \\boxed{C}', 'unparsed'],
  ['\\boxed{A, B}', 'unparsed'],
  ['A or B', 'unparsed'],
  ['A dog barks', 'unparsed'],
  ['\\boxed{Z}', 'unparsed'],
  ['', 'unparsed'],
])('where B is right, %j is %s', async (completion, outcome) => {
  expect((await verifier.verify(problem('B'), completion)).outcome).toBe(outcome);
  expect((await verifier.verify(problem('(b)'), completion)).outcome).toBe(outcome);
});

test('the text of a choice chooses it, unless two have the same', async () => {
  const said = async (completion: string) =>
    (await verifier.verify(problem('The cow.', animals), completion)).outcome;
  expect(await said('\\boxed{C}')).toBe('correct');
  expect(await said('The answer is: the cow')).toBe('correct');
  expect(await said('\\boxed{the cat}')).toBe('incorrect');
  expect(await said('\\boxed{the dog}')).toBe('unparsed');
  expect(await said('\\boxed{E}')).toBe('unparsed');
});

test('a gold that is none of the choices is refused', () => {
  expect(() => verifier.check(problem('E', animals))).toThrow(DataError);
  expect(() => verifier.check(problem('the dog', animals))).toThrow('letters ABCD or the text of one');
  expect(() => verifier.check(problem('12'))).toThrow('got "12"');
  expect(() => verifier.check(problem('D', animals))).not.toThrow();
});
