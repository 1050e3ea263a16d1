import { createHash } from 'node:crypto';
import { addSpending, type Spending } from '../core/spending.ts';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { sum } from '../statistics/summary.ts';
import type { EngineConfig } from '../engines/config.ts';
import { requireRoom } from '../models/check-prompt-length.ts';
import { type ModelSource, openModel } from '../models/open-model.ts';
import { problemLine } from '../problems/output/problem-line.ts';
import { writeLines } from '../problems/output/text-file.ts';
import { contentDigest } from '../storage/content-digest.ts';
import { openVerifiers, type VerifierChoice } from '../verifiers/open-verifiers.ts';
import { openAnswerJournal } from './answer-journal.ts';
import { type Rejection, rejections, rewordingPrompt } from './check-wording.ts';
import { type RewordedProblem, rewordProblems, type RewordSettings } from './reword.ts';

/** Input, model and output of a rewording. */
export interface RewordFileOptions extends RewordSettings {
  readonly problems: readonly Problem[];
  readonly source: ModelSource;
  readonly engine: EngineConfig;
  readonly verifiers: VerifierChoice;
  /** JSON Lines file to write; the answers so far are in `<out>.answers` until it is complete. */
  readonly out: string;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Result of a rewording. */
export interface RewordReport {
  readonly problems: number;
  /** Problems with at least one new wording. */
  readonly reworded: number;
  readonly wordings: number;
  readonly rejected: Readonly<Record<Rejection, number>>;
  /** Over all commands; absent for engines that are not paid per token. */
  readonly spending?: Spending;
  readonly out: string;
}

/** Problems that a model rewords at a time. */
const chunk = 32;

/**
 * Rewords problems into a new file. Answers are on disk as soon as they are judged: after an interruption, or once a
 * budget is spent, the same command asks only for the others.
 *
 * @throws DataError without problems; ConfigError for answers of another model or other settings; the engine's errors.
 */
export async function rewordFile(options: RewordFileOptions): Promise<RewordReport> {
  const { problems, source, engine: config, verifiers, out, onProgress, signal, ...settings } = options;
  if (problems.length === 0) throw new DataError('expected problems to reword, got none');
  await using opened = new AsyncDisposableStack();
  const verifierFor = openVerifiers(verifiers, opened);
  for (const problem of problems) verifierFor(problem).check(problem);
  const engine = opened.use(await openModel(source, config));
  requireRoom(
    engine,
    problems.map((problem) => ({ ...problem, prompt: rewordingPrompt(problem) })),
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
  const done: RewordedProblem[] = [];
  for (let from = 0; from < problems.length; from += chunk) {
    const some = problems.slice(from, from + chunk);
    done.push(
      ...(await rewordProblems({ engine, verifierFor, journal }, some, settings, signal).finally(
        noteSpending,
      )),
    );
    onProgress?.(done.length, problems.length);
  }
  await writeLines(out, linesOf(done));
  journal.remove();
  return {
    problems: problems.length,
    reworded: done.filter(({ added }) => added > 0).length,
    wordings: sum(done.map(({ added }) => added)),
    rejected: Object.fromEntries(
      rejections.map((reason) => [reason, sum(done.map(({ rejected }) => rejected[reason]))]),
    ) as Record<Rejection, number>,
    ...(spending !== undefined && { spending: journal.spent }),
    out,
  };
}

const digestOf = (problems: readonly Problem[]): string =>
  createHash('sha256')
    .update(problems.map((problem) => `${problem.id} ${contentDigest(problem)}\n`).join(''))
    .digest('hex');

async function* linesOf(done: readonly RewordedProblem[]): AsyncGenerator<string> {
  for (const { problem } of done) yield problemLine(problem);
}
