import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GradusError } from '../../../core/errors.ts';
import { runFingerprint } from '../../../runs/reading/fingerprint.ts';
import { runLayout } from '../../../runs/files/layout.ts';
import { isLocked } from '../../../storage/file-lock.ts';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import type { RunSummary } from '../../../runs/reading/run-views.ts';
import { withRun } from '../run-folder.ts';
import { type Share, shareSchema } from './evaluations.ts';
import { thin } from './metric-series.ts';
import { plannedStages } from './planned-stages.ts';

/** A run in the list. Times are ISO 8601. */
export interface RunHead extends Omit<RunSummary, 'directory' | 'id'> {
  /** Of the recipe's stages, how many have begun. */
  readonly stagesBegun: number;
  /** Stages of the recipe. */
  readonly stageCount: number;
  /** Steps the run has at most: stages may end earlier. */
  readonly maxSteps: number;
  /** `reward/mean` over the steps, at most 48 values. */
  readonly sparkline: readonly number[];
  /** First and last evaluation of the suite that was evaluated first; null before there is one. */
  readonly accuracy: { readonly suite: string; readonly first: Share; readonly last: Share } | null;
}

/** A folder that looks like a run and cannot be read, with what is wrong and what to do. */
export interface DamagedRun {
  readonly folder: string;
  readonly problem: string;
}

/** `GET /api/runs`: by folder name; tell them apart by `'problem' in run`. */
export type RunListItem = RunHead | DamagedRun;

const sparklinePoints = 48;

/** What a run is and how far it came. */
export async function runHead(run: RunReader): Promise<RunHead> {
  const { directory: _directory, id: _id, ...summary } = run.summary();
  const plan = plannedStages(await readRecipe(run.directory));
  return {
    ...summary,
    stagesBegun: run.stages().length,
    stageCount: plan.length,
    maxSteps: plan.reduce((sum, { maxSteps }) => sum + maxSteps, 0),
    sparkline: thin(run.metric('reward/mean'), sparklinePoints).values,
    accuracy: accuracyOf(run),
  };
}

/** The resolved recipe, whoever edited it since: a viewer shows what is there. Undefined where it cannot be read. */
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

/**
 * The runs of a folder, each opened only when something was recorded in it since it was asked for last. One that is
 * damaged is an item that says so.
 */
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
        if (before?.print === print && isAsItWas(before.item, directory)) return before.item;
        const item = await listItem(directory, folder);
        if (print !== '') known.set(folder, { print, item });
        return print === '' ? [] : item;
      }),
    );
    return items.flat();
  };
}

/** A process that was killed writes nothing about it; it only lets go of its lock. */
const isAsItWas = (item: RunListItem, directory: string): boolean =>
  !('status' in item) || item.status !== 'running' || isLocked(runLayout(directory).lock);

/** Names of what may be a run in a folder; none where there is no such folder. */
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
    return { folder, problem: known ?? `${folder}: the run could not be read` };
  }
}
