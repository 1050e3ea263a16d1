import { useState } from 'react';
import { scaleLinear } from 'd3-scale';
import type { RecipeDifference } from '../../../../src/runs/reading/recipe-differences.ts';
import type {
  PairedDifference,
  SuiteComparison,
} from '../../../../src/services/dashboard/views/comparison.ts';
import { LineChart } from '../../charts/line-chart.tsx';
import { SharedSteps, type StepRange } from '../../charts/step-axis.tsx';
import { useData, useRun } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { percent, short, signed } from '../../design/numbers.ts';
import { Card, Empty, Table, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { Link } from '../../router.tsx';
import { accuracySeries } from '../overview/accuracy-series.ts';
import own from './runs.module.css';

/** Compares two runs: recipes, and accuracies with paired intervals. */
export function CompareView({ before, after }: { readonly before: string; readonly after: string }) {
  const { data, error } = useData(['compare', before, after], (source) => source.compare(before, after));
  if (data === undefined) return <Waiting error={error} what="the comparison" />;
  return (
    <div className={styles.stack}>
      <div className={styles.spread}>
        <h1>
          <Link to={['runs', before, 'overview']}>{before}</Link> →{' '}
          <Link to={['runs', after, 'overview']}>{after}</Link>
        </h1>
        <Link to={['compare']} query={{ before: after, after: before }}>
          Swap
        </Link>
      </div>
      {data.note !== null && (
        <Empty>
          <InertLine text={data.note} max={400} />
        </Empty>
      )}
      {data.suites.map((suite) => (
        <Suite key={suite.suite} suite={suite} />
      ))}
      <Courses before={before} after={after} />
      <Card title="Recipe differences" note={`${data.recipe.length} fields`}>
        {data.recipe.length === 0 ? (
          <Empty>The recipes are equal. The list of runs shows the seeds.</Empty>
        ) : (
          <Recipe {...{ before, after }} differences={data.recipe} />
        )}
      </Card>
    </div>
  );
}

/** Reward and accuracy of both runs over the same steps. */
function Courses({ before, after }: { readonly before: string; readonly after: string }) {
  const [range, zoom] = useState<StepRange | null>(null);
  const runs = [useRun(before).data, useRun(after).data];
  const rewards = [useReward(before), useReward(after)];
  const last = Math.max(1, ...runs.map((run) => run?.head.step ?? 1));
  const accuracy = runs.flatMap((run) =>
    run === undefined ? [] : accuracySeries(run, `${run.head.folder}, `),
  );
  const reward = rewards.map((series, index) => ({
    name: [before, after][index]!,
    steps: [],
    values: [],
    ...series,
  }));
  return (
    <SharedSteps range={range ?? { from: 0, to: last }} stages={noStages} isSmooth zoom={zoom}>
      <div className={styles.columns}>
        <Card title="Reward" note="smoothed; the runs may train on different problems">
          <LineChart title="Reward" series={reward} />
        </Card>
        {accuracy.length > 0 && (
          <Card title="Held-out accuracy" note="95 % intervals over problems">
            <LineChart title="Held-out accuracy" series={accuracy} format={percent} isSparse />
          </Card>
        )}
      </div>
    </SharedSteps>
  );
}

const noStages: readonly never[] = [];

function useReward(folder: string) {
  const name = 'reward/mean';
  return useData(['run', folder, 'metrics', name], (source) => source.metrics(folder, [name])).data?.[name];
}

function Suite({ suite }: { readonly suite: SuiteComparison }) {
  const parts = Object.entries(suite.byDomain);
  const rows: (readonly [string, PairedDifference])[] = [
    ['all', suite.overall],
    ...(parts.length > 1 ? parts : []),
  ];
  const most = Math.max(
    0.02,
    ...rows.flatMap(([, { difference }]) => [Math.abs(difference.low), Math.abs(difference.high)]),
  );
  return (
    <Card
      title={`Accuracy, ${suite.suite}`}
      note={`at steps ${suite.steps[0]} and ${suite.steps[1]}; paired by problem; 95 % intervals`}
    >
      {suite.warnings.map((warning) => (
        <p key={warning} className={styles.noteWarn}>
          Warning: {warning}
        </p>
      ))}
      <Table
        name={`Accuracy, ${suite.suite}`}
        columns={['Problems', 'Before', 'After', 'Change, points', 'Greedy', '95 % interval']}
      >
        {rows.map(([name, one]) => (
          <tr key={name}>
            <th scope="row">
              {name}, {one.problems}
            </th>
            <td>{percent(one.before)}</td>
            <td>{percent(one.after)}</td>
            <td>{changeOf(one)}</td>
            <td>
              {one.greedyBefore === undefined || one.greedyAfter === undefined
                ? '–'
                : `${percent(one.greedyBefore)} → ${percent(one.greedyAfter)}`}
            </td>
            <td>
              <Whisker difference={one.difference} most={most} />
            </td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}

function changeOf({ difference: { mean, low, high } }: PairedDifference): string {
  const points = (share: number): string => signed(100 * share, short);
  const isSignificant = low > 0 || high < 0;
  return `${points(mean)} [${points(low)} … ${points(high)}]${isSignificant ? '' : ', not significant'}`;
}

/** A change and its interval on an axis centred at 0. */
function Whisker(props: { readonly difference: PairedDifference['difference']; readonly most: number }) {
  const { mean, low, high } = props.difference;
  const x = scaleLinear([-props.most, props.most], [4, 196]);
  return (
    <svg className={own.bar} viewBox="0 0 200 20" aria-hidden="true">
      <line x1={x(0)} x2={x(0)} y1={0} y2={20} />
      <line className={own.interval} x1={x(low)} x2={x(high)} y1={10} y2={10} />
      <circle cx={x(mean)} cy={10} r={3.5} />
    </svg>
  );
}

function Recipe(props: {
  readonly before: string;
  readonly after: string;
  readonly differences: readonly RecipeDifference[];
}) {
  return (
    <Table name="Recipe differences" columns={['Field', props.before, props.after]}>
      {props.differences.map(({ path, before, after }) => (
        <tr key={path}>
          <td>
            <code>
              <InertLine text={path} max={200} />
            </code>
          </td>
          <td className={own.values}>{fieldValue(before)}</td>
          <td className={own.values}>{fieldValue(after)}</td>
        </tr>
      ))}
    </Table>
  );
}

function fieldValue(value: unknown) {
  if (value === undefined) return <span className={styles.soft}>absent</span>;
  return <InertLine text={typeof value === 'string' ? value : JSON.stringify(value)} max={400} />;
}
