import type { Spending } from '../core/spending.ts';
import { placeImages } from '../problems/images/place-images.ts';
import { problemLine } from '../problems/output/problem-line.ts';
import { sum } from '../statistics/summary.ts';
import { authorFile, type AuthorFileOptions } from './author-file.ts';
import { type Rejection, rejections, rewordingPrompt } from './check-wording.ts';
import { rewordProblems, type RewordSettings } from './reword.ts';

/** Result of `rewordFile`. */
export interface RewordReport {
  readonly problems: number;
  /** Number of problems with at least one new wording. */
  readonly reworded: number;
  readonly wordings: number;
  readonly rejected: Readonly<Record<Rejection, number>>;
  /** Spending summed over all invocations; absent for engines without a price per token. */
  readonly spending?: Spending;
  readonly out: string;
}

/**
 * Rewords problems and writes them to a new file; see `authorFile`.
 *
 * @throws DataError if there are no problems; ConfigError if the recorded answers are from a different model or have
 * different settings; the engine's errors.
 */
export async function rewordFile(
  options: AuthorFileOptions,
  settings: RewordSettings,
): Promise<RewordReport> {
  const { problems, out, signal } = options;
  const { results, spending } = await authorFile(options, {
    settings,
    promptOf: rewordingPrompt,
    write: (parts, some) => rewordProblems(parts, some, settings, signal),
    lines: ({ problem }) => [problemLine(placeImages(problem, out))],
  });
  return {
    problems: problems.length,
    reworded: results.filter(({ added }) => added > 0).length,
    wordings: sum(results.map(({ added }) => added)),
    rejected: Object.fromEntries(
      rejections.map((reason) => [reason, sum(results.map(({ rejected }) => rejected[reason]))]),
    ) as Record<Rejection, number>,
    ...(spending !== undefined && { spending }),
    out,
  };
}
