import { DataError } from '../../core/errors.ts';
import { jsonLines } from './json-lines.ts';

/** A row of a JSON Lines file: its 1-based number and the value in it. */
export interface JsonRow {
  readonly row: number;
  readonly value: unknown;
}

/**
 * Streams the rows of a JSON Lines file; blank ones are skipped, memory does not grow.
 *
 * @param file where it is.
 * @param shown how messages name it.
 * @throws DataError naming file and row when it cannot be read, holds no rows, or one is not whole JSON.
 */
export async function* readJsonRows(file: string, shown: string): AsyncGenerator<JsonRow> {
  let isEmpty = true;
  for await (const { number, read } of jsonLines(file, shown)) {
    isEmpty = false;
    yield { row: number, value: read() };
  }
  if (isEmpty) throw new DataError(`${shown}: expected one JSON object a row, got an empty file`);
}
