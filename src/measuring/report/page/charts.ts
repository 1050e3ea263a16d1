import { count, text } from './html.ts';

/** A bar of a histogram. */
export interface Bar {
  readonly label: string;
  readonly value: number;
}

const [width, height, foot] = [560, 150, 22];

/** Draws a histogram with a number on each bar; `title` is its accessible description. */
export function histogram(title: string, bars: readonly Bar[]): string {
  const tallest = Math.max(1, ...bars.map(({ value }) => value));
  const step = width / bars.length;
  const drawn = bars.map(({ label, value }, i) => {
    const size = value === 0 ? 0 : Math.max(1, (value / tallest) * (height - 18));
    const [x, top] = [i * step, height - size];
    return [
      `<rect x="${(x + 2).toFixed(1)}" y="${top.toFixed(1)}" width="${(step - 4).toFixed(1)}" height="${size.toFixed(1)}"/>`,
      `<text x="${(x + step / 2).toFixed(1)}" y="${(top - 4).toFixed(1)}">${value === 0 ? '' : count(value)}</text>`,
      `<text class="axis" x="${(x + step / 2).toFixed(1)}" y="${height + 15}">${text(label)}</text>`,
    ].join('');
  });
  const said = bars.filter(({ value }) => value > 0).map(({ label, value }) => `${label}: ${count(value)}`);
  return svg(height + foot, `${title}. ${said.join(', ')}`, drawn.join(''));
}

/** A current value and the range of its forecast. */
export interface Range {
  readonly label: string;
  readonly now: number;
  readonly low: number;
  readonly expected: number;
  readonly high: number;
}

/**
 * Draws one range per row on a scale from 0 to `most`: a tick at `now`, a bar from `low` to `high`, a dot at
 * `expected`.
 */
export function ranges(title: string, rows: readonly Range[], most: number): string {
  const [left, line] = [110, 30];
  const at = (value: number): string => (left + (value / Math.max(1, most)) * (width - left - 10)).toFixed(1);
  const drawn = rows.map(({ label, now, low, expected, high }, i) => {
    const y = i * line + line / 2;
    return [
      `<text class="name" x="${left - 8}" y="${y + 4}">${text(label)}</text>`,
      `<line class="track" x1="${left}" x2="${width - 10}" y1="${y}" y2="${y}"/>`,
      `<line class="span" x1="${at(low)}" x2="${at(high)}" y1="${y}" y2="${y}"/>`,
      `<circle cx="${at(expected)}" cy="${y}" r="5"/>`,
      `<line class="now" x1="${at(now)}" x2="${at(now)}" y1="${y - 9}" y2="${y + 9}"/>`,
    ].join('');
  });
  const said = rows.map(
    ({ label, now, low, high }) => `${label}: ${count(now)} now, ${count(low)} to ${count(high)}`,
  );
  return svg(rows.length * line, `${title}. ${said.join('; ')}`, drawn.join(''));
}

const svg = (tall: number, label: string, inner: string): string =>
  `<svg viewBox="0 0 ${width} ${tall}" role="img" aria-label="${text(label)}">${inner}</svg>`;
