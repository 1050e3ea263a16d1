import type { Estimate } from '../../../statistics/intervals.ts';
import type { ProgressBrake } from './brake.ts';
import type { Cells } from '../cells.ts';

/** Maximum number of sources with separate metrics. */
const mostSources = 24;

/**
 * Returns each source's share of the selected draws. Sums in the order of the pool, so that the result does
 * not depend on the history.
 */
export function sharesOfSources(
  classOf: Uint32Array,
  weights: Float64Array,
  { cellOf, sourceOf, sources }: Cells,
): Float64Array {
  const sums = new Float64Array(sources.length);
  let total = 0;
  for (let problem = 0; problem < classOf.length; problem++) {
    const weight = weights[classOf[problem]!]!;
    sums[sourceOf[cellOf[problem]!]!]! += weight;
    total += weight;
  }
  return sums.map((value) => value / total);
}

/** Returns an estimate and the ends of its interval as metrics; no metrics for undefined. */
export function estimateMetrics(name: string, value: Estimate | undefined): Record<string, number> {
  if (value === undefined) return {};
  return { [name]: value.mean, [`${name}/low`]: value.low, [`${name}/high`]: value.high };
}

/**
 * Returns the brake and share of each source, if there are few sources, and the mean brake of the selected
 * draws.
 */
export function sourceMetrics(
  sources: readonly string[],
  brake: ProgressBrake,
  shares: Float64Array,
): Record<string, number> {
  const factors = sources.map((_, source) => brake.factor(source));
  const perSource = sources
    .slice(0, sources.length > mostSources ? 0 : mostSources)
    .flatMap((name, source) => [
      [`brake/${name}`, factors[source]!] as const,
      [`share/${name}`, shares[source]!] as const,
    ]);
  const mean = factors.reduce((sum, factor, source) => sum + factor * shares[source]!, 0);
  return { brake: mean, ...Object.fromEntries(perSource) };
}
