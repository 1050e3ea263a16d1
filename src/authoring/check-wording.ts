import { countMarks } from '../core/image.ts';
import type { Message, Problem } from '../core/problem.ts';
import { withoutThinking } from './ask-model.ts';
import { contentOf, numbersOf, tokensOf } from '../problems/hygiene/normal-form.ts';

/** Reasons to reject a wording. `unsolved`: no attempt at it reached the gold answer. */
export const rejections = [
  'unfinished',
  'same text',
  'other numbers',
  'other images',
  'states the answer',
  'too long',
  'unsolved',
] as const;
export type Rejection = (typeof rejections)[number];

/** Returns the prompt that asks a model to reword the last message of a problem's prompt. */
export const rewordingPrompt = ({ prompt }: Pick<Problem, 'prompt'>): readonly Message[] => [
  {
    role: 'user',
    content:
      'Put the question below in other words. Keep every number as digits, every name, every unit, and all that is ' +
      `asked for. Do not solve it. Reply with the new question alone.\n\n${questionOf(prompt)}`,
  },
];

/** Returns a problem's prompt with its last message replaced by a question. */
export const promptWith = (prompt: readonly Message[], question: string): readonly Message[] => [
  ...prompt.slice(0, -1),
  { ...prompt.at(-1)!, content: question },
];

/** Extracts the question from a model's answer: removes the thinking and a heading. */
export const questionIn = (answer: string): string =>
  withoutThinking(answer)
    .trim()
    .replace(/^\**(?:new |reworded |rephrased )?question\**:\**\s*/i, '');

/**
 * Checks the text of a wording. Returns the reason to reject it, or null if it passes.
 *
 * @param known the problem's question and its existing wordings.
 */
export function rejectText(
  question: string,
  { prompt, answer }: Problem,
  known: readonly string[],
): Rejection | null {
  if (question === '') return 'unfinished';
  const original = questionOf(prompt);
  const [tokens, own] = [tokensOf(question), tokensOf(original)];
  const content = contentOf(tokens).join(' ');
  if (known.some((text) => contentOf(tokensOf(text)).join(' ') === content)) return 'same text';
  if (numbersOf(tokens).join(' ') !== numbersOf(own).join(' ')) return 'other numbers';
  const images = prompt.at(-1)?.images?.length ?? 0;
  if (images > 0 && countMarks(question) !== images) return 'other images';
  if (answer !== undefined && states(tokens, answer) && !states(own, answer)) return 'states the answer';
  return question.length > 3 * original.length + 200 ? 'too long' : null;
}

/** Returns whether a text contains the answer as consecutive words. */
function states(text: readonly string[], answer: string): boolean {
  const words = tokensOf(answer);
  return words.length > 0 && ` ${text.join(' ')} `.includes(` ${words.join(' ')} `);
}

/** Returns the content of a prompt's last message; empty for an empty prompt. */
export const questionOf = (prompt: readonly Message[]): string => prompt.at(-1)?.content ?? '';
