import { judgedRollouts, type ScoredGroup } from '../../algorithms/scored-group.ts';
import type { Starts } from '../../curriculum/starts/starts.ts';
import { mean } from '../../statistics/summary.ts';

/** Returns metrics of groups, by the kind of their start; an empty object if all attempts begin at the prompt. */
export function startMetrics(
  groups: readonly ScoredGroup[],
  starts: Starts | undefined,
): Record<string, number> {
  if (starts === undefined) return {};
  const metrics = Object.fromEntries(
    Object.entries(starts.metrics())
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value]) => [`start/${name}`, value]),
  );
  const judged = groups.filter((group) => judgedRollouts(group).length > 0);
  for (const [kind, some] of Map.groupBy(judged, ({ start }) => start?.kind ?? 'prompt')) {
    const rewards = some.flatMap((group) => judgedRollouts(group).map(({ reward }) => reward));
    metrics[`start/${kind}/groups`] = some.length;
    metrics[`start/${kind}/reward`] = mean(rewards);
    metrics[`start/${kind}/zeroAdvantage`] = mean(some.map(({ isZeroAdvantage }) => Number(isZeroAdvantage)));
  }
  return metrics;
}
