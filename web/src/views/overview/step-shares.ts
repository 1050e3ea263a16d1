import type { MetricSeriesByName } from '../../../../src/services/dashboard/views/metric-series.ts';
import type { StepShares } from '../../charts/step-bar.tsx';

/**
 * What the groups of each step amounted to. Of long runs the server keeps other steps of one metric than of another: the
 * last value known before stands in, and the two never add up to more than all.
 */
export function sharesOf(metrics: MetricSeriesByName): StepShares[] {
  const none = metrics['group/unsolved'] ?? { steps: [], values: [] };
  const all = metrics['group/solved'] ?? { steps: [], values: [] };
  let at = 0;
  return none.steps.map((step, index) => {
    while (at + 1 < all.steps.length && all.steps[at + 1]! <= step) at++;
    const share = none.values[index]!;
    return { step, none: share, all: Math.min(all.values[at] ?? 0, 1 - share) };
  });
}
