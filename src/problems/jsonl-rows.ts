import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { DataError } from '../core/errors.ts';

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
  for await (const { row, text } of rowsOf(file, shown)) {
    isEmpty = false;
    yield { row, value: parse(text, shown, row) };
  }
  if (isEmpty) throw new DataError(`${shown}: expected one JSON object a row, got an empty file`);
}

async function* rowsOf(file: string, shown: string): AsyncGenerator<{ row: number; text: string }> {
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  let row = 0;
  try {
    for await (const text of lines) {
      row++;
      if (text.trim() !== '') yield { row, text: row === 1 ? text.replace(/^\uFEFF/, '') : text };
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
    throw new DataError(`${shown}: expected a readable file, got ${cause.message}`, {
      cause,
      tryNext: `ls -l ${file}`,
    });
  }
}

function parse(text: string, shown: string, row: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const tail = text.length > 40 ? `…${text.slice(-40)}` : text;
    throw new DataError(
      `${shown}:${row}: expected one whole JSON object, got ${JSON.stringify(tail)}; a half-written last row has to be deleted`,
      { cause },
    );
  }
}
