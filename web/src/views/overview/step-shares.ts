import type { MetricSeriesByName } from '../../../../src/services/dashboard/views/metric-series.ts';
import type { StepShares } from '../../charts/step-bar.tsx';

/**
 * Returns the shares of each step's groups that none or all rollouts solved. For long runs, the server downsamples the
 * two metrics at different steps. A missing value is taken from the most recent earlier step, and capped so that the
 * shares add up to at most 1.
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
