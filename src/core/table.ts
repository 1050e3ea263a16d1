/** Where the cells of a table's columns stand. */
export interface TableOptions {
  /** Columns from this one on hold figures and stand to the right. Default: none do. */
  readonly figuresFrom?: number;
}

/** Rows of cells as lines whose columns are as wide as their widest cell. Rows may be of different lengths. */
export function alignColumns(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const { figuresFrom = Infinity } = options;
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  }
  const align = (cell: string, column: number): string =>
    column < figuresFrom ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return rows.map((row) => row.map(align).join('  ').trimEnd()).join('\n');
}
