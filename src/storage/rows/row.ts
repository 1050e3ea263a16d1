/** One row in a file, before its columns are interpreted. */
export interface Row {
  /** Number of the row, from 1: its line in JSON Lines, its record in other formats. */
  readonly number: number;
  /** Parses the row, usually to an object. Throws a `DataError` naming file and row if it is malformed. */
  read(): unknown;
}
