/** One row of a file, before its columns are interpreted. */
export interface Row {
  /** 1-based: the line in JSON Lines, the record in other formats. */
  readonly number: number;
  /** Parses the row, usually to an object. Throws a `DataError` naming file and row when it is malformed. */
  read(): unknown;
}
