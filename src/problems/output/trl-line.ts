import { imagesOf } from '../../core/image.ts';
import { stringifyJson } from '../../core/lossless-json.ts';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import type { KnownDifficulty } from './difficulty.ts';
import { lastBoxed } from '../shapes/golds.ts';
import { difficultyColumns } from './problem-line.ts';

/**
 * Writes a problem as a row of TRL's conversational prompt-only format: `prompt` as messages, the boxed gold in
 * `solution`, where TRL's accuracy reward reads it, tests in `tests`, and the difficulty in columns that reward
 * functions receive.
 */
export function trlLine(problem: Problem, known: KnownDifficulty | undefined): string {
  const images = imagesOf(problem.prompt);
  const { id, prompt, answer, tests, domain, family, source } = problem;
  if (answer === undefined && tests === undefined)
    throw new DataError(`problem ${id}: expected a gold answer or tests, got neither`);
  return stringifyJson({
    id,
    prompt: prompt.map(({ role, content }) => ({ role, content })),
    ...(images.length > 0 && { images: images.map(({ path }) => path) }),
    ...(answer === undefined ? {} : { solution: boxed(answer) }),
    ...(tests === undefined ? {} : { tests: stringifyJson(tests) }),
    domain,
    ...(family === undefined ? {} : { family }),
    source,
    ...(known === undefined ? {} : difficultyColumns(known)),
  });
}

/**
 * Boxes a gold. TRL parses golds with math-verify, which reads only the first number in bare LaTeX (3\sqrt{13} as 3),
 * or nothing. Returns a gold unchanged if its boxed form cannot be read back.
 */
function boxed(answer: string): string {
  const text = `\\boxed{${answer}}`;
  return lastBoxed(text) === answer.trim() ? text : answer;
}
