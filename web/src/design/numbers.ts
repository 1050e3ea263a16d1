import { wilsonInterval } from '../../../src/core/statistics-intervals.ts';

/** A number short enough for a tile or an axis: three significant digits, thousands shortened. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  if (size !== 0 && size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** A share in [0, 1] as a percentage. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}

/** Change with its sign, a true minus. */
export function signed(change: number, format: (value: number) => string): string {
  return `${change < 0 ? '\u2212' : '+'}${format(Math.abs(change))}`;
}

/** A rate, never without its interval. */
export function rate(successes: number, trials: number): string {
  if (trials === 0) return 'no trials';
  const { low, high } = wilsonInterval(successes, trials);
  return `${percent(successes / trials)} [${Math.round(100 * low)}\u2013${Math.round(100 * high)}]`;
}
