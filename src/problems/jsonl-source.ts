import * as z from 'zod';
import { DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { columnsConfig } from './columns.ts';
import { type DataFile, locationShape } from './locate-files.ts';
import type { ProblemIds } from './problem-ids.ts';
import { problemOfRow } from './problem-row.ts';
import { readJsonRows } from '../storage/rows/json-lines.ts';
import { instructionShape } from './instruction.ts';

/** Problems from a JSON Lines file: one JSON object per row. Blank rows are skipped; each other row must be a problem. */
export const jsonlConfig = z.strictObject({
  type: z.literal('jsonl'),
  ...locationShape,
  /** Columns whose names differ from those of a problem's parts. */
  columns: columnsConfig.prefault({}),
  /** The domain of rows that do not name one. */
  domain: z.string().default('math'),
  ...instructionShape,
});
export type JsonlConfig = z.infer<typeof jsonlConfig>;

/** Creates the recipe entry for problems in a JSON Lines file. */
export const jsonl = (
  path: string,
  options: Omit<z.input<typeof jsonlConfig>, 'type' | 'path'> = {},
): z.input<typeof jsonlConfig> => ({ type: 'jsonl', path, ...options });

/**
 * @throws DataError if the file's extension is that of a different format, which would otherwise fail at its first row.
 */
function requireJsonLines(name: string): void {
  const format = /\.(csv|tsv|parquet)(?:\.gz)?$/i.exec(name)?.[1];
  if (format === undefined) return;
  throw new DataError(
    `${name}: expected JSON Lines, since the source is jsonl(), got a name that ends in .${format}; read it with file('${name}')`,
  );
}

/**
 * Streams the problems in a file; memory grows only with the number of ids.
 *
 * @throws DataError naming file and row.
 */
export async function* readJsonl(
  { columns, domain, instruction, system }: JsonlConfig,
  { file, name }: DataFile,
  ids: ProblemIds,
): AsyncGenerator<Problem> {
  requireJsonLines(name);
  const mapping = { name, file, columns, domain, instruction, system, ids };
  for await (const { row, value } of readJsonRows(file, name)) yield problemOfRow(value, mapping, row);
}
