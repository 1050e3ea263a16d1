import type { NamedSeries } from './line-chart.tsx';

/**
 * Formats series as CSV in long form, with the columns series, part, `axis`, value, low and high. A part is the number of
 * a single line, such as one seed, of a series that summarises several.
 */
export function chartCsv(series: readonly NamedSeries[], axis: string): string {
  const rows = series.flatMap(({ name, steps, values, low, high, parts = [] }) => [
    ...values.map((value, at) => [name, '', steps[at]!, value, low?.[at] ?? '', high?.[at] ?? '']),
    ...parts.flatMap((part, number) =>
      part.values.map((value, at) => [name, number + 1, part.steps[at]!, value, '', '']),
    ),
  ]);
  const lines = [['series', 'part', axis, 'value', 'low', 'high'], ...rows].map((row) =>
    row.map(cell).join(','),
  );
  return `${lines.join('\r\n')}\r\n`;
}

/**
 * Quotes a cell where RFC 4180 requires it, and where a spreadsheet that separates by semicolons or tabs would split it;
 * text that a spreadsheet would evaluate gets an apostrophe.
 */
function cell(value: string | number): string {
  const text = typeof value === 'string' && /^\s*[=+\-@\t\r]/u.test(value) ? `'${value}` : String(value);
  return /[",;\t\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
