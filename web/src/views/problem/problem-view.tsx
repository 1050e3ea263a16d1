import type { Membership, ProblemDetail } from '../../../../src/services/dashboard/views/rollouts/problem.ts';
import { RateTrack } from '../../charts/rate-track.tsx';
import { useData, useRun } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { rate, short } from '../../design/numbers.ts';
import { Badge, Card, Empty, Table, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { PromptMessage } from '../../design/prompt-message.tsx';
import { ProblemName } from '../../design/problem-name.tsx';
import { hrefOf, Link, useRoute } from '../../router.tsx';

/** One problem over the run: pass rates with intervals, levels, rollouts, and related problems of its family. */
export function ProblemView({ folder }: { readonly folder: string }) {
  const id = useRoute().parts[3] ?? '';
  // Empty while the next view loads.
  return id === '' ? null : <Problem key={id} folder={folder} id={id} />;
}

function Problem({ folder, id }: { readonly folder: string; readonly id: string }) {
  const { data, error } = useData(['run', folder, 'problem', id], (source) => source.problem(folder, id));
  if (data === undefined) return <Waiting error={error} what="the problem" />;
  return (
    <div className={styles.stack}>
      <Head folder={folder} detail={data} />
      <div className={styles.columns}>
        <div className={styles.stack}>
          <Text folder={folder} detail={data} />
          <History folder={folder} detail={data} />
          <Memberships memberships={data.memberships} />
        </div>
        <Neighbours folder={folder} detail={data} />
      </div>
      <Rollouts folder={folder} detail={data} />
    </div>
  );
}

function Head({ folder, detail }: { readonly folder: string; readonly detail: ProblemDetail }) {
  const { problemId, domain, summary } = detail;
  const { data: run } = useRun(folder);
  const facts = [
    domain,
    ...(summary?.family == null ? [] : [summary.family]),
    ...(summary?.knob == null ? [] : [`knob ${summary.knob}`]),
    ...(summary?.level == null ? [] : [`level ${summary.level}`]),
  ];
  return (
    <div className={styles.spread}>
      <div>
        <h1>
          <InertLine text={problemId} />
        </h1>
        <p className={styles.soft}>
          {summary === null
            ? 'measured only'
            : `${rate(summary.correct, summary.trials)} of ${summary.trials} rollouts`}{' '}
          · <InertLine text={facts.join(' · ')} />
        </p>
      </div>
      {summary !== null && (
        <div className={styles.row}>
          <Link to={['runs', folder, 'group', String(summary.lastGroup)]} isRow>
            Last rollouts, step {summary.lastStep}
          </Link>
          <Link to={['runs', folder, 'rollouts']} query={{ problem: problemId }}>
            All groups
          </Link>
          {summary.family !== null && (
            <Link to={['runs', folder, 'answers']} query={{ family: summary.family }}>
              Answers of its family
            </Link>
          )}
          {run?.can.play === true && (
            <Link to={['runs', folder, 'play']} query={{ problem: problemId }}>
              Prompt the model
            </Link>
          )}
        </div>
      )}
    </div>
  );
}

function Text({
  folder,
  detail: { prompt, answer, summary },
}: {
  readonly folder: string;
  readonly detail: ProblemDetail;
}) {
  return (
    <Card title="Problem">
      {prompt.map((message, index) => (
        <PromptMessage key={index} message={message} folder={folder} group={summary?.lastGroup} />
      ))}
      {answer !== null && (
        <p>
          <span className={styles.small}>Gold </span>
          <InertLine text={answer} max={400} />
        </p>
      )}
    </Card>
  );
}

function History({
  folder,
  detail: { history },
}: {
  readonly folder: string;
  readonly detail: ProblemDetail;
}) {
  return (
    <Card
      title="Pass rate over the run"
      note="95 % intervals; m: measured for a stage, e: evaluated; click a point to open its group"
    >
      <RateTrack points={history} hrefOf={(group) => hrefOf(['runs', folder, 'group', String(group)])} />
    </Card>
  );
}

function Memberships({ memberships }: { readonly memberships: readonly Membership[] }) {
  return (
    <Card title="Levels over the run" note="at each stage's selection">
      {memberships.length === 0 ? (
        <Empty>No stage considered this problem.</Empty>
      ) : (
        <Table name="Levels over the run" columns={['Stage', 'Step', 'Pass rate', 'Levels', 'Selected']}>
          {memberships.map((one) => (
            <tr key={one.stage}>
              <td>
                <InertLine text={one.stage} max={40} />
              </td>
              <td>{one.step}</td>
              <td className={styles.nowrap}>{rate(one.correct, one.trials)}</td>
              <td>
                <InertLine text={one.levels.join(', ') || 'none'} max={120} />
              </td>
              <td>{one.isSelected ? 'yes' : 'no'}</td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}

function Neighbours({
  folder,
  detail: { neighbours, summary },
}: {
  readonly folder: string;
  readonly detail: ProblemDetail;
}) {
  return (
    <Card
      title="Neighbours"
      note={
        summary?.family == null
          ? 'the problem has no family'
          : `in family ${summary.family}, nearest knob first`
      }
    >
      {neighbours.length === 0 ? (
        <Empty>The run has no other problem of this family.</Empty>
      ) : (
        <Table name="Neighbours" columns={['Problem', 'Knob', 'Pass rate', 'Last step']}>
          {neighbours.map((one) => (
            <tr key={one.problemId}>
              <td>
                <ProblemName folder={folder} id={one.problemId} max={50} />
              </td>
              <td>{one.knob ?? '–'}</td>
              <td className={styles.nowrap}>{rate(one.correct, one.trials)}</td>
              <td>{one.lastStep}</td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}

function Rollouts({
  folder,
  detail: { rollouts },
}: {
  readonly folder: string;
  readonly detail: ProblemDetail;
}) {
  return (
    <Card title="All rollouts" note={`${rollouts.length}, newest first`}>
      <Table
        name="All rollouts"
        columns={['Step', 'Rollout', 'Verdict', 'Reward', 'Tokens', 'Finish', 'Flags']}
      >
        {rollouts.map((one) => (
          <tr key={`${one.group}-${one.index}`}>
            <td>{one.step}</td>
            <td>
              <Link to={['runs', folder, 'group', String(one.group)]} query={{ rollout: one.index }} isRow>
                {one.purpose} #{one.index + 1}
              </Link>
            </td>
            <td>
              <Badge word={one.outcome} />
            </td>
            <td>{one.reward === null ? '–' : short(one.reward)}</td>
            <td>{one.tokens}</td>
            <td>{one.finishReason}</td>
            <td>{one.flags.join('; ')}</td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}
