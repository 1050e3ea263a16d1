import { useQueries } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { Share } from '../../../../src/services/dashboard/views/evaluations.ts';
import type { ProgressView } from '../../../../src/services/dashboard/views/progress.ts';
import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import type { Series } from '../../../../src/services/dashboard/views/metric-series.ts';
import { type Line, LineChart, type NamedSeries } from '../../charts/line-chart.tsx';
import { along, resample } from '../../charts/resample.ts';
import { seedBand } from '../../charts/seed-band.ts';
import { type AxisUnit, SharedSteps, type StepRange } from '../../charts/step-axis.tsx';
import type { DataSource } from '../../data/source.ts';
import { useSource } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { duration, percent, short } from '../../design/numbers.ts';
import { Card, Empty, Field, Table, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { visible } from '../../design/visible.ts';
import { Link, useFilters } from '../../router.tsx';
import { changeOf, Whisker, widest } from './compare-parts.tsx';

/** A run with all data that the page draws. */
interface Loaded {
  readonly detail: RunDetail;
  readonly progress: ProgressView;
  readonly reward: Series;
}

/** Runs of one recipe, or a single run if all runs have the same recipe. */
interface Side {
  /** Name without invisible characters, because a title may come from an untrusted source. */
  readonly name: string;
  readonly runs: readonly Loaded[];
}

const axes = ['steps', 'rollouts', 'tokens', 'time'] as const;
type Axis = (typeof axes)[number];
const units: Readonly<Record<Exclude<Axis, 'steps'>, AxisUnit>> = {
  rollouts: { name: 'rollouts', format: short },
  tokens: { name: 'tokens', format: short },
  time: { name: '', format: duration },
};

const rewardName = 'reward/mean';

/** Compares any number of runs, grouped by recipe, over steps, rollouts, tokens or time. */
export function ManyView({ folders }: { readonly folders: readonly string[] }) {
  const source = useSource();
  const loaded = useQueries({
    queries: folders.map((folder) => ({
      queryKey: ['run', folder, 'many'],
      queryFn: () => load(source, folder),
    })),
    combine: (results) => ({
      error: results.find(({ error }) => error !== null)?.error ?? null,
      runs: results.flatMap(({ data }) => data ?? []),
    }),
  });
  const { runs, error } = loaded;
  const sides = useMemo(() => sidesOf(runs), [runs]);
  if (runs.length < folders.length) return <Waiting error={error} what="the comparison" />;
  const recipes = new Set(runs.map(({ detail }) => detail.head.settingsHash)).size;
  return (
    <div className={styles.stack}>
      <h1>
        {folders.length} runs of {recipes === 1 ? '1 recipe' : `${recipes} recipes`}
      </h1>
      <Results sides={sides} />
      <Courses runs={runs} sides={sides} />
    </div>
  );
}

async function load(source: DataSource, folder: string): Promise<Loaded> {
  const [detail, progress, metrics] = await Promise.all([
    source.run(folder),
    source.progress(folder),
    source.metrics(folder, [rewardName]),
  ]);
  return { detail, progress, reward: metrics[rewardName] ?? { steps: [], values: [] } };
}

function sidesOf(runs: readonly Loaded[]): Side[] {
  const byRecipe = [...Map.groupBy(runs, ({ detail }) => detail.head.settingsHash).values()];
  if (byRecipe.length === 1)
    return runs.map((run) => ({ name: visible(run.detail.head.folder), runs: [run] }));
  const names = byRecipe.map(([first]) => first!.detail.head.folder.replace(/-\d{4,}$/u, ''));
  return byRecipe.map((side, at) => {
    // Recipes of the same name are distinguished by their first run.
    const isUnique = names.filter((name) => name === names[at]).length === 1;
    const { folder, annotations } = side[0]!.detail.head;
    const name = annotations.title !== '' ? annotations.title : isUnique ? names[at]! : folder;
    return { name: visible(name), runs: side };
  });
}

const foldersOf = ({ runs }: Side): string[] => runs.map(({ detail }) => detail.head.folder);

/** Final accuracy of each side, its difference from the first side, and the cost of its runs. */
function Results({ sides }: { readonly sides: readonly Side[] }) {
  const source = useSource();
  const [first, ...others] = sides;
  const differences = useQueries({
    queries: others.map((side) => {
      const [before, after] = [foldersOf(first!), foldersOf(side)];
      return {
        queryKey: ['compare', 'many', before, after],
        queryFn: () => differenceOf(source, before, after),
      };
    }),
    combine: (results) => results.map(({ data }) => data),
  });
  const found = differences.flatMap((one) => one?.difference ?? []);
  const most = widest(found);
  const suite = first?.runs[0]?.detail.head.accuracy?.suite;
  return (
    <Card
      title="Results"
      note={`${suite === undefined ? '' : `last accuracy on ${suite}; `}differences from the first row with 95 % intervals`}
    >
      <Table
        name="Results"
        columns={[
          'Recipe',
          'Runs',
          'Accuracy',
          'Rollouts',
          'Tokens',
          'Time',
          'Difference, points',
          '95 % interval',
        ]}
      >
        {sides.map((side, at) => (
          <tr key={side.name}>
            <th scope="row">
              <InertLine text={side.name} max={60} />
            </th>
            <td>
              {foldersOf(side).map((folder, number) => (
                <span key={folder}>
                  {number > 0 && ', '}
                  <Link to={['runs', folder, 'overview']} isRow>
                    <InertLine text={folder} max={60} />
                  </Link>
                </span>
              ))}
            </td>
            <td className={styles.nowrap}>{accuracyOf(side)}</td>
            <td>{meanSpent(side, ({ rollouts }) => rollouts, short)}</td>
            <td>{meanSpent(side, ({ tokens }) => tokens, short)}</td>
            <td className={styles.nowrap}>{meanSpent(side, ({ seconds }) => seconds, duration)}</td>
            {at === 0 ? (
              <td colSpan={2} className={styles.soft}>
                baseline
              </td>
            ) : (
              <Difference found={differences[at - 1]} most={most} />
            )}
          </tr>
        ))}
      </Table>
    </Card>
  );
}

interface Found {
  readonly difference: Share | null;
  readonly note: string | null;
}

function Difference({ found, most }: { readonly found: Found | undefined; readonly most: number }) {
  if (found?.difference == null) {
    return (
      <td colSpan={2} className={styles.soft}>
        {found === undefined ? 'loading…' : <InertLine text={found.note ?? 'no suite in common'} max={200} />}
      </td>
    );
  }
  return (
    <>
      <td>{changeOf(found.difference)}</td>
      <td>
        <Whisker difference={found.difference} most={most} />
      </td>
    </>
  );
}

/** Compares two sides: single runs are paired by problem, several runs by seed. */
async function differenceOf(
  source: DataSource,
  before: readonly string[],
  after: readonly string[],
): Promise<Found> {
  if (before.length === 1 && after.length === 1) {
    const { suites, note } = await source.compare(before[0]!, after[0]!);
    return { difference: suites[0]?.overall.difference ?? null, note };
  }
  const { comparison, note } = await source.compareSeeds(before, after);
  return { difference: comparison?.suites[0]?.overall.difference ?? null, note };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function accuracyOf({ runs }: Side): string {
  const last = runs.flatMap(({ detail }) => detail.head.accuracy?.last.mean ?? []);
  return last.length === 0 ? 'not measured' : percent(mean(last));
}

function meanSpent(
  { runs }: Side,
  read: (progress: ProgressView) => readonly number[] | null,
  format: (value: number) => string,
): string {
  const totals = runs.flatMap(({ progress }) => read(progress)?.at(-1) ?? []);
  return totals.length === 0 ? '–' : format(mean(totals));
}

/** Number of places at which the lines of several seeds are averaged. */
const places = 60;

function Courses({ runs, sides }: { readonly runs: readonly Loaded[]; readonly sides: readonly Side[] }) {
  const [query, set] = useFilters();
  const [range, zoom] = useState<StepRange | null>(null);
  const axis = axes.find((one) => one === query.get('axis')) ?? 'steps';
  const known = axes.filter((one) => runs.every(({ progress }) => spentOf(progress, one) !== null));
  const last = Math.max(1, ...runs.map(({ progress }) => spentOf(progress, axis)?.at(-1) ?? 0));
  const unit = axis === 'steps' ? {} : { unit: units[axis] };
  const suite = runs.flatMap(({ detail }) => detail.head.accuracy?.suite ?? [])[0];
  const lines = (read: (run: Loaded) => Line): NamedSeries[] =>
    sides.map((side) => {
      const drawn = side.runs.map((run) => {
        const { steps } = run.progress;
        return along(read(run), steps, spentOf(run.progress, axis) ?? steps);
      });
      if (drawn.length === 1) return { name: side.name, ...drawn[0]! };
      const end = Math.min(...drawn.map((line) => line.steps.at(-1) ?? 0));
      const grid = Array.from({ length: places }, (_, at) => ((at + 1) * end) / places);
      return seedBand(
        side.name,
        drawn.map((line) => resample(line, grid)),
      );
    });
  const note = sides.some((side) => side.runs.length > 1)
    ? 'thin: single runs; band: 95 % t-interval for three runs or more'
    : '';
  return (
    <SharedSteps
      range={range ?? { from: 0, to: Math.ceil(last) }}
      stages={noStages}
      isSmooth={sides.every((side) => side.runs.length === 1)}
      zoom={zoom}
      {...unit}
    >
      <div className={styles.row}>
        <Field name="Axis">
          <select
            value={axis}
            onChange={(event) => {
              zoom(null);
              set({ axis: event.target.value === 'steps' ? '' : event.target.value });
            }}
          >
            {known.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </Field>
        {range !== null && (
          <button type="button" onClick={() => zoom(null)}>
            Show all
          </button>
        )}
      </div>
      {!known.includes(axis) && <Empty>Not all of these runs recorded {axis}.</Empty>}
      <div className={styles.columns}>
        {suite !== undefined && (
          <Card title={`Held-out accuracy, ${suite}`} note={note}>
            <LineChart
              title={`Held-out accuracy, ${suite}`}
              series={lines(({ detail }) => accuracyLine(detail, suite))}
              format={percent}
              isSparse={sides.every((side) => side.runs.length === 1)}
              size={220}
            />
          </Card>
        )}
        <Card title="Reward" note="the runs may train on different problems">
          <LineChart title="Reward" series={lines(({ reward }) => reward)} size={220} />
        </Card>
      </div>
    </SharedSteps>
  );
}

const noStages: readonly never[] = [];

function spentOf(progress: ProgressView, axis: Axis): readonly number[] | null {
  return axis === 'time' ? progress.seconds : progress[axis];
}

function accuracyLine({ evaluations }: RunDetail, suite: string): Line {
  const ofSuite = evaluations.filter(({ name }) => name === suite);
  return {
    steps: ofSuite.map(({ step }) => step),
    values: ofSuite.map(({ accuracy }) => accuracy.mean),
  };
}
