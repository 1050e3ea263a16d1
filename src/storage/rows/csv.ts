import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { DataError } from '../../core/errors.ts';
import { openText } from './open-text.ts';
import type { Row } from './row.ts';

/**
 * Streams the rows of a CSV file (RFC 4180): the first record names the columns; quoted fields may contain separators,
 * line ends and doubled quotes. An empty field counts as a missing column, not as an empty string.
 */
export async function* csvRows(file: string, shown: string, separator: ',' | '\t'): AsyncGenerator<Row> {
  let names: readonly string[] | undefined;
  let number = 0;
  for await (const fields of recordsOf(file, shown, separator)) {
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
            'quote every field that contains the separator or a line break',
        );
      const entries = names.map((name, i) => [name, fields[i]!] as const);
      return Object.fromEntries(entries.filter(([, text]) => text !== ''));
    },
  };
}

/** Maximum size of a record in bytes. Without a limit, an unclosed quote would exhaust memory. */
const maxRecordBytes = 1 << 26;

async function* recordsOf(
  file: string,
  shown: string,
  separator: ',' | '\t',
): AsyncGenerator<readonly string[]> {
  const parser = parse({
    delimiter: separator,
    record_delimiter: ['\r\n', '\n'],
    // The number of columns is checked when a row is read, so that one bad row can be skipped.
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: maxRecordBytes,
  });
  const text = Readable.from(openText(file, shown));
  text.on('error', (error) => parser.destroy(error)).pipe(parser);
  try {
    for await (const record of parser) yield record as string[];
  } catch (cause) {
    throw cause instanceof CsvError ? unreadable(cause, shown) : cause;
  } finally {
    text.destroy();
  }
}

function unreadable(cause: CsvError, shown: string): DataError {
  if (cause.code === 'CSV_QUOTE_NOT_CLOSED')
    return new DataError(`${shown}: expected a closing quote in the last record, got the end of the file`, {
      cause,
    });
  if (cause.code === 'CSV_MAX_RECORD_SIZE')
    return new DataError(
      `${shown}: expected records below 64 MB, got a larger one; look for an unclosed quote`,
      {
        cause,
      },
    );
  return new DataError(`${shown}: expected CSV as in RFC 4180, got ${cause.message}`, { cause });
}
