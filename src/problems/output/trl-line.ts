import { stringifyJson } from '../../core/lossless-json.ts';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import type { KnownDifficulty } from './difficulty.ts';
import { lastBoxed } from '../shapes/golds.ts';
import { difficultyColumns } from './problem-line.ts';

/**
 * A problem as a row of TRL's conversational prompt-only format: `prompt` as messages, the gold in `solution`, boxed, where
 * TRL's accuracy reward looks for it, tests in `tests`, and the difficulty in columns that reward functions receive too.
 */
export function trlLine(problem: Problem, known: KnownDifficulty | undefined): string {
  const { id, prompt, answer, tests, domain, family, source } = problem;
  if (answer === undefined && tests === undefined)
    throw new DataError(`problem ${id}: expected a gold answer or tests, got neither`);
  return stringifyJson({
    id,
    prompt,
    ...(answer === undefined ? {} : { solution: boxed(answer) }),
    ...(tests === undefined ? {} : { tests: stringifyJson(tests) }),
    domain,
    ...(family === undefined ? {} : { family }),
    source,
    ...(known === undefined ? {} : difficultyColumns(known)),
  });
}

/**
 * TRL reads a gold with the reader of completions (math-verify), which takes bare LaTeX for the first number in it, 3\sqrt{13}
 * for 3, or for nothing. A gold that a box cannot hold stays as it is.
 */
function boxed(answer: string): string {
  const text = `\\boxed{${answer}}`;
  return lastBoxed(text) === answer.trim() ? text : answer;
}
