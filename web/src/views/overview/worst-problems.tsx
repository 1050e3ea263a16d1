import type { ProblemRow } from '../../../../src/services/dashboard/views/rollouts/problems.ts';
import { useData } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { rate } from '../../design/numbers.ts';
import { Badge, Card, Empty, Table } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { ProblemName } from '../../design/problem-name.tsx';
import { Link } from '../../router.tsx';
import own from './overview.module.css';

const most = 8;

/** The hardest problems of a stage, each with its most frequent failure and an example of the reason. */
export function WorstProblems(props: {
  readonly folder: string;
  readonly stage: string;
  readonly stages: readonly string[];
  readonly step: number;
}) {
  const { folder, stage, stages } = props;
  const { data, error } = useData(['run', folder, 'problems', 'worst', stage], (source) =>
    source.problems(folder, { stage: [stage], purpose: ['train'], sort: 'rate', order: 'asc', limit: most }),
  );
  const isLast = stage === stages.at(-1);
  return (
    <Card
      title={`Hardest problems of ${isLast ? 'the last stage' : 'the stage'}${stage === '' ? '' : `, ${stage}`}`}
      note={`by pass rate over all rollouts of the stage${data === undefined ? '' : `; ${data.total} problems`}`}
    >
      {error !== null && <Empty>{error.message}</Empty>}
      {data?.rows.length === 0 && <Empty>No groups in this stage yet.</Empty>}
      {data !== undefined && data.rows.length > 0 && (
        <Table
          name="Hardest problems"
          columns={['Problem', 'Pass rate', 'Last group', 'Failures', 'Reason of one rollout']}
        >
          {data.rows.map((problem) => (
            <Row key={problem.problemId} folder={folder} problem={problem} />
          ))}
        </Table>
      )}
    </Card>
  );
}

function Row({ folder, problem }: { readonly folder: string; readonly problem: ProblemRow }) {
  const { failure } = problem;
  return (
    <tr>
      <td className={own.why}>
        <ProblemName folder={folder} id={problem.problemId} />
      </td>
      <td className={styles.nowrap}>{rate(problem.correct, problem.trials)}</td>
      <td className={styles.nowrap}>
        <Link to={['runs', folder, 'group', String(problem.lastGroup)]}>step {problem.lastStep}</Link>
      </td>
      <td className={styles.nowrap}>
        {failure !== null && (
          <Badge word={failure.outcome}>
            {failure.count} × {failure.outcome}
          </Badge>
        )}
      </td>
      <td className={own.why}>{failure !== null && <InertLine text={failure.reason} max={120} />}</td>
    </tr>
  );
}
