import { asyncBufferFromFile, parquetMetadataAsync, parquetScan } from 'hyparquet';
import { compressors as codecs } from 'hyparquet-compressors';
import { DataError } from '../../core/errors.ts';
import type { Row } from './row.ts';

/** Decompressors that also accept pages without values, which LZ4 encodes as one zero byte that the library rejects. */
const compressors: typeof codecs = {
  ...codecs,
  LZ4_RAW: (input, length) => (length === 0 ? new Uint8Array() : codecs.LZ4_RAW!(input, length)),
};

/**
 * Streams the rows of a Parquet file with any codec; keeps the columns of one row group in memory. 64-bit integers
 * become numbers if the conversion is exact and stay `bigint` otherwise; dates become ISO strings.
 */
export async function* parquetRows(file: string, shown: string): AsyncGenerator<Row> {
  const { columns, ranges, readColumn } = await openScan(file, shown);
  for (const { rowStart, rowEnd } of ranges) {
    const data: ArrayLike<unknown>[] = [];
    for (const column of columns)
      data.push(await guard(shown, () => readColumn({ column, rowStart, rowEnd })));
    for (let i = 0; i < rowEnd - rowStart; i++)
      yield {
        number: rowStart + i + 1,
        read: () => Object.fromEntries(columns.map((column, c) => [column, plain(data[c]![i])])),
      };
  }
}

async function openScan(file: string, shown: string) {
  return guard(shown, async () => {
    const buffer = await asyncBufferFromFile(file);
    const metadata = await parquetMetadataAsync(buffer);
    const scan = await parquetScan({ file: buffer, metadata, compressors, utf8: false });
    return {
      columns: topLevelColumns(metadata.schema),
      ranges: scan.ranges,
      readColumn: (options: { column: string; rowStart: number; rowEnd: number }) => scan.readColumn(options),
    };
  });
}

/** Returns the top-level columns of a schema, which lists its elements depth first with their number of children. */
function topLevelColumns(
  schema: readonly { readonly name: string; readonly num_children?: number }[],
): string[] {
  const names: string[] = [];
  const after = (index: number): number => {
    let next = index + 1;
    for (let child = 0; child < (schema[index]!.num_children ?? 0); child++) next = after(next);
    return next;
  };
  for (let index = 1; index < schema.length; index = after(index)) names.push(schema[index]!.name);
  return names;
}

async function guard<T>(shown: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new DataError(`${shown}: expected a readable Parquet file, got ${(cause as Error).message}`, {
      cause,
      tryNext: `ls -l ${shown}`,
    });
  }
}

/** Converts a value to its JSON equivalent. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return textIn(value) ?? value;
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes bytes without a logical type, which old writers use for text; returns undefined for bytes that are not text,
 * such as images.
 */
function textIn(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
