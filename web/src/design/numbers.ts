import type { MetricUnit } from '../../../src/runs/metrics/metric-catalogue.ts';
import { wilsonInterval } from '../../../src/statistics/intervals.ts';

/** A number short enough for a tile or an axis: three significant digits, thousands shortened, a true minus. */
export function short(value: number): string {
  return value < 0 ? `\u2212${shortSize(-value)}` : shortSize(value);
}

function shortSize(size: number): string {
  if (size >= 1e6) return `${Number((size / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((size / 1e3).toPrecision(3))}k`;
  if (size !== 0 && size < 1e-3) return size.toExponential(1).replace('-', '\u2212');
  return String(Number(size.toPrecision(3)));
}

/** A share in [0, 1] as a percentage. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}

/** Change with its sign, a true minus. */
export function signed(by: number, format: (value: number) => string): string {
  return `${by < 0 ? '\u2212' : '+'}${format(Math.abs(by))}`;
}

/** A rate, never without its interval. */
export function rate(successes: number, trials: number): string {
  if (trials === 0) return 'no trials';
  const { low, high } = wilsonInterval(successes, trials);
  return `${percent(successes / trials)} [${Math.round(100 * low)}\u2013${Math.round(100 * high)}]`;
}

/** Seconds as a person says them: `40 s`, `12 min`, `3 h 20 min`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${short(seconds)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How values of a unit are written; what is no share is written short, its unit stands beside the name. */
export function formatOf(unit: MetricUnit): (value: number) => string {
  if (unit === 'share') return percent;
  return unit === 'seconds' ? duration : short;
}

/** A count with thousands apart. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** How a value has changed: shares in points, other things in themselves. */
export function change(first: number, last: number, unit: MetricUnit): string {
  if (unit === 'share') return `${signed(100 * (last - first), short)} points`;
  return signed(last - first, formatOf(unit));
}

/** When, to the minute, in UTC. */
export function moment(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
