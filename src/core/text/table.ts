/** Alignment of a table's columns. */
export interface TableOptions {
  /** Index of the first right-aligned column. Default: no column is right-aligned. */
  readonly figuresFrom?: number;
}

/** Formats rows of cells as lines with columns of equal width. Rows may have different lengths. */
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
