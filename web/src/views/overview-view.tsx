import { LineChart } from '../charts/line-chart.tsx';
import { SharedCursor } from '../charts/cursor.tsx';
import { useData } from '../data/use-data.ts';
import type { ProblemRow } from '../../../src/server/views/problems.ts';
import { percent, rate, short, signed } from '../design/numbers.ts';
import { InertLine } from '../design/inert-text.tsx';
import { Badge, Card, Empty, Tile } from '../design/parts.tsx';
import styles from '../design/parts.module.css';
import { Link } from '../router.tsx';

const tiles = [
  ['Reward', 'reward/mean', short],
  ['Solve none', 'group/unsolved', percent],
  ['Solve all', 'group/solved', percent],
  ['Length, tokens', 'rollout/length/mean', short],
  ['Tokens per second', 'throughput/sampledTokensPerSecond', short],
  ['Entropy, nats', 'policy/entropy', short],
] as const;

/** Where the run stands, and the way to what went worst. */
export function OverviewView({ folder }: { readonly folder: string }) {
  const { data: run, error } = useData(['run', folder], (source) => source.run(folder));
  const { data: reward } = useData(['run', folder, 'metric', 'reward/mean'], (source) =>
    source.metrics(folder, ['reward/mean']),
  );
  const stage = run?.head.stage ?? '';
  const { data: worst } = useData(['run', folder, 'worst', stage], (source) =>
    source.problems(folder, { stage: [stage], purpose: ['train'], limit: 6 }),
  );
  if (error !== null) return <Empty>{error.message}</Empty>;
  if (run === undefined) return <p>Reading {folder}…</p>;
  const evaluations = run.evaluations.filter(({ name }) => name === run.evaluations[0]?.name);
  const [first, last] = [evaluations[0], evaluations.at(-1)];
  return (
    <div className={styles.stack}>
      <div className={styles.row}>
        <h1>{folder}</h1>
        <Badge word={run.head.status} />
        <span className={styles.soft}>
          step {run.head.step}, stage {run.stages.length}: {run.head.stage ?? 'none yet'}
          {run.head.reason === null ? '' : `; ${run.head.reason}`}
        </span>
      </div>
      <div className={styles.tiles}>
        {first !== undefined && last !== undefined && (
          <Tile
            name={`Accuracy, ${last.name}`}
            value={percent(last.accuracy.mean)}
            note={`${percent(last.accuracy.low)}–${percent(last.accuracy.high)}; ${signed(100 * (last.accuracy.mean - first.accuracy.mean), short)} points since step ${first.step}`}
          />
        )}
        {tiles.map(([name, metric, format]) => (
          <MetricTile key={metric} {...{ folder, name, metric, format }} />
        ))}
      </div>
      <SharedCursor>
        <Card title="Reward" note={<code>reward/mean</code>}>
          <LineChart
            title="Reward"
            series={[{ name: 'mean of the batch', steps: [], values: [], ...reward?.['reward/mean'] }]}
            stages={run.stages}
            lastStep={run.head.step}
          />
        </Card>
      </SharedCursor>
      <Card title="Hardest problems of the last stage" note="fewest correct of all trained on in that stage">
        <Worst folder={folder} problems={worst?.rows ?? []} />
      </Card>
      <Card title="What happened" note={`${run.events.length} events, last first`}>
        <table>
          <tbody>
            {run.events
              .slice(-12)
              .toReversed()
              .map((event, index) => (
                <tr key={index}>
                  <td>step {event.step}</td>
                  <td>
                    <InertLine text={event.message} max={300} />
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      </Card>
    </div>
  );
}

function MetricTile(props: {
  readonly folder: string;
  readonly name: string;
  readonly metric: string;
  readonly format: (value: number) => string;
}) {
  const { folder, name, metric, format } = props;
  const { data } = useData(['run', folder, 'metric', metric], (source) => source.metrics(folder, [metric]));
  const values = data?.[metric]?.values ?? [];
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || last === undefined) return <Tile name={name} value="–" note="not measured" />;
  return (
    <Tile
      name={name}
      value={format(last)}
      note={`${format === percent ? `${signed(100 * (last - first), short)} points` : signed(last - first, format)} since the first step`}
    />
  );
}

function Worst(props: { readonly folder: string; readonly problems: readonly ProblemRow[] }) {
  const { folder, problems: worst } = props;
  if (worst.length === 0) return <Empty>No group of this stage was recorded yet.</Empty>;
  return (
    <div className={styles.scroll}>
      <table>
        <tbody>
          {worst.map((problem) => (
            <tr key={problem.problemId}>
              <td>
                <Link to={['runs', folder, 'group', String(problem.lastGroup)]}>
                  <InertLine text={problem.problemId} max={60} />
                </Link>
              </td>
              <td>step {problem.lastStep}</td>
              <td>{rate(problem.correct, problem.trials)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
