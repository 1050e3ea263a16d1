import type { RunOutcome } from '../../../../src/services/dashboard/views/outcome.ts';
import type {
  PairedDifference,
  SuiteComparison,
} from '../../../../src/services/dashboard/views/comparison.ts';
import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import { useData } from '../../data/use-data.ts';
import { download } from '../../design/download.ts';
import { count, duration, percent, short } from '../../design/numbers.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { Badge, Card, Empty, Table } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { Link } from '../../router.tsx';
import { changeOf, Whisker, widest } from '../runs/compare-parts.tsx';

/** Answers "Did it work?": the change of held-out accuracy with its interval, by domain and family, and the cost. */
export function Outcome({ folder, run }: { readonly folder: string; readonly run: RunDetail }) {
  const { data, error } = useData(['run', folder, 'outcome'], (source) => source.outcome(folder));
  if (data === undefined) return error === null ? null : <Empty>{error.message}</Empty>;
  const [suite, ...others] = data.suites;
  return (
    <Card title="Did it work?" note={costOf(data)}>
      {suite === undefined ? (
        <Empty>{reasonFor(run)}</Empty>
      ) : (
        [suite, ...others].map((one) => <Suite key={one.suite} folder={folder} suite={one} />)
      )}
      <Origin run={run} data={data} />
    </Card>
  );
}

const reasonFor = ({ evaluations }: RunDetail): string =>
  evaluations.length === 0
    ? 'No held-out suite: add `evaluation` to the recipe to see whether training helps.'
    : 'Evaluated once so far; the change is shown after the next evaluation.';

const purposes = { train: 'training', measure: 'measuring', evaluate: 'evaluation' } as const;

/**
 * Formats the cost of the run, e.g. `training 35,840 rollouts, 1.2M tokens · evaluation 3,200 rollouts, 90k tokens · 49
 * s`.
 */
function costOf({ costs, measuredTrials, seconds }: RunOutcome): string {
  const spent = costs.map(
    ({ purpose, rollouts, tokens }) =>
      `${purposes[purpose]} ${count(rollouts)} rollouts, ${short(tokens)} tokens`,
  );
  const measured = measuredTrials === 0 ? [] : [`measuring ${count(measuredTrials)} rollouts`];
  return [...spent, ...measured, ...(seconds === null ? [] : [duration(seconds)])].join(' · ');
}

/** Returns a one-word answer, decided by the interval. */
function answerOf({ low, high }: PairedDifference['difference']): { word: string; tone: string } {
  if (low > 0) return { word: 'Yes', tone: 'passed' };
  return high < 0 ? { word: 'No, it got worse', tone: 'failed' } : { word: 'Cannot tell', tone: 'warning' };
}

function Suite({ folder, suite }: { readonly folder: string; readonly suite: SuiteComparison }) {
  const { overall, byDomain, byFamily, steps, warnings } = suite;
  const { word, tone } = answerOf(overall.difference);
  const domains = Object.entries(byDomain);
  const families = Object.entries(byFamily).toSorted(([, a], [, b]) => a.difference.mean - b.difference.mean);
  const rows = [
    ...(domains.length > 1 ? domains.map(([name, one]) => ({ kind: 'domain', name, one }) as const) : []),
    ...(families.length > 1 ? families.map(([name, one]) => ({ kind: 'family', name, one }) as const) : []),
  ];
  const most = widest(rows.map(({ one }) => one.difference));
  return (
    <>
      <p>
        <Badge word={tone}>{word}</Badge> Accuracy on <bdi>{suite.suite}</bdi>: {percent(overall.before)} →{' '}
        {percent(overall.after)}, change in points {changeOf(overall.difference)} (95 %, {overall.problems}{' '}
        problems, steps {steps[0]} and {steps[1]}).
      </p>
      {warnings.map((warning) => (
        <p key={warning} className={styles.noteWarn}>
          Warning: {warning}
        </p>
      ))}
      {rows.length > 0 && (
        <details open={rows.length <= 8}>
          <summary>By domain and family, worst first</summary>
          <Table
            name={`Change of ${suite.suite}`}
            columns={['Part', 'Problems', 'First', 'Last', 'Change, points', '95 % interval']}
          >
            {rows.map(({ kind, name, one }) => (
              <tr key={`${kind} ${name}`}>
                <th scope="row">
                  <Link to={['runs', folder, 'answers']} query={{ [kind]: name, suite: suite.suite }} isRow>
                    <InertLine text={name} max={60} />
                  </Link>
                </th>
                <td>{one.problems}</td>
                <td>{percent(one.before)}</td>
                <td>{percent(one.after)}</td>
                <td>{changeOf(one.difference)}</td>
                <td>
                  <Whisker difference={one.difference} most={most} />
                </td>
              </tr>
            ))}
          </Table>
        </details>
      )}
    </>
  );
}

/** Shows the commands to continue the run, or to repeat it from its resolved recipe, which has every default filled in. */
function Command({ run: { head, recipe } }: { readonly run: RunDetail }) {
  const isResumable = head.status === 'interrupted' || head.status === 'failed';
  return (
    <div className={styles.row}>
      {isResumable && (
        <span>
          Continue: <code>gradus resume {head.folder}</code>
        </span>
      )}
      <span>
        Repeat: <code>gradus train recipe.json</code>
      </span>
      <button
        type="button"
        onClick={() => {
          const text = `${JSON.stringify(recipe, null, 2)}\n`;
          download('recipe.json', new Blob([text], { type: 'application/json' }));
        }}
      >
        Save recipe.json
      </button>
    </div>
  );
}

/** How the result was produced: recipe, data with digests, engine, machine, command. */
function Origin({ run, data: { data } }: { readonly run: RunDetail; readonly data: RunOutcome }) {
  const sources = data === null ? [] : [...data.problems, ...Object.values(data.suites).flat()];
  const last = run.sessions.at(-1);
  return (
    <details>
      <summary>Recipe, data, engine, machine and command</summary>
      {sources.length > 0 && (
        <Table name="Data" columns={['Source', 'Problems', 'sha256']}>
          {sources.map(({ source, problems, files }, i) => (
            <tr key={i}>
              <td>
                <InertLine text={source} max={200} />
              </td>
              <td>{count(problems)}</td>
              <td>
                <code>{files.map(({ sha256 }) => sha256.slice(0, 12)).join(', ') || 'generated'}</code>
              </td>
            </tr>
          ))}
        </Table>
      )}
      {last !== undefined && (
        <p className={styles.small}>
          <InertLine
            text={`${last.platform} on ${last.host}; gradus ${last.packageVersion}${
              last.gitCommit === null ? '' : `, commit ${last.gitCommit.slice(0, 12)}`
            }; engine ${JSON.stringify(last.engine)}`}
            max={600}
          />
        </p>
      )}
      <Command run={run} />
      <pre className={styles.scroll}>{JSON.stringify(run.recipe, null, 2)}</pre>
    </details>
  );
}
