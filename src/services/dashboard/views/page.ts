import * as z from 'zod';
import { ConfigError } from '../../../core/errors.ts';
import type { Row } from '../../../runs/reading/run-views.ts';
import { all, type Condition } from './sql.ts';

/** Most rows of a page. */
const mostRows = 500;

/** How a table is sorted and which page of it. */
export const pageFields = {
  order: z.enum(['asc', 'desc']).default('desc'),
  limit: z.coerce.number<number>().int().min(1).max(mostRows).default(100),
  /** `next` of the page before; absent: the first page. */
  cursor: z.string().optional(),
};

/** A page of a table. */
export interface Page<T> {
  readonly rows: readonly T[];
  /** Rows of all pages. */
  readonly total: number;
  /** The cursor of the next page; null: this was the last. */
  readonly next: string | null;
}

/** What a table is sorted by: an SQL expression, and whether rows may lack it. */
export interface SortKey {
  readonly sql: string;
  /** Sorted by such a key a table is read whole; by others an index may lead the way. */
  readonly isNullable?: boolean;
}

/** Which page, of a table sorted by `keys`; no two rows share the last. */
export interface PageRequest {
  readonly keys: readonly SortKey[];
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** What a page adds to a SELECT. */
export interface PageSql {
  /** Columns `key0`, `key1`, … that `pageOf` makes the next cursor from. */
  readonly columns: string;
  /** The rows after the cursor. */
  readonly after: Condition;
  /** ORDER BY and LIMIT. */
  readonly tail: string;
}

/**
 * Pages by what the last row was (keyset), not by how many were passed: rows that a live run adds neither shift nor
 * repeat any, and a late page costs no more than the first. Rows that lack the sorted value come last.
 *
 * @throws ConfigError for a cursor that is none.
 */
export function pageSql({ keys, order, limit, cursor }: PageRequest): PageSql {
  const last = order === 'asc' ? '1e300' : '-1e300';
  const sorted = keys.map(({ sql, isNullable }) => (isNullable === true ? `coalesce(${sql}, ${last})` : sql));
  const values = cursor === undefined ? undefined : readCursor(cursor, keys.length);
  const sign = order === 'asc' ? '>' : '<';
  return {
    columns: sorted.map((key, index) => `${key} AS key${index}`).join(', '),
    after: all([
      values && {
        sql: `(${sorted.join(', ')}) ${sign} (${values.map(() => '?').join(', ')})`,
        values,
      },
    ]),
    tail: `ORDER BY ${sorted.map((key) => `${key} ${order}`).join(', ')} LIMIT ${limit + 1}`,
  };
}

/** A page of the rows that `pageSql` asked for. */
export function pageOf<T>(
  rows: readonly Row[],
  { keys, limit }: PageRequest,
  total: number,
  shown: (row: Row) => T,
): Page<T> {
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    rows: page.map(shown),
    total,
    next: last === undefined ? null : writeCursor(keys.map((_, index) => last[`key${index}`])),
  };
}

const cursorValues = z.array(z.union([z.number(), z.string()]));

const writeCursor = (values: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(values)).toString('base64url');

function readCursor(cursor: string, length: number): (number | string)[] {
  try {
    const values = cursorValues.length(length).parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return values;
  } catch (cause) {
    throw new ConfigError(
      'cursor: expected the `next` of a page of the same table; begin again without one',
      { cause },
    );
  }
}
