import * as z from 'zod';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import type { MetricSeries } from '../../../runs/reading/run-rows.ts';

/** A metric over steps; the entries i of both arrays form one point. */
export interface Series {
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** `GET /api/runs/:run/metrics?name=reward/mean&name=…`. */
export const metricsQuery = z.strictObject({
  name: z.array(z.string()).min(1).max(200),
  /** First step; default: the beginning of the run. */
  from: z.coerce.number<number>().int().min(0).optional(),
  /** Last step; default: the end of the run. */
  to: z.coerce.number<number>().int().min(0).optional(),
  /** Maximum number of points per metric; longer series are reduced to the minimum and maximum of each stretch. */
  points: z.coerce.number<number>().int().min(2).max(4000).default(1000),
});

/** Series by metric name; an unknown name has empty arrays. */
export type MetricSeriesByName = Readonly<Record<string, Series>>;

/** Returns several metrics, downsampled by `thin`. */
export function metricsView(run: RunReader, query: z.output<typeof metricsQuery>): MetricSeriesByName {
  const { name: names, from = 0, to = Number.MAX_SAFE_INTEGER, points } = query;
  return Object.fromEntries(names.map((name) => [name, thin(run.metric(name, { from, to }), points)]));
}

/** Downsamples a series to the minimum and maximum of each stretch, and the last value, so that no peak is lost. */
export function thin({ steps, values }: MetricSeries, points: number): Series {
  const count = steps.length;
  if (count <= points) return { steps: [...steps], values: [...values] };
  const stretches = Math.max(1, Math.floor((points - 1) / 2));
  const kept: number[] = [];
  for (let stretch = 0; stretch < stretches; stretch++) {
    const start = Math.floor((stretch * count) / stretches);
    const end = Math.floor(((stretch + 1) * count) / stretches);
    let [least, greatest] = [start, start];
    for (let at = start; at < end; at++) {
      if (values[at]! < values[least]!) least = at;
      if (values[at]! > values[greatest]!) greatest = at;
    }
    kept.push(Math.min(least, greatest), Math.max(least, greatest));
  }
  const order = [...new Set([...kept, count - 1])];
  return { steps: order.map((at) => steps[at]!), values: order.map((at) => values[at]!) };
}
