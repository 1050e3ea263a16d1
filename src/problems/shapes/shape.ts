import type { ColumnNames } from '../columns.ts';

/** A row: column names mapped to values. */
export type Columns = Readonly<Record<string, unknown>>;

/**
 * The columns of a published data set: which column contains which part of a problem, and how combined columns are
 * split. Unused columns are kept in the problem's `extra`.
 */
export interface Shape {
  readonly name: string;
  /** The columns that the shape reads, for help texts. */
  readonly reads: string;
  /** Returns whether a row has this shape. */
  readonly matches: (row: Columns) => boolean;
  /** True if one file may mix rows of this shape with rows of other mixing shapes that have the same columns. */
  readonly mixes?: boolean;
  readonly columns: Partial<ColumnNames>;
  readonly domain?: string;
  readonly licence?: string;
  /**
   * Returns the row with derived columns added, which `columns` may name. Throws a `DataError`
   * beginning with the column's name for an invalid column.
   *
   * @param where file:row.
   */
  readonly derive?: (row: Columns, where: string) => Columns;
}

/** Returns the value at a dotted path such as `extra_info.difficulty`. */
export function at(row: Columns, path: string): unknown {
  let value: unknown = row;
  for (let start = 0, end = 0; end >= 0; start = end + 1) {
    if (typeof value !== 'object' || value === null) return undefined;
    end = path.indexOf('.', start);
    value = (value as Columns)[path.slice(start, end < 0 ? undefined : end)];
  }
  return value;
}

/** Returns whether each of these columns contains a string. */
export function hasTexts(row: Columns, ...paths: string[]): boolean {
  return paths.every((path) => typeof at(row, path) === 'string');
}

/**
 * Returns whether a value may be a gold answer, possibly wrapped in a list with one element or an object with one
 * field.
 */
export const isAnswer = (value: unknown): boolean =>
  value != null &&
  value !== '' &&
  typeof value !== 'boolean' &&
  !(Array.isArray(value) && value.length === 0);
