import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { SourceRecord } from '../core/source-record.ts';
import { ProblemIds } from './problem-ids.ts';
import { loadSource, type LoadOptions, type ProblemSource } from './problem-source.ts';

/** Problems of several sources together, and what files they are from. */
export interface LoadedProblems {
  readonly problems: readonly Problem[];
  readonly records: readonly SourceRecord[];
}

/** Where relative paths begin, as a recipe says it. */
interface SourceFolder {
  readonly baseDir?: string | undefined;
}

/** The sources of a recipe: those trained on, and those of each evaluation suite. */
interface RecipeSources extends SourceFolder {
  readonly problems: readonly ProblemSource[];
  readonly evaluation: readonly { readonly problems: readonly ProblemSource[] }[];
}

/** How sources are read. */
export type LoadingOptions = Pick<LoadOptions, 'commits' | 'isOffline' | 'onDownload' | 'signal'>;

/**
 * Loads sources one after another, so that ids come out the same each time, and checks that those are distinct among them.
 *
 * @throws DataError for the first source or row that is not what it should be.
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

/** The problems of several sources together. */
export const loadAll = async (
  sources: readonly ProblemSource[],
  folder: SourceFolder,
): Promise<readonly Problem[]> => (await loadSources(sources, folder)).problems;

/**
 * Every problem of a recipe, by the id that a run knows it by: those trained on, then those of each suite.
 *
 * @throws DataError for the first source that is not what it should be.
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
 * All problems of a source, those with tests of any published format too, in a fixed order with distinct ids. Relative
 * paths start at `baseDir`.
 *
 * @throws DataError naming file and row, or family and knob, when the source cannot give what was asked for.
 */
export const loadProblems = (source: ProblemSource, baseDir: string): Promise<readonly Problem[]> =>
  loadAll([source], { baseDir });
