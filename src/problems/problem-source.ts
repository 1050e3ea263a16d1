import { stat } from 'node:fs/promises';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { FileRecord, SourceRecord } from '../core/source-record.ts';
import { type DataFile, locateData, recordOf } from './locate-files.ts';
import { banditsConfig, drawBandits } from './bandit-source.ts';
import { fileConfig } from './file-source.ts';
import { generateProblems, generatedConfig } from './generated-source.ts';
import type { OnDownload } from '../hub/download.ts';
import { jsonlConfig, readJsonl } from './jsonl-source.ts';
import { openEnvConfig, verifiersEnvConfig } from '../bridge/packaged-environments.ts';
import { loadPackaged } from './packaged-source.ts';
import { ProblemIds } from './problem-ids.ts';
import { loadReasoningGym, reasoningGymConfig } from './reasoning-gym-source.ts';
import { readDataFile } from './read-file-source.ts';

/** A source of problems, as accepted by `problems` in a recipe and in an evaluation suite. */
export const problemSourceConfig = z.discriminatedUnion('type', [
  jsonlConfig,
  fileConfig,
  generatedConfig,
  banditsConfig,
  reasoningGymConfig,
  openEnvConfig,
  verifiersEnvConfig,
]);
export type ProblemSource = z.output<typeof problemSourceConfig>;

/** Options for loading a source. */
export interface LoadOptions {
  /** The folder against which relative paths are resolved. */
  readonly baseDir: string;
  /** Tracks the ids assigned so far; default: none are assigned. */
  readonly ids?: ProblemIds;
  /** The commit at which to read each source, keyed by its path in the recipe. */
  readonly commits?: ReadonlyMap<string, string>;
  /** Reads from the cache only, without network access. */
  readonly isOffline?: boolean;
  readonly onDownload?: OnDownload | undefined;
  /** Aborts downloads. */
  readonly signal?: AbortSignal | undefined;
}

/** The problems of one source, with a record of its files; absent for generated problems. */
export interface LoadedSource {
  readonly problems: readonly Problem[];
  readonly record?: SourceRecord;
}

/**
 * Loads all problems of a source, in a fixed order with distinct ids, with a record of the files from which they were
 * read.
 *
 * @throws DataError naming file and row, or family and knob, if the source is invalid or too small.
 */
export async function loadSource(config: ProblemSource, options: LoadOptions): Promise<LoadedSource> {
  switch (config.type) {
    case 'generated':
      return { problems: [...generateProblems(config)] };
    case 'bandits':
      return { problems: [...drawBandits(config)] };
    case 'reasoning-gym':
      return loadReasoningGym(config, options.baseDir, options.signal);
    case 'openenv':
    case 'verifiers':
      return loadPackaged(config, options.baseDir, options.signal);
    case 'jsonl':
    case 'file':
      return loadFiles(config, options);
  }
}

async function loadFiles(
  config: Extract<ProblemSource, { type: 'jsonl' | 'file' }>,
  { baseDir, ids = new ProblemIds(), commits, isOffline, onDownload, signal }: LoadOptions,
): Promise<LoadedSource> {
  const commit = commits?.get(config.path);
  const located = await locateData(config, baseDir, {
    ...(commit === undefined ? {} : { commit }),
    ...(isOffline === undefined ? {} : { isOffline }),
    onDownload,
    signal,
  });
  const problems: Problem[] = [];
  const files: FileRecord[] = [];
  let skipped = 0;
  const onSkip = (): void => void skipped++;
  for (const file of located.files) {
    const record = await recordOf(file);
    const { mtimeMs } = await stat(file.file);
    const read =
      config.type === 'jsonl' ? readJsonl(config, file, ids) : readDataFile(config, file, { ids, onSkip });
    for await (const problem of read) problems.push(problem);
    await requireUnchanged(file, mtimeMs);
    files.push(record);
  }
  return {
    problems,
    record: {
      source: config.path,
      ...(located.commit === undefined ? {} : { commit: located.commit }),
      problems: problems.length,
      ...(skipped === 0 ? {} : { skipped }),
      files,
    },
  };
}

/** Checks that a file did not change while it was read, so that its record matches its problems. */
async function requireUnchanged({ file, name }: DataFile, mtimeMs: number): Promise<void> {
  if ((await stat(file)).mtimeMs === mtimeMs) return;
  throw new DataError(
    `${name}: expected a file that stays unchanged while it is read, got one that changed; read it again`,
    {
      code: 'DATA_CHANGED',
      tryNext: `ls -l ${file}`,
    },
  );
}
