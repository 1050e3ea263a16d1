import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { SourceRecord } from '../core/source-record.ts';
import { ProblemIds } from './problem-ids.ts';
import { loadSource, type LoadOptions, type ProblemSource } from './problem-source.ts';

/** Problems from several sources, with a record of the files from which they were read. */
export interface LoadedProblems {
  readonly problems: readonly Problem[];
  readonly records: readonly SourceRecord[];
}

/** The folder against which relative paths are resolved; default: the working directory. */
interface SourceFolder {
  readonly baseDir?: string | undefined;
}

/** The sources of a recipe: training problems and the problems of each evaluation suite. */
interface RecipeSources extends SourceFolder {
  readonly problems: readonly ProblemSource[];
  readonly evaluation: readonly { readonly problems: readonly ProblemSource[] }[];
}

/** Options for reading sources. */
export type LoadingOptions = Pick<LoadOptions, 'commits' | 'isOffline' | 'onDownload' | 'signal'>;

/**
 * Loads sources one after another, so that every load assigns the same ids, and checks that ids are distinct across
 * sources.
 *
 * @throws DataError naming the first invalid source or row, or an id that occurs twice.
 */
export async function loadSources(
  sources: readonly ProblemSource[],
  { baseDir = '.' }: SourceFolder,
  options: LoadingOptions = {},
): Promise<LoadedProblems> {
  const ids = new ProblemIds();
  const loaded = [];
  for (const source of sources) loaded.push(await loadSource(source, { ...options, baseDir, ids }));
  const problems = loaded.flatMap((one) => one.problems);
  const seen = new Set<string>();
  for (const { id, source } of problems) {
    if (seen.has(id))
      throw new DataError(`${source}: problem id "${id}" is also in another source; ids must be unique`);
    seen.add(id);
  }
  return { problems, records: loaded.flatMap(({ record }) => record ?? []) };
}

/** Like `loadSources`, but returns only the problems, without their file records. */
export const loadAll = async (
  sources: readonly ProblemSource[],
  folder: SourceFolder,
): Promise<readonly Problem[]> => (await loadSources(sources, folder)).problems;

/**
 * Loads every problem of a recipe, keyed by its id in the run: training problems first, then those of each suite.
 *
 * @throws DataError naming the first invalid source.
 */
export async function loadById(
  recipe: RecipeSources,
  options: LoadingOptions = {},
): Promise<ReadonlyMap<string, Problem>> {
  const byId = new Map<string, Problem>();
  for (const sources of [recipe.problems, ...recipe.evaluation.map(({ problems }) => problems)])
    for (const problem of (await loadSources(sources, recipe, options)).problems)
      byId.set(problem.id, problem);
  return byId;
}

/**
 * Loads all problems of one source in a fixed order with distinct ids, including problems with tests in a published
 * format. Relative paths are resolved against `baseDir`.
 *
 * @throws DataError naming file and row, or family and knob, if the source is invalid or too small.
 */
export const loadProblems = (source: ProblemSource, baseDir: string): Promise<readonly Problem[]> =>
  loadAll([source], { baseDir });
