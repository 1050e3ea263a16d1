/** One row as its file gives it, before anything is known of its columns. */
export interface Row {
  /** 1-based; a line of a JSON Lines file, a record of any other. */
  readonly number: number;
  /** The row's value, usually an object. Throws a `DataError` naming file and row when the row itself is broken. */
  read(): unknown;
}
