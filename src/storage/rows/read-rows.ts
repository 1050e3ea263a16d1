import { DataError } from '../../core/errors.ts';
import { csvRows } from './csv.ts';
import { jsonArray } from './json-array.ts';
import { jsonLines } from './json-lines.ts';
import { parquetRows } from './parquet.ts';
import type { Row } from './row.ts';

/**
 * Streams the rows in a file. Its extension selects the format; text formats may be compressed (`.gz`).
 *
 * @param shown the file's name in error messages.
 */
export function readRows(file: string, shown: string): AsyncGenerator<Row> {
  const extension = /\.([^./]+?)(?:\.gz)?$/i.exec(file)?.[1]?.toLowerCase();
  switch (extension) {
    case 'jsonl':
    case 'ndjson':
      return jsonLines(file, shown);
    case 'json':
      return jsonArray(file, shown);
    case 'csv':
      return csvRows(file, shown, ',');
    case 'tsv':
      return csvRows(file, shown, '\t');
    case 'parquet':
      return parquetRows(file, shown);
    default:
      throw new DataError(
        `${shown}: expected a file ending in .jsonl, .json, .csv, .tsv (each also .gz) or .parquet, got ${extension === undefined ? 'no ending' : `.${extension}`}; rename it to match its format`,
      );
  }
}
