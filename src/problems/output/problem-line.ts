import { stringifyJson } from '../../core/lossless-json.ts';
import type { Problem } from '../../core/problem.ts';
import type { KnownDifficulty } from './difficulty.ts';

/**
 * Writes a problem as one line of Gradus's JSON Lines, which `jsonl` and `file` sources read back as the same problem.
 * A prompt with a single user message becomes a string; the entries of `extra` become columns, unless a part of the
 * problem has the same name.
 */
export function problemLine(problem: Problem): string {
  const { extra, ...fields } = ownColumns(problem);
  return stringifyJson({ ...fields, ...unclaimed(extra, fields) });
}

/** Writes the line with pass rate, interval, trials and levels as flat columns, for other tools. */
export function problemLineWithDifficulty(problem: Problem, known: KnownDifficulty | undefined): string {
  const { extra, ...fields } = ownColumns(problem);
  const all = { ...fields, ...(known === undefined ? {} : difficultyColumns(known)) };
  return stringifyJson({ ...all, ...unclaimed(extra, all) });
}

/** Returns difficulty as columns, which have the same names in every format. */
export function difficultyColumns({ model, successes, trials, interval, levels }: KnownDifficulty) {
  return {
    ...(levels === undefined ? {} : { levels }),
    pass_rate: successes / trials,
    pass_rate_low: interval.low,
    pass_rate_high: interval.high,
    trials,
    pass_rate_model: model,
  };
}

function ownColumns({ prompt, wordings, ...problem }: Problem) {
  return {
    ...problem,
    prompt: plainPrompt(prompt),
    ...(wordings !== undefined && { wordings: wordings.map(plainPrompt) }),
  };
}

/** Returns the text of a prompt with a single user message, or the messages of any other prompt. */
function plainPrompt(prompt: Problem['prompt']): string | Problem['prompt'] {
  const [message] = prompt;
  const isPlain =
    prompt.length === 1 &&
    message!.role === 'user' &&
    message!.images === undefined &&
    /\S/.test(message!.content);
  return isPlain ? message!.content : prompt;
}

function unclaimed(extra: Problem['extra'], fields: object): object {
  if (extra === undefined) return {};
  return Object.fromEntries(Object.entries(extra).filter(([name]) => !(name in fields)));
}
