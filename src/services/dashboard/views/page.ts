import * as z from 'zod';
import { ConfigError } from '../../../core/errors.ts';
import type { Row } from '../../../runs/reading/run-rows.ts';
import { all, type Condition } from './sql.ts';

/** Maximum number of rows per page. */
const mostRows = 500;

/** Query parameters of every paged table. */
export const pageFields = {
  order: z.enum(['asc', 'desc']).default('desc'),
  limit: z.coerce.number<number>().int().min(1).max(mostRows).default(100),
  /** `next` of the previous page; default: the first page. */
  cursor: z.string().optional(),
};

/** A page of a table. */
export interface Page<T> {
  readonly rows: readonly T[];
  /** Number of rows over all pages. */
  readonly total: number;
  /** Cursor of the next page; null on the last page. */
  readonly next: string | null;
}

/** A sort key: an SQL expression, and whether it may be NULL. */
export interface SortKey {
  readonly sql: string;
  /** A nullable key needs a full scan; other keys may use an index. */
  readonly isNullable?: boolean;
}

/** A request for one page of a table that is sorted by `keys`; the last key must be unique. */
export interface PageRequest {
  readonly keys: readonly SortKey[];
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** The parts of a SELECT statement that select a page. */
export interface PageSql {
  /** Columns `key0`, `key1`, …, from which `pageOf` builds the next cursor. */
  readonly columns: string;
  /** The rows after the cursor. */
  readonly after: Condition;
  /** ORDER BY and LIMIT. */
  readonly tail: string;
}

/**
 * Returns the SQL of a page. Pages by keyset, not by offset, so that rows added by a live run neither shift nor
 * repeat other rows, and a late page costs no more than the first. NULLs come last.
 *
 * @throws ConfigError if the cursor is invalid.
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

/** Builds a page from the rows that a query with `pageSql` returned. */
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
      'cursor: invalid; expected `next` of the previous page of the same table. Omit it for the first page',
      { cause },
    );
  }
}
