import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GradusError } from '../../../core/errors.ts';
import { runFingerprint } from '../../../runs/reading/fingerprint.ts';
import { type Annotations, readAnnotations } from '../../../runs/files/annotations.ts';
import { runLayout } from '../../../runs/files/layout.ts';
import { settingsHash } from '../../../runs/files/recipe-file.ts';
import { isLocked } from '../../../storage/file-lock.ts';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import type { RunSummary } from '../../../runs/reading/run-rows.ts';
import { sum } from '../../../statistics/summary.ts';
import { withRun } from '../run-folder.ts';
import { type Share, shareSchema } from './evaluations.ts';
import { thin } from './metric-series.ts';
import { plannedStages } from './planned-stages.ts';

/** A run in the list of runs. Times are ISO 8601. */
export interface RunHead extends Omit<RunSummary, 'directory' | 'id'> {
  /** Hash of the recipe without seed and name; the same for all seeds of one recipe. */
  readonly settingsHash: string;
  /** Title, tags and note that the user gave to the run. */
  readonly annotations: Annotations;
  /** Number of the recipe's stages that have begun. */
  readonly stagesBegun: number;
  /** Number of stages in the recipe. */
  readonly stageCount: number;
  /**
   * Upper bound on the number of steps, without stages whose number of steps is not known yet; stages may end earlier.
   */
  readonly maxSteps: number;
  /** At most 48 values of `reward/mean` over the steps. */
  readonly sparkline: readonly number[];
  /** First and last accuracy of the suite that was evaluated first; null before the first evaluation. */
  readonly accuracy: { readonly suite: string; readonly first: Share; readonly last: Share } | null;
}

/** A run that cannot be read, with the error message. */
export interface DamagedRun {
  readonly folder: string;
  readonly problem: string;
}

/** An item of `GET /api/runs`, sorted by folder. `'problem' in item` is true for damaged runs. */
export type RunListItem = RunHead | DamagedRun;

const sparklinePoints = 48;

/** Returns a run's summary with its progress. */
export async function runHead(run: RunReader): Promise<RunHead> {
  const { directory: _directory, id: _id, ...summary } = run.summary();
  const recipe = await readRecipe(run.directory);
  const plan = plannedStages(recipe, stepsOfStages(run));
  return {
    ...summary,
    settingsHash: settingsHash(recipe),
    annotations: await readAnnotations(run.directory),
    stagesBegun: run.stages().length,
    stageCount: plan.length,
    maxSteps: sum(plan.map(({ maxSteps }) => maxSteps ?? 0)),
    sparkline: thin(run.metric('reward/mean'), sparklinePoints).values,
    accuracy: accuracyOf(run),
  };
}

/** Returns the last step of each imitation stage that has begun. */
export function stepsOfStages(run: RunReader): ReadonlyMap<string, number> {
  const rows = run.lists(
    "SELECT stage, json_extract(data, '$.steps') FROM events WHERE type = 'stage-start' AND json_extract(data, '$.steps') IS NOT NULL",
  ) as [string, number][];
  return new Map(rows);
}

/** Reads the resolved recipe from disk; returns undefined if it cannot be read. */
export async function readRecipe(directory: string): Promise<unknown> {
  try {
    const file: unknown = JSON.parse(await readFile(runLayout(directory).recipe, 'utf8'));
    return (file as { recipe?: unknown } | null)?.recipe;
  } catch {
    return undefined;
  }
}

function accuracyOf(run: RunReader): RunHead['accuracy'] {
  const points = run.lists(
    `SELECT name, json_extract(result, '$.overall.accuracy') FROM evaluations
     WHERE name = (SELECT name FROM evaluations ORDER BY id LIMIT 1)
       AND json_type(result, '$.overall.accuracy') = 'object' ORDER BY id`,
  ) as [string, string][];
  const [first, last] = [points[0], points.at(-1)].map((point) =>
    shareSchema.safeParse(JSON.parse(point?.[1] ?? '0')),
  );
  if (first?.success !== true || last?.success !== true) return null;
  return { suite: points[0]![0], first: first.data, last: last.data };
}

/** Creates a function that lists the runs in a folder. It caches each run until that run records something. */
export function createRunList(root: string): () => Promise<readonly RunListItem[]> {
  const known = new Map<string, { readonly print: string; readonly item: RunListItem }>();
  return async () => {
    const folders = await runFolders(root);
    for (const folder of known.keys()) if (!folders.includes(folder)) known.delete(folder);
    const items = await Promise.all(
      folders.map(async (folder) => {
        const directory = join(root, folder);
        const print = await runFingerprint(directory);
        const before = known.get(folder);
        if (before?.print === print && isFresh(before.item, directory)) return before.item;
        const item = await listItem(directory, folder);
        if (print !== '') known.set(folder, { print, item });
        return print === '' ? [] : item;
      }),
    );
    return items.flat();
  };
}

/**
 * Returns whether a cached item is fresh. A killed process releases its lock without a record, so a `running` item is
 * stale once the lock is free.
 */
const isFresh = (item: RunListItem, directory: string): boolean =>
  !('status' in item) || item.status !== 'running' || isLocked(runLayout(directory).lock);

/** Returns the names of the folders in `root` that may be runs; empty if `root` does not exist. */
export async function runFolders(root: string): Promise<string[]> {
  const names = await readdir(root, { withFileTypes: true }).catch(() => []);
  return names
    .filter((entry) => !entry.name.startsWith('.') && !entry.isFile())
    .map(({ name }) => name)
    .toSorted();
}

async function listItem(directory: string, folder: string): Promise<RunListItem> {
  try {
    return await withRun(directory, runHead);
  } catch (error) {
    const known = GradusError.isInstance(error) ? error.message : undefined;
    return { folder, problem: known ?? `${folder}: cannot read the run` };
  }
}
