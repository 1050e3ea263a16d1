import { lstat } from 'node:fs/promises';
import { RunError } from '../../core/errors.ts';
import { runLayout } from './layout.ts';

/*
 * Patterns of the names that Gradus creates inside a run. A name from a database must match before it becomes a path,
 * so a crafted database cannot reach files outside the run. Cleanup removes only matching names that the run recorded
 * or marked (`pending-marks.ts`); user files stay.
 */

const shard = /^step-\d{6,}-(?:train|measure|evaluate)(?:-\d+)?\.parquet$/;
const checkpoint = /^step-\d{6,}(?:-\d+)?$/;
const draft = (name: RegExp): RegExp => new RegExp(`^\\.tmp-${name.source.slice(1)}`);

/**
 * Drafts that a killed process may leave in a run's folder; `sweep` keeps a draft that is the only copy of an export.
 */
const rootDraft = /^\.tmp-(?:(?:export|base-state)(?:-old)?|recipe\.json|data\.json|run\.origin)$/;

export const isShardName = (name: string): boolean => shard.test(name);
export const isCheckpointName = (name: string): boolean => checkpoint.test(name);
export const isShardDraft = (name: string): boolean => draft(shard).test(name);
export const isCheckpointDraft = (name: string): boolean => draft(checkpoint).test(name);
/** Returns the name of the marker file for a shard or checkpoint; see `pending-marks.ts`. */
export const markOf = (name: string): string => `.tmp-${name}-pending`;

/** Returns the name of the shard or checkpoint to which a marker file belongs; `undefined` for any other name. */
export function markedName(mark: string): string | undefined {
  const name = /^\.tmp-(.+)-pending$/.exec(mark)?.[1];
  return name !== undefined && (isShardName(name) || isCheckpointName(name)) ? name : undefined;
}

export const isRootDraft = (name: string): boolean => rootDraft.test(name);

/**
 * Returns the name unchanged if it is one that Gradus creates.
 * @throws RunError (`RUN_CORRUPT`) for any other name.
 */
export function requireName(directory: string, name: string, isKnown: (name: string) => boolean): string {
  if (isKnown(name)) return name;
  throw new RunError(
    `${directory}: run.sqlite names ${JSON.stringify(name)}, expected a name such as step-000120; the run is damaged or was crafted`,
    { code: 'RUN_CORRUPT', tryNext: 'gradus runs list' },
  );
}

/** Suffixes of the files that SQLite writes beside a database. */
const besideDatabase = ['-wal', '-shm', '-journal'];

/** Rejects symbolic links. @throws RunError (`RUN_CORRUPT`) if a part of the run in `directory` is a symbolic link. */
export async function refuseLinks(directory: string): Promise<void> {
  const { directory: _, ...parts } = runLayout(directory);
  const paths = Object.values(parts);
  const databases = paths.filter((path) => path.endsWith('.sqlite'));
  const logs = databases.flatMap((path) => besideDatabase.map((ending) => path + ending));
  for (const path of [...paths, ...logs]) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isSymbolicLink() !== true) continue;
    throw new RunError(
      `${path}: expected a part of the run, found a symbolic link; Gradus writes and removes files only inside a run`,
      { code: 'RUN_CORRUPT', tryNext: 'gradus runs list' },
    );
  }
}
