import { useMemo } from 'react';
import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import type { MetricSeriesByName } from '../../../../src/services/dashboard/views/metric-series.ts';
import { LineChart } from '../../charts/line-chart.tsx';
import { SharedSteps } from '../../charts/step-axis.tsx';
import { StepBar } from '../../charts/step-bar.tsx';
import { useSharedSteps } from '../../charts/use-shared-steps.ts';
import { useData, useRun, useSource } from '../../data/use-data.ts';
import { moment, percent } from '../../design/numbers.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { Badge, Card, Empty, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { hrefOf, Link, useFilters } from '../../router.tsx';
import { accuracySeries } from './accuracy-series.ts';
import { RunAnnotations } from './annotations.tsx';
import { Alerts } from './alerts.tsx';
import { Outcome } from './outcome.tsx';
import { StageStrip } from './stage-strip.tsx';
import { sharesOf } from './step-shares.ts';
import { Tiles, tileMetrics, isMeasured } from './tiles.tsx';
import { WorstProblems } from './worst-problems.tsx';

/** Progress, alerts, key figures and the hardest problems of a run. */
export function OverviewView({ folder }: { readonly folder: string }) {
  const { data: run, error } = useRun(folder);
  const { data: metrics, error: metricsError } = useData(['run', folder, 'metrics', 'overview'], (source) =>
    source.metrics(folder, tileMetrics),
  );
  const omitted = useSource().omitted(folder);
  const [query] = useFilters();
  if (run === undefined || metrics === undefined)
    return <Waiting error={error ?? metricsError} what={folder} />;
  const stage = query.get('stage') ?? run.head.stage ?? '';
  return (
    <div className={styles.stack}>
      <Head run={run} />
      {omitted.map((part) => (
        <Empty key={part}>Not in this exported page: {part}.</Empty>
      ))}
      <Outcome folder={folder} run={run} />
      <StageStrip run={run} chosen={query.get('stage') ?? ''} />
      <Alerts folder={folder} alerts={run.alerts} />
      <Tiles run={run} metrics={metrics} />
      <Courses folder={folder} run={run} metrics={metrics} />
      <WorstProblems
        folder={folder}
        stage={stage}
        stages={run.stages.map((one) => one.stage)}
        step={run.head.step}
      />
      <Events folder={folder} run={run} />
    </div>
  );
}

function Head({ run: { head } }: { readonly run: RunDetail }) {
  const times = [
    `started ${moment(head.createdAt)}`,
    ...(head.endedAt === null ? [] : [`ended ${moment(head.endedAt)}`]),
    `recipe ${head.name}, seed ${head.seed}`,
  ];
  return (
    <div className={styles.row}>
      <h1>
        {head.annotations.title !== '' && (
          <>
            <InertLine text={head.annotations.title} max={100} />{' '}
          </>
        )}
        <bdi className={head.annotations.title === '' ? '' : styles.soft}>{head.folder}</bdi>
      </h1>
      <Badge word={head.status} />
      {head.reason !== null && <InertLine text={head.reason} max={200} />}
      <span className={styles.small}>{times.join(' · ')}</span>
      <RunAnnotations key={head.folder} folder={head.folder} annotations={head.annotations} />
    </div>
  );
}

/** Groups per step, reward and held-out accuracy over a shared axis. */
function Courses(props: {
  readonly folder: string;
  readonly run: RunDetail;
  readonly metrics: MetricSeriesByName;
}) {
  const { folder, run, metrics } = props;
  const [query] = useFilters();
  const steps = useSharedSteps(folder, run);
  const reward = metrics['reward/mean'];
  const lost = metrics['group/signalLost'];
  const distance = metrics['distil/kl'];
  const losses = [
    { name: 'trained on', series: metrics['sft/loss'] },
    { name: 'held out', series: metrics['sft/heldOutLoss'] },
  ].flatMap(({ name, series }) =>
    series === undefined || series.values.length === 0 ? [] : [{ name, ...series }],
  );
  return (
    <SharedSteps {...steps}>
      <Card
        title="Steps"
        note={
          query.has('from') || query.has('to') ? (
            <button type="button" onClick={() => steps.zoom(null)}>
              Show all steps
            </button>
          ) : (
            'click a step to open its groups; drag over a chart to zoom'
          )
        }
      >
        <StepBar
          steps={sharesOf(metrics)}
          hrefOf={(from, to) => hrefOf(['runs', folder, 'rollouts'], { from, to })}
        />
      </Card>
      <div className={styles.columns}>
        {(isMeasured(reward) || losses.length === 0) && (
          <Card title="Reward" note={<code>reward/mean</code>}>
            <LineChart title="Reward" series={reward === undefined ? [] : [{ name: 'mean', ...reward }]} />
          </Card>
        )}
        {losses.length > 0 && (
          <Card title="Loss on examples" note="nats per completion token">
            <LineChart title="Loss on examples" series={losses} />
          </Card>
        )}
        {isMeasured(distance) && (
          <Card title="Reverse KL to the teacher" note={<code>distil/kl</code>}>
            <LineChart
              title="Reverse KL to the teacher"
              series={[{ name: 'nats per token', ...distance! }]}
            />
          </Card>
        )}
        {lost !== undefined && lost.values.length > 0 && (
          <Card title="Signal left on the table" note={<code>group/signalLost</code>}>
            <LineChart
              title="Signal left on the table"
              series={[{ name: 'share of progress', ...lost }]}
              format={percent}
            />
          </Card>
        )}
        <Card title="Held-out accuracy" note="95 % intervals over problems">
          <Accuracy run={run} />
        </Card>
      </div>
    </SharedSteps>
  );
}

function Accuracy({ run }: { readonly run: RunDetail }) {
  const series = useMemo(() => accuracySeries(run), [run]);
  if (series.length === 0) return <Empty>No evaluations. Add suites under `evaluation` in the recipe.</Empty>;
  return <LineChart title="Held-out accuracy" series={series} format={percent} isSparse />;
}

function Events({ folder, run }: { readonly folder: string; readonly run: RunDetail }) {
  const last = run.events.slice(-8).toReversed();
  if (last.length === 0) return null;
  return (
    <Card title="Events" note={<Link to={['runs', folder, 'curriculum']}>all events</Link>}>
      <details>
        <summary>
          Last event, at step {last[0]!.step}: <InertLine text={last[0]!.message} max={160} />
        </summary>
        <table>
          <tbody>
            {last.map(({ id, step, message }) => (
              <tr key={id}>
                <td className={styles.nowrap}>step {step}</td>
                <td>
                  <InertLine text={message} max={300} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </Card>
  );
}
