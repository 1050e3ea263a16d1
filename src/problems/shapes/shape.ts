import type { ColumnNames } from '../columns.ts';

/** A row as a mapping from column names to values. */
export type Columns = Readonly<Record<string, unknown>>;

/**
 * How a data set writes a problem down: which column holds what, and how the columns that hold several things at once are
 * taken apart. Whatever no name claims stays in the problem's `extra`.
 */
export interface Shape {
  readonly name: string;
  /** For people who choose one: the columns it reads. */
  readonly reads: string;
  /** Whether a row has this shape. */
  readonly matches: (row: Columns) => boolean;
  /** Whether rows of this shape stand among rows of other such shapes, with the same columns. */
  readonly mixes?: boolean;
  readonly columns: Partial<ColumnNames>;
  readonly domain?: string;
  readonly licence?: string;
  /**
   * The row with columns added that `columns` may name; their names are what messages call them. Throws a `DataError`
   * beginning with the column's name when one cannot be taken apart.
   * @param where file:row.
   */
  readonly derive?: (row: Columns, where: string) => Columns;
}

/** The value at a dotted path such as `extra_info.difficulty`. */
export function at(row: Columns, path: string): unknown {
  let value: unknown = row;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Columns)[key];
  }
  return value;
}

/** Whether a row has text in each of these columns. */
export function hasTexts(row: Columns, ...paths: string[]): boolean {
  return paths.every((path) => typeof at(row, path) === 'string');
}

/** Whether a value can hold a gold answer; a list of one or an object with one field may. */
export const isAnswer = (value: unknown): boolean =>
  value != null &&
  value !== '' &&
  typeof value !== 'boolean' &&
  !(Array.isArray(value) && value.length === 0);
