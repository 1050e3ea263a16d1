import { DataError } from '../core/errors.ts';
import { parseJson, stringifyJson } from '../core/lossless-json.ts';
import type { Problem } from '../core/problem.ts';
import type { Spending } from '../core/spending.ts';
import { placeImages } from '../problems/images/place-images.ts';
import { problemLine } from '../problems/output/problem-line.ts';
import { sum } from '../statistics/summary.ts';
import { authorFile, type AuthorFileOptions } from './author-file.ts';
import { teacherPrompt } from './rationale-text.ts';
import {
  type ExplainedProblem,
  type RationaleRejection,
  rationaleRejections,
  type RationaleSettings,
  writeRationales,
} from './rationales.ts';

/** Result of writing rationales. */
export interface RationalesReport {
  readonly problems: number;
  /** Problems with at least one rationale. */
  readonly explained: number;
  readonly rationales: number;
  readonly rejected: Readonly<Record<RationaleRejection, number>>;
  readonly teacher: string;
  /** Why the verifier could not judge an answer: the reason for the first such answer. */
  readonly ungradable?: string;
  /** Spending summed over all invocations; absent for engines without a price per token. */
  readonly spending?: Spending;
  readonly out: string;
}

/**
 * Asks a teacher for rationales and writes one row for each that the verifier accepts; see `authorFile`. Rows are
 * examples for `gradus sft` and `imitate()`. They also contain the columns of their problem, so they can be read as
 * problems with a solution.
 *
 * @throws DataError if there are no problems; ConfigError if the recorded answers are from a different model or have
 * different settings; the engine's errors.
 */
export async function rationalesFile(
  options: AuthorFileOptions,
  settings: RationaleSettings,
): Promise<RationalesReport> {
  const { problems, out, signal } = options;
  if (settings.template.includes('{answer}')) requireAnswers(problems);
  const { results, spending, author } = await authorFile(options, {
    settings,
    promptOf: (problem) => teacherPrompt(problem, settings.template),
    write: (parts, some) => writeRationales(parts, some, settings, signal),
    lines: (result, teacher) =>
      rowsOf({ ...result, problem: placeImages(result.problem, out) }, teacher, settings),
  });
  const ungradable = results.find((result) => result.ungradable !== undefined)?.ungradable;
  return {
    problems: problems.length,
    explained: results.filter(({ rationales }) => rationales.length > 0).length,
    rationales: sum(results.map(({ rationales }) => rationales.length)),
    rejected: Object.fromEntries(
      rationaleRejections.map((reason) => [reason, sum(results.map(({ rejected }) => rejected[reason]))]),
    ) as Record<RationaleRejection, number>,
    teacher: author,
    ...(ungradable !== undefined && { ungradable }),
    ...(spending !== undefined && { spending }),
    out,
  };
}

/** Throws a DataError if a problem has no gold answer. */
function requireAnswers(problems: readonly Problem[]): void {
  const without = problems.filter(({ answer }) => answer === undefined);
  if (without.length === 0) return;
  throw new DataError(
    `expected problems with an answer to give the teacher, got ${without.length} of ${problems.length} without one, e.g. ${without[0]!.id}`,
    { tryNext: 'the same command with --given nothing' },
  );
}

function rowsOf(
  { problem, rationales }: ExplainedProblem,
  teacher: string,
  { given }: RationaleSettings,
): string[] {
  const { id, solution: _, ...columns } = parseJson(problemLine(problem)) as Record<string, unknown>;
  return rationales.map(({ attempt, completion, rationale }) =>
    stringifyJson({
      ...columns,
      id: `${String(id)}#rationale-${attempt + 1}`,
      problemId: problem.id,
      completion,
      rationale,
      attempt,
      teacher,
      given,
    }),
  );
}
