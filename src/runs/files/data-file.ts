import { readFile } from 'node:fs/promises';
import { RunError } from '../../core/errors.ts';
import type { DataRecord, FileRecord, SourceRecord } from '../../core/source-record.ts';
import { runLayout } from './layout.ts';

/** Reads the files of a run's problems; `undefined` for runs from before they were recorded, and for other folders. */
export async function readDataFile(directory: string): Promise<DataRecord | undefined> {
  try {
    return JSON.parse(await readFile(runLayout(directory).data, 'utf8')) as DataRecord;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new RunError(
      `${directory}: expected data.json as written by gradus, got something else; restore it from a copy`,
      {
        code: 'RUN_CORRUPT',
        cause: error,
      },
    );
  }
}

/** Commits of hub addresses, by source: a resumed run reads the same commit after the branch has moved. */
export function commitsOf(data: DataRecord | undefined): ReadonlyMap<string, string> {
  const all =
    data === undefined ? [] : [...allSources(data), ...(data.model === undefined ? [] : [data.model])];
  return new Map(
    all.flatMap(({ source, commit }) => (commit === undefined ? [] : [[source, commit] as const])),
  );
}

/**
 * Checks that a run continues with the data it began with. Resuming with different problems would
 * mix two runs and leave pass rates of problems that no longer exist.
 *
 * @throws RunError naming the first file whose content differs.
 */
export function requireSameData(directory: string, began: DataRecord | undefined, now: DataRecord): void {
  if (began === undefined) return;
  const found = new Map(allFiles(now).map((file) => [file.name, file]));
  for (const file of allFiles(began)) {
    const other = found.get(file.name);
    if (other?.sha256 !== file.sha256) throw changed(directory, file, other);
  }
}

function changed(
  directory: string,
  { name, sha256, bytes }: FileRecord,
  other: FileRecord | undefined,
): RunError {
  const got = other === undefined ? 'none' : `${other.bytes} bytes with sha256 ${other.sha256.slice(0, 12)}`;
  return new RunError(
    `${name}: expected the file that ${directory} began with, ${bytes} bytes with sha256 ${sha256.slice(0, 12)}, got ${got}. ` +
      'A run keeps one set of problems: restore the file to resume, or start a new run with the new one',
    { code: 'RUN_DATA_CHANGED', tryNext: `gradus runs show ${directory}` },
  );
}

/** All sources of a run, those of its suites last. */
export const allSources = ({ problems, suites }: DataRecord): SourceRecord[] => [
  ...problems,
  ...Object.values(suites).flat(),
];

const allFiles = (data: DataRecord): FileRecord[] => allSources(data).flatMap(({ files }) => files);
