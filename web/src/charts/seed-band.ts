import { tInterval } from '../../../src/statistics/intervals.ts';
import type { Line, NamedSeries } from './line-chart.tsx';

/**
 * Summarises one line per seed: the mean at the steps that all lines have, with its 95 % t-interval for three seeds or
 * more. With two seeds, the interval is too wide to draw.
 *
 * @param bounds minimum and maximum of the quantity, to which intervals are clipped.
 */
export function seedBand(
  name: string,
  parts: readonly Line[],
  bounds: readonly [least: number, greatest: number] = [-Infinity, Infinity],
): NamedSeries {
  const byStep = parts.map(
    ({ steps, values }) => new Map(steps.map((step, index) => [step, values[index]!])),
  );
  const steps = (parts[0]?.steps ?? []).filter((step) => byStep.every((values) => values.has(step)));
  const estimates = steps.map((step) => tInterval(byStep.map((values) => values.get(step)!)));
  const clip = (value: number): number => Math.max(bounds[0], Math.min(bounds[1], value));
  return {
    name,
    steps,
    values: estimates.map(({ mean }) => mean),
    ...(parts.length > 2 && {
      low: estimates.map(({ low }) => clip(low)),
      high: estimates.map(({ high }) => clip(high)),
    }),
    parts,
  };
}
