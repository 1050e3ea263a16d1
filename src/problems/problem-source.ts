import { stat } from 'node:fs/promises';
import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type { FileRecord, SourceRecord } from '../core/source-record.ts';
import { type DataFile, locateData, recordOf } from './locate-files.ts';
import { fileConfig } from './file-source.ts';
import { generateProblems, generatedConfig } from './generated-source.ts';
import type { OnDownload } from '../hub/download.ts';
import { jsonlConfig, readJsonl } from './jsonl-source.ts';
import { ProblemIds } from './problem-ids.ts';
import { readDataFile } from './read-file-source.ts';

/** Where problems come from: what a recipe's `problems` and a suite's `problems` accept. */
export const problemSourceConfig = z.discriminatedUnion('type', [jsonlConfig, fileConfig, generatedConfig]);
export type ProblemSource = z.output<typeof problemSourceConfig>;

/** What loading may need from outside. */
export interface LoadOptions {
  /** Relative paths start here. */
  readonly baseDir: string;
  /** The ids given so far; absent: these problems are the only ones. */
  readonly ids?: ProblemIds;
  /** By source as the recipe has it: the commit to read it at. */
  readonly commits?: ReadonlyMap<string, string>;
  /** Ask no hub: only what the cache holds. */
  readonly isOffline?: boolean;
  readonly onDownload?: OnDownload | undefined;
  /** Ends a download. */
  readonly signal?: AbortSignal | undefined;
}

/** Problems, and what they were read from; generated ones are from no file. */
export interface LoadedSource {
  readonly problems: readonly Problem[];
  readonly record?: SourceRecord;
}

/**
 * All problems of a source, in a fixed order with distinct ids, and a record of the files they are from. Throws a `DataError`
 * naming file and row, or family and knob, when the source cannot give what was asked for.
 */
export async function loadSource(config: ProblemSource, options: LoadOptions): Promise<LoadedSource> {
  if (config.type === 'generated') {
    return { problems: [...generateProblems(config)] };
  }
  return loadFiles(config, options);
}

async function loadFiles(
  config: Exclude<ProblemSource, { type: 'generated' }>,
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

/** What is recorded must be what was read. */
async function requireUnchanged({ file, name }: DataFile, mtimeMs: number): Promise<void> {
  if ((await stat(file)).mtimeMs === mtimeMs) return;
  throw new DataError(
    `${name}: expected a file that nobody writes to, got one that changed while it was read`,
    {
      code: 'DATA_CHANGED',
      tryNext: `ls -l ${file}`,
    },
  );
}
