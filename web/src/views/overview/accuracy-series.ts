import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import type { NamedSeries } from '../../charts/line-chart.tsx';

/** Returns held-out accuracy over steps with its intervals, one series per suite; `before` prefixes their names. */
export function accuracySeries({ evaluations }: RunDetail, before = ''): NamedSeries[] {
  return [...Map.groupBy(evaluations, ({ name }) => name)].map(([name, points]) => ({
    name: `${before}${name}`,
    steps: points.map(({ step }) => step),
    values: points.map(({ accuracy }) => accuracy.mean),
    low: points.map(({ accuracy }) => accuracy.low),
    high: points.map(({ accuracy }) => accuracy.high),
  }));
}
