import { printable } from '../../../core/text/printable.ts';

/** Escapes text for HTML; makes control characters visible, except line feeds and tabs. */
export function text(value: string | number): string {
  return printable(String(value).toWellFormed(), { lines: true })
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Truncates text to `longest` characters. */
export function clipped(value: string, longest = 240): string {
  return value.length <= longest ? value : `${value.slice(0, longest)} … (${count(value.length)} characters)`;
}

/** Formats a value as a whole number with thousands separators. */
export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** Formats a share in percent. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Renders a table. The first cell of a row is its header; cells are HTML. */
export function table(
  caption: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const head = header.map((name) => `<th scope="col">${text(name)}</th>`).join('');
  const body = rows.map(
    ([name, ...cells]) =>
      `<tr><th scope="row">${name}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
  );
  // Wide tables can be scrolled, including by keyboard.
  return `<div class="wide" role="group" tabindex="0" aria-label="${text(caption)}"><table><caption>${text(caption)}</caption><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}
