import { useState } from 'react';
import type {
  SeedsDifference,
  SeedsView as Data,
  SpeedIn,
  SuiteSeeds,
} from '../../../../src/services/dashboard/views/seeds.ts';
import { LineChart } from '../../charts/line-chart.tsx';
import { seedBand } from '../../charts/seed-band.ts';
import { SharedSteps, type StepRange } from '../../charts/step-axis.tsx';
import { useData } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { count, percent, short } from '../../design/numbers.ts';
import { Card, Empty, Table, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { Link } from '../../router.tsx';
import { changeOf, RecipeCard, Whisker, widest } from './compare-parts.tsx';

/** Run folders of the baseline and the other side. */
interface Sides {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Compares two recipes, each with several runs that differ only in their seeds. */
export function SeedsView({ before, after }: Sides) {
  const { data, error } = useData(['compare', 'seeds', before, after], (source) =>
    source.compareSeeds(before, after),
  );
  if (data === undefined) return <Waiting error={error} what="the comparison" />;
  const { comparison, note } = data;
  return (
    <div className={styles.stack}>
      <div className={styles.spread}>
        <h1>
          {nameOf(before)} → {nameOf(after)}
        </h1>
        <div className={styles.row}>
          <Link to={['compare']} query={{ run: [...before, ...after], axis: 'tokens' }}>
            Over rollouts, tokens or time
          </Link>
          <Link to={['compare']} query={{ before: after, after: before }}>
            Swap
          </Link>
        </div>
      </div>
      <Folders name="Before" folders={before} />
      <Folders name="After" folders={after} />
      {note !== null && (
        <Empty>
          <InertLine text={note} max={600} />
        </Empty>
      )}
      <Warnings of={comparison?.warnings ?? []} />
      {comparison?.suites.map((suite) => (
        <Suite key={suite.suite} suite={suite} seeds={comparison.seeds} />
      ))}
      <Courses data={data} />
      {comparison !== null && (
        <RecipeCard before={nameOf(before)} after={nameOf(after)} differences={comparison.recipe} />
      )}
    </div>
  );
}

/** Names a side after its first run, without the run's number: `demo, 5 runs`. */
const nameOf = (folders: readonly string[]): string =>
  `${folders[0]!.replace(/-\d{4,}$/u, '')}, ${folders.length} runs`;

function Folders({ name, folders }: { readonly name: string; readonly folders: readonly string[] }) {
  return (
    <p>
      {name}:{' '}
      {folders.map((folder, index) => (
        <span key={folder}>
          {index > 0 && ', '}
          <Link to={['runs', folder, 'overview']}>{folder}</Link>
        </span>
      ))}
    </p>
  );
}

function Warnings({ of }: { readonly of: readonly string[] }) {
  return of.map((warning) => (
    <p key={warning} className={styles.noteWarn}>
      Warning: <InertLine text={warning} max={300} />
    </p>
  ));
}

function Suite({ suite, seeds }: { readonly suite: SuiteSeeds; readonly seeds: readonly number[] }) {
  const parts = Object.entries(suite.byDomain);
  const rows: (readonly [string, SeedsDifference])[] = [
    ['all', suite.overall],
    ...(parts.length > 1 ? parts : []),
  ];
  const most = widest(rows.map(([, { difference }]) => difference));
  const title = `Accuracy, ${suite.suite}`;
  return (
    <Card title={title} note={`seeds ${seeds.join(', ')}; paired by seed; 95 % t-intervals over seeds`}>
      <Warnings of={suite.warnings} />
      <Table
        name={title}
        columns={['Problems', 'Before', 'After', 'Change, points', 'Detectable, points', '95 % interval']}
      >
        {rows.map(([name, one]) => (
          <tr key={name}>
            <th scope="row">
              {name}, {one.problems}
            </th>
            <td className={styles.nowrap}>{withInterval(one.before)}</td>
            <td className={styles.nowrap}>{withInterval(one.after)}</td>
            <td>{changeOf(one.difference)}</td>
            <td>{short(100 * one.detectable)}</td>
            <td>
              <Whisker difference={one.difference} most={most} />
            </td>
          </tr>
        ))}
      </Table>
      <p className={styles.small}>
        Detectable: the smallest true change that this comparison finds with 80 % power.
      </p>
      <Speeds suite={suite.suite} rows={rows} />
    </Card>
  );
}

/** Formats an accuracy in percent with its interval, with one decimal like the changes beside it. */
function withInterval({ mean, low, high }: SeedsDifference['before']): string {
  const [centre, ...ends] = [mean, low, high].map((rate) => (100 * rate).toFixed(1));
  return `${centre} % [${ends.join(' … ')}]`;
}

/** Cost at which both sides reach the baseline's final accuracy. */
function Speeds(props: {
  readonly suite: string;
  readonly rows: readonly (readonly [string, SeedsDifference])[];
}) {
  const rows = props.rows.flatMap(([name, { speed }]) =>
    speed === undefined ? [] : [[name, speed] as const],
  );
  if (rows.length === 0) return null;
  return (
    <Table
      name={`Cost of the baseline’s final accuracy, ${props.suite}`}
      columns={['To the end of “before”', 'Seeds', 'Steps', 'Rollouts', 'Tokens']}
    >
      {rows.map(([name, { reached, seeds, steps, rollouts, tokens }]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td>
            {reached} of {seeds}
          </td>
          <td className={styles.nowrap}>{spent(steps)}</td>
          <td className={styles.nowrap}>{spent(rollouts)}</td>
          <td className={styles.nowrap}>{spent(tokens)}</td>
        </tr>
      ))}
    </Table>
  );
}

function spent({ before, after, ratio }: SpeedIn): string {
  const whole = (cost: number): string => count(Math.round(cost));
  if (after === null || ratio === null) return `${whole(before)} → never`;
  return `${whole(before)} → ${whole(after)} (${ratio.toFixed(2)} ×)`;
}

/** Reward and accuracy of all seeds over the same steps, as thin lines, with the mean of each side and its interval. */
function Courses({ data: { comparison, rewards } }: { readonly data: Data }) {
  const [range, zoom] = useState<StepRange | null>(null);
  const all = [...rewards.before, ...rewards.after];
  const last = Math.max(1, ...all.flatMap(({ steps }) => steps));
  const note = 'thin: single seeds; band: 95 % t-interval for three seeds or more';
  return (
    <SharedSteps range={range ?? { from: 0, to: last }} stages={noStages} isSmooth={false} zoom={zoom}>
      <div className={styles.columns}>
        {comparison?.suites.map(({ suite, curves }) => (
          <Card key={suite} title={`Held-out accuracy, ${suite}`} note={note}>
            <LineChart
              title={`Held-out accuracy, ${suite}`}
              series={bands(curves, [0, 1])}
              format={percent}
              isSparse
            />
          </Card>
        ))}
        <Card title="Reward" note={`${note}; the runs may train on different problems`}>
          <LineChart title="Reward" series={bands(rewards)} />
        </Card>
      </div>
    </SharedSteps>
  );
}

const noStages: readonly never[] = [];

const bands = ({ before, after }: Data['rewards'], bounds?: readonly [number, number]) => [
  seedBand('before', before, bounds),
  seedBand('after', after, bounds),
];
