import { expect, test } from 'vitest';
import { DataError } from '../../core/errors.ts';
import { mathProblem } from '../../testing/index.ts';
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
  ['the state is \\boxed{\\langle H\\rangle \\ll \\Delta E} so **Answer: B**', 'correct'],
  ['the state is \\boxed{x^2}\nB', 'unparsed'],
  ['答案：B', 'correct'],
  ['答案是B。', 'correct'],
  ['故选：B', 'correct'],
  ['本题选B', 'correct'],
  ['Ｂ', 'correct'],
  ['<answer>B</answer>', 'correct'],
  ['<answer>(B) the dog</answer>', 'correct'],
  ['<answer>A</answer> or B', 'incorrect'],
  ['The best answer is option B', 'correct'],
  ['The correct option is B because A vitamin is needed.', 'correct'],
  ['The answer is option (B).', 'correct'],
  ['The correct choice is (B)', 'correct'],
  ['Therefore, the answer is [B].', 'correct'],
  ['The answer is:\n\nB', 'correct'],
  ['**B**', 'correct'],
  ['So the final answer is $B$.', 'correct'],
  ['The correct answer is **B) the dog**', 'correct'],
  ['\\boxed{\\text{B. the dog}}', 'correct'],
  ['Option B is correct.', 'correct'],
  ['B is the correct answer.', 'correct'],
  ['I choose B.', 'correct'],
  ["I'll go with B.", 'correct'],
  ['My choice is B.', 'correct'],
  ['The correct letter is (B).', 'correct'],
  ['Hence B.', 'correct'],
  ['Thus, (B) is the answer.', 'correct'],
  ['The answer is B (not C).', 'correct'],
  ['The answer is B - it barks.', 'correct'],
  ['The answer is "B".', 'correct'],
  ['The answer is `B`.', 'correct'],
  ['{"answer": "B"}', 'correct'],
  ['The answer would be B.', 'correct'],
  ['The answer must be B.', 'correct'],
  ['The answer to the question is B.', 'correct'],
  ['La respuesta correcta es B.', 'correct'],
  ['选项B正确', 'correct'],
  ['本题正确答案为B选项。', 'correct'],
  ['正解はBです。', 'correct'],
  ['정답은 B입니다.', 'correct'],
  ['选C而不选B', 'unparsed'],
  ['答案不是B', 'unparsed'],
  ['The answer is C, not B.', 'incorrect'],
  ['Answer: A notable dog', 'unparsed'],
  ['The answer is A - B.', 'unparsed'],
  ['Option C is correct.', 'incorrect'],
  ['I am not sure: B or C', 'unparsed'],
  ['The answer is not B.', 'unparsed'],
  ['Option B is wrong.', 'unparsed'],
  ['The answer is either B or C.', 'unparsed'],
  ['The answer is B or C.', 'unparsed'],
  ['\\boxed{B', 'unparsed'],
  ['\\boxed{B} no: \\boxed{C', 'unparsed'],
])('judges %j as %s if B is correct', async (completion, outcome) => {
  expect((await verifier.verify(problem('B'), completion)).outcome).toBe(outcome);
  expect((await verifier.verify(problem('(b)'), completion)).outcome).toBe(outcome);
});

test('accepts the text of a choice, unless two choices have the same text', async () => {
  const said = async (completion: string) =>
    (await verifier.verify(problem('The cow.', animals), completion)).outcome;
  expect(await said('\\boxed{C}')).toBe('correct');
  expect(await said('The answer is: the cow')).toBe('correct');
  expect(await said('\\boxed{the cat}')).toBe('incorrect');
  expect(await said('\\boxed{the dog}')).toBe('unparsed');
  expect(await said('\\boxed{E}')).toBe('unparsed');
});

test('rejects a gold that is not among the choices', () => {
  expect(() => verifier.check(problem('E', animals))).toThrow(DataError);
  expect(() => verifier.check(problem('the dog', animals))).toThrow('letters ABCD or the text of one');
  expect(() => verifier.check(problem('12'))).toThrow('got "12"');
  expect(() => verifier.check(problem('D', animals))).not.toThrow();
});
