import { imagesOf } from '../../core/image.ts';
import { stringifyJson } from '../../core/lossless-json.ts';
import { DataError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import type { KnownDifficulty } from './difficulty.ts';
import { difficultyColumns } from './problem-line.ts';

/**
 * Writes a problem as a line for supervised learning with LLaMA-Factory (`formatting: sharegpt` with OpenAI-style
 * tags): `messages` that end with the solution, or with the answer for problems without one, and `images` as paths.
 */
export function llamaFactoryLine(problem: Problem, known: KnownDifficulty | undefined): string {
  const { id, prompt, solution, answer, domain, source } = problem;
  const reply = solution ?? answer;
  if (reply === undefined)
    throw new DataError(`problem ${id}: expected a solution or a gold answer to learn from, got neither`);
  return stringifyJson({
    id,
    messages: [
      ...prompt.map(({ role, content }) => ({ role, content })),
      { role: 'assistant', content: reply },
    ],
    images: imagesOf(prompt).map(({ path }) => path),
    domain,
    source,
    ...(known === undefined ? {} : difficultyColumns(known)),
  });
}
