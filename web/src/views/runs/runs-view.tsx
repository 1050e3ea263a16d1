import type { Annotations } from '../../../../src/runs/files/annotations.ts';
import { Sparkline } from '../../charts/sparkline.tsx';
import type { DamagedRun, RunHead, RunListItem } from '../../../../src/services/dashboard/views/run-list.ts';
import { useData } from '../../data/use-data.ts';
import { change, moment, percent } from '../../design/numbers.ts';
import { Badge, Card, Empty, Field, Table, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { InertLine } from '../../design/inert-text.tsx';
import { Tags } from '../../design/tags.tsx';
import { Link, useFilters } from '../../router.tsx';
import { Trash } from './trash.tsx';
import own from './runs.module.css';

const columns = [
  'Compare',
  'Run',
  'Status',
  'Stage',
  'Step',
  'Reward',
  'Accuracy',
  'Seed',
  'Recipe',
  'Started',
];

/** Maximum number of selected runs: two sides of 20. */
const mostPicked = 40;

/** All runs of the folder. Users can select and compare two runs, the seeds of two recipes, or any number of runs. */
export function RunsView() {
  const { data, error } = useData(['runs'], (source) => source.runs());
  const [query, set] = useFilters();
  if (data === undefined) return <Waiting error={error} what="the runs" />;
  if (data.length === 0)
    return (
      <div className={styles.stack}>
        <h1>Runs</h1>
        <Empty>No runs yet. `gradus demo` creates one in a few minutes.</Empty>
        <Trash />
      </div>
    );
  const searched = query.get('find') ?? '';
  const picked = query.getAll('pick').filter((folder) => data.some((run) => run.folder === folder));
  const readable = data.filter((run): run is RunHead => !('problem' in run));
  const pickedRuns = picked.flatMap((folder) => readable.find((run) => run.folder === folder) ?? []);
  const shown = data
    .filter((run) => searchableText(run).includes(searched.toLowerCase()))
    .toSorted((a, b) => startedAt(b).localeCompare(startedAt(a)));
  return (
    <div className={styles.stack}>
      <div className={styles.spread}>
        <h1>Runs</h1>
        <Comparison picked={pickedRuns} runs={readable} pick={(pick) => set({ pick })} />
        <Field name="Find a run">
          <input
            data-filter
            type="search"
            value={searched}
            onChange={(event) => set({ find: event.target.value })}
          />
        </Field>
      </div>
      <Card title="All runs" note={`${shown.length} of ${data.length}, newest first`}>
        {shown.length === 0 ? (
          <Empty>No run matches “{searched}”.</Empty>
        ) : (
          <Table name="All runs" columns={columns}>
            {shown.map((run) =>
              'problem' in run ? (
                <DamagedRow key={run.folder} run={run} />
              ) : (
                <RunRow
                  key={run.folder}
                  run={run}
                  isPicked={picked.includes(run.folder)}
                  onPick={(isPicked) =>
                    set({
                      pick: isPicked
                        ? [...picked, run.folder].slice(-mostPicked)
                        : picked.filter((one) => one !== run.folder),
                    })
                  }
                />
              ),
            )}
          </Table>
        )}
      </Card>
      <Trash />
    </div>
  );
}

/** Returns the folder, title, tags and note of a run. */
function searchableText(run: RunListItem): string {
  if ('problem' in run) return run.folder.toLowerCase();
  const { title, tags, note } = run.annotations;
  return [run.folder, title, ...tags, note].join('\n').toLowerCase();
}

/** Returns the start of a run; damaged runs sort last, because their start is unknown. */
const startedAt = (run: RunListItem): string => ('problem' in run ? '' : run.createdAt);

/** The link to the comparison of the selected runs, or a hint about what to select next. */
function Comparison(props: {
  readonly picked: readonly RunHead[];
  readonly runs: readonly RunHead[];
  readonly pick: (folders: readonly string[]) => void;
}) {
  const { picked, runs, pick } = props;
  if (picked.length === 0) return null;
  const recipes = new Set(picked.map(({ settingsHash }) => settingsHash));
  const others = runs.filter((run) => recipes.has(run.settingsHash) && !picked.includes(run));
  const all = [...picked, ...others].slice(0, mostPicked).map(({ folder }) => folder);
  return (
    <>
      <Target picked={picked} />
      {others.length > 0 && (
        <button type="button" onClick={() => pick(all)}>
          Select all seeds
        </button>
      )}
      <button type="button" onClick={() => pick([])}>
        Clear selection
      </button>
    </>
  );
}

function Target({ picked }: { readonly picked: readonly RunHead[] }) {
  const [one, two] = picked;
  if (two === undefined)
    return <span className={styles.soft}>Select a second run to compare with {one!.folder}.</span>;
  if (picked.length === 2) {
    return (
      <Link to={['compare']} query={{ before: one!.folder, after: two.folder }} isRow>
        Compare {one!.folder} → {two.folder}
      </Link>
    );
  }
  const sides = [...Map.groupBy(picked, ({ settingsHash }) => settingsHash).values()];
  const [before, after] = sides.map((side) => side.map(({ folder }) => folder));
  if (before === undefined || after === undefined || sides.length > 2) {
    const recipes = sides.length === 1 ? '1 recipe' : `${sides.length} recipes`;
    return (
      <Link to={['compare']} query={{ run: picked.map(({ folder }) => folder) }} isRow>
        Compare {picked.length} runs of {recipes}
      </Link>
    );
  }
  return (
    <Link to={['compare']} query={{ before, after }} isRow>
      Compare {before.length} seeds → {after.length} seeds
    </Link>
  );
}

function RunRow(props: {
  readonly run: RunHead;
  readonly isPicked: boolean;
  readonly onPick: (isPicked: boolean) => void;
}) {
  const { run, isPicked, onPick } = props;
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          aria-label={`Select ${run.folder} for comparison`}
          checked={isPicked}
          onChange={(event) => onPick(event.target.checked)}
        />
      </td>
      <td>
        <Link to={['runs', run.folder, 'overview']} isRow>
          <InertLine text={run.folder} max={60} />
        </Link>
        <RunNotes annotations={run.annotations} />
        {run.parent !== null && (
          <div className={styles.small}>continues step {run.parent.step} of another run</div>
        )}
      </td>
      <td>
        <Badge word={run.status} />
        {run.status !== 'finished' && run.reason !== null && (
          <div className={styles.small}>
            <InertLine text={run.reason} max={80} />
          </div>
        )}
      </td>
      <td className={styles.nowrap}>
        {run.stagesBegun} / {run.stageCount} {run.stage !== null && <InertLine text={run.stage} max={24} />}
      </td>
      <td className={styles.number}>
        {run.step} / {run.maxSteps}
      </td>
      <td className={own.spark}>
        <Sparkline values={run.sparkline} />
      </td>
      <td className={styles.nowrap}>
        <Accuracy run={run} />
      </td>
      <td>{run.seed}</td>
      <td>
        <code>{run.recipeHash.slice(0, 8)}</code>
      </td>
      <td className={styles.nowrap}>{moment(run.createdAt)}</td>
    </tr>
  );
}

/** Title, tags and the first line of the note. */
function RunNotes({ annotations: { title, tags, note } }: { readonly annotations: Annotations }) {
  const [line = ''] = note.trim().split('\n');
  return (
    <div className={own.notes}>
      {title !== '' && (
        <div>
          <InertLine text={title} max={100} />
        </div>
      )}
      <Tags tags={tags} />
      {line !== '' && (
        <div className={styles.small}>
          <InertLine text={line} max={80} />
        </div>
      )}
    </div>
  );
}

function Accuracy({ run: { accuracy } }: { readonly run: RunHead }) {
  if (accuracy === null) return <span className={styles.soft}>not measured</span>;
  const { suite, first, last } = accuracy;
  return (
    <>
      {percent(last.mean)}{' '}
      <span className={styles.small}>
        {change(first.mean, last.mean, 'share')}, {suite}
      </span>
    </>
  );
}

function DamagedRow({ run }: { readonly run: DamagedRun }) {
  return (
    <tr>
      <td />
      <td>
        <InertLine text={run.folder} max={60} />
      </td>
      <td>
        <Badge word="damaged" />
      </td>
      <td colSpan={columns.length - 3}>
        <InertLine text={run.problem} max={300} />
      </td>
    </tr>
  );
}
