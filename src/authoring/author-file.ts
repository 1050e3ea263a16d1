import { createHash } from 'node:crypto';
import { DataError } from '../core/errors.ts';
import type { Message, Problem } from '../core/problem.ts';
import { addSpending, type Spending } from '../core/spending.ts';
import type { EngineConfig } from '../engines/config.ts';
import { requireRoom } from '../models/check-prompt-length.ts';
import { type ModelSource, openModel } from '../models/open-model.ts';
import { writeLines } from '../problems/output/text-file.ts';
import { contentDigest } from '../storage/content-digest.ts';
import { openVerifiers, type VerifierChoice } from '../verifiers/open-verifiers.ts';
import { openAnswerJournal } from './answer-journal.ts';
import type { AuthorParts } from './ask-model.ts';

/** Input, model and output of a command that has a model write about problems. */
export interface AuthorFileOptions {
  readonly problems: readonly Problem[];
  readonly source: ModelSource;
  readonly engine: EngineConfig;
  readonly verifiers: VerifierChoice;
  /** JSON Lines file to write; until it is complete, the answers so far are in `<out>.answers`. */
  readonly out: string;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Builds the prompt about each problem, and formats results as lines of the output file. */
export interface Authoring<Result> {
  /** Everything that determines the answers besides the model and the problems. */
  readonly settings: object;
  readonly promptOf: (problem: Problem) => readonly Message[];
  readonly write: (parts: AuthorParts, problems: readonly Problem[]) => Promise<readonly Result[]>;
  /** @param author name of the model. */
  readonly lines: (result: Result, author: string) => readonly string[];
}

/** Results of all problems, and their cost. */
export interface Authored<Result> {
  readonly results: readonly Result[];
  /** Spending summed over all invocations; absent for engines without a price per token. */
  readonly spending?: Spending;
  /** Name of the model. */
  readonly author: string;
}

/** Number of problems that a model writes about concurrently. */
const chunk = 32;

/**
 * Has a model write about problems, and saves the results to a new file. Every answer is appended to `<out>.answers` at
 * once. After an interruption, or when a budget is used up, repeating the command requests only the missing answers.
 *
 * @throws DataError if there are no problems; ConfigError if `<out>.answers` is from a different model or has different
 * settings; the engine's errors.
 */
export async function authorFile<Result>(
  { problems, source, engine: config, verifiers, out, onProgress }: AuthorFileOptions,
  { settings, promptOf, write, lines }: Authoring<Result>,
): Promise<Authored<Result>> {
  if (problems.length === 0) throw new DataError('expected problems to write about, got none');
  await using opened = new AsyncDisposableStack();
  const verifierFor = openVerifiers(verifiers, opened);
  for (const problem of problems) verifierFor(problem).check(problem);
  const engine = opened.use(await openModel(source, config));
  requireRoom(
    engine,
    problems.map((problem) => ({ ...problem, prompt: promptOf(problem) })),
  );
  const { spending, info } = engine.sampler;
  const journal = openAnswerJournal(`${out}.answers`, {
    ...settings,
    model: info.modelHash,
    problems: digestOf(problems),
  });
  const before = journal.spent;
  spending?.carryOver(before);
  const noteSpending = (): void => {
    if (spending !== undefined) journal.recordSpending(addSpending(before, spending.total()));
  };
  const results: Result[] = [];
  for (let from = 0; from < problems.length; from += chunk) {
    const some = problems.slice(from, from + chunk);
    results.push(...(await write({ engine, verifierFor, journal }, some).finally(noteSpending)));
    onProgress?.(Math.min(from + chunk, problems.length), problems.length);
  }
  await writeLines(
    out,
    linesOf(results, (result) => lines(result, info.model)),
  );
  journal.remove();
  return { results, ...(spending !== undefined && { spending: journal.spent }), author: info.model };
}

const digestOf = (problems: readonly Problem[]): string =>
  createHash('sha256')
    .update(problems.map((problem) => `${problem.id} ${contentDigest(problem)}\n`).join(''))
    .digest('hex');

async function* linesOf<Result>(
  results: readonly Result[],
  lines: (result: Result) => readonly string[],
): AsyncGenerator<string> {
  for (const result of results) yield* lines(result);
}
