import type { MetricUnit } from '../../../src/runs/metrics/metric-description.ts';
import { wilsonInterval } from '../../../src/statistics/intervals.ts';

/** Formats a number for a tile or an axis: three significant digits, `k` and `M`, the minus sign U+2212. */
export function short(value: number): string {
  return value < 0 ? `\u2212${shortSize(-value)}` : shortSize(value);
}

function shortSize(size: number): string {
  if (size >= 1e6) return `${Number((size / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((size / 1e3).toPrecision(3))}k`;
  if (size !== 0 && size < 1e-3) return size.toExponential(1).replace('-', '\u2212');
  return String(Number(size.toPrecision(3)));
}

/** Formats a share in [0, 1] as a percentage. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}

/** Formats a change with its sign. */
export function signed(by: number, format: (value: number) => string): string {
  return `${by < 0 ? '\u2212' : '+'}${format(Math.abs(by))}`;
}

/** Formats a rate with its 95 % interval. */
export function rate(successes: number, trials: number): string {
  if (trials === 0) return 'no trials';
  const { low, high } = wilsonInterval(successes, trials);
  return `${percent(successes / trials)} [${Math.round(100 * low)}\u2013${Math.round(100 * high)}]`;
}

/** Formats seconds: `40 s`, `12 min`, `3 h 20 min`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${short(seconds)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Returns the formatter of a unit. Values other than shares and seconds have their unit in the label. */
export function formatOf(unit: MetricUnit): (value: number) => string {
  if (unit === 'share') return percent;
  return unit === 'seconds' ? duration : short;
}

/** Formats a count with thousands separators. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** Formats the change of a value; shares change in percentage points. */
export function change(first: number, last: number, unit: MetricUnit): string {
  if (unit === 'share') return `${signed(100 * (last - first), short)} points`;
  return signed(last - first, formatOf(unit));
}

/** Formats a time to the minute, in UTC. */
export function moment(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
