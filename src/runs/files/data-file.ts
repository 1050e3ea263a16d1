import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { RunError } from '../../core/errors.ts';
import type { DataRecord, FileRecord, SourceRecord } from '../../core/source-record.ts';
import { runLayout } from './layout.ts';

const hex = (digits: number): z.ZodString =>
  z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`), `expected ${digits} hex digits`);
const count = z.int().min(0);
const fileSchema = z.strictObject({ name: z.string(), sha256: hex(64), bytes: count });
const sourceSchema = z.strictObject({
  source: z.string(),
  // Must be hexadecimal, because the commit becomes part of a path in the cache.
  commit: hex(40).exactOptional(),
  problems: count,
  skipped: count.exactOptional(),
  files: z.array(fileSchema),
});
const modelSchema = z.strictObject({ source: z.string(), commit: hex(40) });
const dataSchema = z.strictObject({
  model: modelSchema.exactOptional(),
  teacher: modelSchema.exactOptional(),
  problems: z.array(sourceSchema),
  suites: z.record(z.string(), z.array(sourceSchema)),
  examples: z.array(fileSchema).exactOptional(),
}) satisfies z.ZodType<DataRecord>;

/**
 * Reads the list of files from which a run's problems were read; `undefined` for older runs without this list, and for
 * folders that are not runs.
 *
 * @throws RunError (`RUN_CORRUPT`) naming the file and the first invalid field.
 */
export async function readDataFile(directory: string): Promise<DataRecord | undefined> {
  const path = runLayout(directory).data;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw corrupt(path, (error as Error).message, error);
  }
  const parsed = dataSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path: field, message } = parsed.error.issues[0]!;
  throw corrupt(path, `${field.length === 0 ? '' : `${field.join('.')}: `}${message}`, parsed.error);
}

function corrupt(path: string, found: string, cause: unknown): RunError {
  return new RunError(
    `${path}: expected data.json as written by gradus, got something else (${found}); restore it from a copy`,
    { code: 'RUN_CORRUPT', cause, tryNext: 'gradus runs list' },
  );
}

/**
 * Returns the commits of hub addresses, by source: a resumed run reads the same commit even if the branch has moved.
 */
export function commitsOf(data: DataRecord | undefined): ReadonlyMap<string, string> {
  const all =
    data === undefined
      ? []
      : [...allSources(data), ...[data.model, data.teacher].filter((one) => one !== undefined)];
  return new Map(
    all.flatMap(({ source, commit }) => (commit === undefined ? [] : [[source, commit] as const])),
  );
}

/**
 * Checks that a run continues with the data with which it began. Resuming with different problems would mix two data
 * sets and keep pass rates for problems that no longer exist.
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
      'A run keeps one set of problems: restore the file to resume, or start a new run with the new file',
    { code: 'RUN_DATA_CHANGED', tryNext: `gradus runs show ${directory}` },
  );
}

/** Returns all sources of a run; those of its suites come last. */
export const allSources = ({ problems, suites }: DataRecord): SourceRecord[] => [
  ...problems,
  ...Object.values(suites).flat(),
];

const allFiles = (data: DataRecord): FileRecord[] => [
  ...allSources(data).flatMap(({ files }) => files),
  ...(data.examples ?? []),
];
