import { describeMetric } from '../../../../src/runs/metrics/metric-catalogue.ts';
import type { MetricSeriesByName } from '../../../../src/services/dashboard/views/metric-series.ts';
import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import { Sparkline } from '../../charts/sparkline.tsx';
import { change, formatOf, percent, short } from '../../design/numbers.ts';
import { Tile } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { sharesOf } from './step-shares.ts';

/** Metrics of the overview. */
export const tileMetrics = [
  'reward/mean',
  'group/unsolved',
  'group/solved',
  'rollout/length/mean',
  'rollout/truncated',
  'policy/entropy',
  'throughput/sampledTokensPerSecond',
  'group/signalLost',
  'staging/worth',
  'staging/worth/low',
  'staging/worth/high',
  'staging/liveUniform',
  'sft/loss',
  'sft/heldOutLoss',
  'distil/kl',
];
const shown = ['reward/mean', 'rollout/length/mean', 'policy/entropy', 'throughput/sampledTokensPerSecond'];
/** Metrics of stages that imitate or distil, shown if they were measured. */
const shownIfMeasured = ['sft/loss', 'sft/heldOutLoss', 'distil/kl'];

/** Key figures, each with its change since it was first measured. */
export function Tiles({ run, metrics }: { readonly run: RunDetail; readonly metrics: MetricSeriesByName }) {
  return (
    <div className={styles.tiles}>
      <AccuracyTile run={run} />
      <SignalTile metrics={metrics} />
      {[...shownIfMeasured.filter((name) => isMeasured(metrics[name])), ...shown].map((name) => (
        <MetricTile key={name} name={name} metrics={metrics} />
      ))}
      <WorthTile metrics={metrics} />
    </div>
  );
}

/** Returns whether a metric has a value. */
export const isMeasured = (series: MetricSeriesByName[string] | undefined): boolean =>
  series !== undefined && series.values.length > 0;

function AccuracyTile({ run: { head, evaluations } }: { readonly run: RunDetail }) {
  if (head.accuracy === null) return null;
  const { suite, first, last } = head.accuracy;
  const measured = evaluations.filter(({ name }) => name === suite).map(({ accuracy }) => accuracy.mean);
  const range = `${Math.round(100 * last.low)}–${Math.round(100 * last.high)} %`;
  return (
    <Tile
      name={`Accuracy, ${suite}`}
      value={percent(last.mean)}
      note={`${range}; ${change(first.mean, last.mean, 'share')}`}
    >
      <Sparkline values={measured} />
    </Tile>
  );
}

/** The share of mixed groups, the only groups with a learning signal. */
function SignalTile({ metrics }: { readonly metrics: MetricSeriesByName }) {
  const shares = sharesOf(metrics);
  const mixed = shares.map(({ none, all }) => 1 - none - all);
  const [now, last] = [shares.at(-1), mixed.at(-1)];
  if (now === undefined || last === undefined) return null;
  const note = `none solved ${percent(now.none)}, all ${percent(now.all)}; ${change(mixed[0]!, last, 'share')}`;
  return (
    <Tile name="Mixed groups" value={percent(last)} note={note}>
      <Sparkline values={mixed} />
    </Tile>
  );
}

/** The factor by which selection needs fewer rollouts than uniform draws, shown after 20 steps of a
 * stage. */
function WorthTile({ metrics }: { readonly metrics: MetricSeriesByName }) {
  const last = (name: string): number | undefined => metrics[name]?.values.at(-1);
  const [worth, low, live] = [last('staging/worth'), last('staging/worth/low'), last('staging/liveUniform')];
  if (worth === undefined) return null;
  const high = last('staging/worth/high');
  const range = low === undefined || high === undefined ? '' : `${low.toFixed(1)}–${high.toFixed(1)} ×; `;
  const note = `${range}${percent(live ?? 0)} of groups live under uniform draws`;
  return <Tile name="Worth of staging" value={`${worth.toFixed(1)} ×`} note={note} />;
}

function MetricTile({ name, metrics }: { readonly name: string; readonly metrics: MetricSeriesByName }) {
  const { title, unit } = describeMetric(name)!;
  const values = metrics[name]?.values ?? [];
  const [first, last] = [values[0], values.at(-1)];
  // Omit a value that never changed, because it does not show progress; the metrics page shows it.
  const isConstant = values.length > 1 && values.every((value) => value === first);
  if (first === undefined || last === undefined || isConstant) return null;
  const label = unit === 'tokens' || unit === 'nats' ? `${title}, ${unit}` : title;
  const format = unit === 'share' ? formatOf(unit) : short;
  return (
    <Tile name={label} value={format(last)} note={`${change(first, last, unit)} since start`}>
      <Sparkline values={values} />
    </Tile>
  );
}
