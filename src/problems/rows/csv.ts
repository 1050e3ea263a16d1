import { DataError } from '../../core/errors.ts';
import { openText } from './open-text.ts';
import type { Row } from './row.ts';

/**
 * The rows of a CSV file by RFC 4180: the first record names the columns, fields in quotes may hold separators, line
 * ends and doubled quotes. An empty field is an absent column, not an empty text.
 */
export async function* csvRows(file: string, shown: string, separator: ',' | '\t'): AsyncGenerator<Row> {
  let names: readonly string[] | undefined;
  let number = 0;
  for await (const fields of recordsOf(openText(file, shown), separator, shown)) {
    if (names === undefined) names = checkedNames(fields, shown);
    else if (fields.length > 1 || fields[0] !== '') yield rowOf(names, fields, shown, ++number);
  }
}

function checkedNames(fields: readonly string[], shown: string): readonly string[] {
  const names = fields.map((name) => name.trim());
  const twice = names.find((name, i) => name === '' || names.indexOf(name) < i);
  if (twice === undefined) return names;
  throw new DataError(
    `${shown}: expected a first record of distinct column names, got ${JSON.stringify(names).slice(0, 200)}; write a header line`,
  );
}

function rowOf(names: readonly string[], fields: readonly string[], shown: string, number: number): Row {
  return {
    number,
    read() {
      if (fields.length !== names.length)
        throw new DataError(
          `${shown}:${number}: expected ${names.length} fields as in the header, got ${fields.length}; ` +
            'a text that holds the separator or a line end has to stand in quotes',
        );
      const entries = names.map((name, i) => [name, fields[i]!] as const);
      return Object.fromEntries(entries.filter(([, text]) => text !== ''));
    },
  };
}

/** Longest record in characters: what stands in quotes that were never closed would otherwise fill the memory. */
const maxRecordLength = 1 << 26;

/** Cuts a text that comes in pieces into records; only what a piece leaves unfinished is kept. */
async function* recordsOf(
  pieces: AsyncIterable<string>,
  separator: string,
  shown: string,
): AsyncGenerator<string[]> {
  let text = '';
  for await (const piece of pieces) {
    text += piece;
    const { records, end } = wholeRecords(text, separator);
    yield* records;
    text = text.slice(end);
    if (text.length > maxRecordLength)
      throw new DataError(`${shown}: expected records below 64 MB, got more; a quote is never closed`);
  }
  if (text === '') return;
  const { records, end } = wholeRecords(`${text}\n`, separator);
  if (end === 0)
    throw new DataError(`${shown}: expected a closing quote in the last record, got the file's end`);
  yield* records;
}

/** The records that end within a text, and where the last of them ends. */
function wholeRecords(text: string, separator: string): { records: string[][]; end: number } {
  const records: string[][] = [];
  let end = 0;
  let record: string[] = [];
  let at = 0;
  // A quote or CR at the very end may go on in the next piece.
  while (at < text.length) {
    const field = text[at] === '"' ? quotedField(text, at) : plainField(text, at, separator);
    if (field === undefined || field.end >= text.length) break;
    record.push(field.value);
    at = field.end + 1;
    if (text[field.end] === separator) continue;
    records.push(record);
    record = [];
    end = at;
  }
  return { records, end };
}

interface Field {
  readonly value: string;
  /** Where the separator or line feed after it stands. */
  readonly end: number;
}

function plainField(text: string, start: number, separator: string): Field {
  let end = start;
  while (end < text.length && text[end] !== separator && text[end] !== '\n') end++;
  const isLast = text[end] === '\n' && end > start && text[end - 1] === '\r';
  return { value: text.slice(start, isLast ? end - 1 : end), end };
}

/** `undefined` when its end is not in the text. */
function quotedField(text: string, start: number): Field | undefined {
  let quote = text.indexOf('"', start + 1);
  while (quote >= 0 && text[quote + 1] === '"') quote = text.indexOf('"', quote + 2);
  if (quote < 0 || quote + 1 >= text.length) return undefined;
  const value = text.slice(start + 1, quote).replaceAll('""', '"');
  const end = text[quote + 1] === '\r' ? quote + 2 : quote + 1;
  return { value, end };
}
