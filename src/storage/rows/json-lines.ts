import { DataError } from '../../core/errors.ts';
import { parseJson } from '../../core/lossless-json.ts';
import { openText } from './open-text.ts';
import type { Row } from './row.ts';

/** A row of a JSON Lines file: its 1-based number and its value. */
interface JsonRow {
  readonly row: number;
  readonly value: unknown;
}

/**
 * Streams the parsed rows of a JSON Lines file in constant memory; skips blank lines.
 *
 * @param file path of the file.
 * @param shown the file's name in messages.
 * @throws DataError naming file and row if the file cannot be read or contains no rows, or if a row is not complete
 * JSON.
 */
export async function* readJsonRows(file: string, shown: string): AsyncGenerator<JsonRow> {
  let isEmpty = true;
  for await (const { number, read } of jsonLines(file, shown)) {
    isEmpty = false;
    yield { row: number, value: read() };
  }
  if (isEmpty) throw new DataError(`${shown}: expected one JSON object per row, got an empty file`);
}

/**
 * Streams the rows of a JSON Lines file; skips blank lines. Only a line feed ends a row: Node's line reader also
 * splits at U+2028, which strings may contain.
 */
export async function* jsonLines(file: string, shown: string): AsyncGenerator<Row> {
  let number = 0;
  for await (const line of linesOf(openText(file, shown))) {
    number++;
    if (line.trim() !== '') yield rowOf(line, shown, number);
  }
}

function rowOf(line: string, shown: string, number: number): Row {
  return {
    number,
    read() {
      try {
        return parseJson(line);
      } catch (cause) {
        const tail = line.length > 40 ? `…${line.slice(-40)}` : line;
        throw new DataError(
          `${shown}:${number}: expected one whole JSON object, got ${JSON.stringify(tail)}; ${adviceFor(line)}`,
          { cause },
        );
      }
    },
  };
}

/** Returns advice about the likely cause of a line that is not JSON. */
function adviceFor(line: string): string {
  if (/[:[,]\s*(?:NaN|-?Infinity)\b/.test(line))
    return "Python's NaN and Infinity are not JSON; write null, or leave the row out";
  if (/^\s*[[{]\s*$/.test(line)) return 'write each row on one line, or name the file .json';
  return 'delete an incomplete last row';
}

async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  // A line may span many pieces: collect them, so that each piece is scanned only once.
  let begun: string[] = [];
  for await (const piece of pieces) {
    const lines = piece.split('\n');
    begun.push(lines[0]!);
    if (lines.length === 1) continue;
    yield begun.join('');
    for (let i = 1; i < lines.length - 1; i++) yield lines[i]!;
    begun = [lines.at(-1)!];
  }
  const last = begun.join('');
  if (last !== '') yield last;
}
