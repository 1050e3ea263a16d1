import { useState } from 'react';
import type {
  PairedDifference,
  SuiteComparison,
} from '../../../../src/services/dashboard/views/comparison.ts';
import { LineChart } from '../../charts/line-chart.tsx';
import { SharedSteps, type StepRange } from '../../charts/step-axis.tsx';
import { useData, useRun } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { percent } from '../../design/numbers.ts';
import { Card, Empty, Table, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { Link } from '../../router.tsx';
import { accuracySeries } from '../overview/accuracy-series.ts';
import { changeOf, RecipeCard, Whisker, widest } from './compare-parts.tsx';

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
        <div className={styles.row}>
          <Link to={['compare']} query={{ run: [before, after], axis: 'tokens' }}>
            Over rollouts, tokens or time
          </Link>
          <Link to={['compare']} query={{ before: after, after: before }}>
            Swap
          </Link>
        </div>
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
      <RecipeCard {...{ before, after }} differences={data.recipe} />
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
  const most = widest(rows.map(([, { difference }]) => difference));
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
            <td>{changeOf(one.difference)}</td>
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
