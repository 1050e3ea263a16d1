import type { NamedSeries } from './line-chart.tsx';

/**
 * Formats series as CSV in long form, with the columns series, part, `axis`, value, low and high. A part is the number
 * of a single line, such as one seed, in a series that summarises several lines.
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
 * Quotes a cell if RFC 4180 requires it, or if a spreadsheet that separates by semicolons or tabs would split it.
 * Prefixes text that a spreadsheet would evaluate with an apostrophe.
 */
function cell(value: string | number): string {
  const text = typeof value === 'string' && /^\s*[=+\-@\t\r]/u.test(value) ? `'${value}` : String(value);
  return /[",;\t\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
