import type { SchemaElement } from 'hyparquet';
import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import { writeAtomic } from '../../storage/atomic.ts';

/** A column of a Parquet file, and its value for a row. */
export interface ParquetColumn<Row> {
  readonly name: string;
  /** The column's schema elements, depth first, starting with the column itself. */
  readonly elements: readonly SchemaElement[];
  readonly valueOf: (row: Row) => unknown;
}

/** Number of rows buffered in memory and written together. */
const defaultGroupSize = 10_000;
/** The same number for rows with images. */
export const imageGroupSize = 100;

/**
 * Streams rows into a Parquet file, atomically; keeps one row group in memory. Returns the number of rows.
 */
export async function writeParquet<Row>(
  path: string,
  columns: readonly ParquetColumn<Row>[],
  rows: AsyncIterable<Row>,
  rowGroupSize = defaultGroupSize,
): Promise<number> {
  return writeAtomic(path, (_, draft) => writeRows(draft, columns, rows, rowGroupSize));
}

async function writeRows<Row>(
  path: string,
  columns: readonly ParquetColumn<Row>[],
  rows: AsyncIterable<Row>,
  rowGroupSize: number,
): Promise<number> {
  const writer = new ParquetWriter({
    writer: fileWriter(path),
    schema: [
      { name: 'schema', num_children: columns.length },
      ...columns.flatMap(({ elements }) => elements),
    ],
    createdBy: 'gradus',
  });
  let count = 0;
  let group: Row[] = [];
  const flush = async (): Promise<void> => {
    if (group.length === 0) return;
    const columnData = columns.map(({ name, valueOf }) => ({ name, data: group.map(valueOf) }));
    await writer.write({ columnData, rowGroupSize });
    count += group.length;
    group = [];
  };
  for await (const row of rows) {
    group.push(row);
    if (group.length === rowGroupSize) await flush();
  }
  await flush();
  await writer.finish();
  return count;
}

type Repetition = 'REQUIRED' | 'OPTIONAL';

/** Returns the schema of a string column. */
export function text(name: string, repetition_type: Repetition = 'OPTIONAL'): SchemaElement[] {
  return [
    { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' }, repetition_type },
  ];
}

/** Returns the schema of a column of bytes. */
export function binary(name: string): SchemaElement[] {
  return [{ name, type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' }];
}

/** Returns the schema of a column of 64-bit integers (given as bigint) or of doubles. */
export function number(name: string, type: 'INT64' | 'DOUBLE'): SchemaElement[] {
  return [{ name, type, repetition_type: 'OPTIONAL' }];
}

/** Returns the schema of a column of objects with these fields. */
export function struct(name: string, ...fields: SchemaElement[][]): SchemaElement[] {
  return [{ name, repetition_type: 'OPTIONAL', num_children: fields.length }, ...fields.flat()];
}

/** Returns the schema of a column of lists, whose elements are called `element`. */
export function list(name: string, element: SchemaElement[]): SchemaElement[] {
  return [
    {
      name,
      repetition_type: 'OPTIONAL',
      converted_type: 'LIST',
      logical_type: { type: 'LIST' },
      num_children: 1,
    },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    ...element,
  ];
}
