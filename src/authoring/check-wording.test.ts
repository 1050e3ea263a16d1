import { expect, test } from 'vitest';
import { mathProblem } from '../testing/index.ts';
import { promptWith, questionIn, rejectText, rewordingPrompt } from './check-wording.ts';

const question = 'Ann has 5 pens and buys $\\frac{1}{2}$ dozen more. Which colour has the 12th?';
const problem = mathProblem({
  prompt: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: question },
  ],
  answer: 'dark blue',
});

test.each([
  ['', 'unfinished'],
  ['ann has 5 pens, and buys 1/2 dozen more; which colour has the 12th', 'same text'],
  ['With 5 pens Ann buys half a dozen. What is the colour of the 12th?', 'other numbers'],
  ['With 5 pens Ann buys 1/2 dozen, the 12th being dark blue. Which colour is it?', 'states the answer'],
  [`With 5 pens Ann buys 1/2 dozen. Colour of the 12th? ${'Well, well. '.repeat(60)}`, 'too long'],
  ['With 5 pens Ann buys 1/2 dozen. What is the colour of the 12th?', null],
])('rejects or accepts the wording %j: %s', (text, reason) => {
  expect(rejectText(text, problem, [question])).toBe(reason);
});

test('accepts a wording that contains the answer if the original question contains it', () => {
  const choice = { ...problem, prompt: promptWith(problem.prompt, 'Is 5 dark blue or red?') };
  expect(rejectText('Red or dark blue: which is 5?', choice, [])).toBeNull();
});

test('extracts the question from an answer with thinking and a heading', () => {
  expect(questionIn('<think>Question: hm</think>\n**Question:** What is 6·7?\n')).toBe('What is 6·7?');
  expect(questionIn('Reworded question: 6 times 7?')).toBe('6 times 7?');
});

test("rewordingPrompt quotes only the problem's last message, and promptWith replaces it with the new question", () => {
  expect(rewordingPrompt(problem)[0]!.content).toMatch(/alone\.\n\nAnn has 5 pens/);
  expect(promptWith(problem.prompt, 'New?')).toEqual([problem.prompt[0], { role: 'user', content: 'New?' }]);
});
