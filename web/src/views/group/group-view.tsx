import type { GroupDetail } from '../../../../src/services/dashboard/views/rollouts/group-detail.ts';
import { RateTrack } from '../../charts/rate-track.tsx';
import { useData } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { rate } from '../../design/numbers.ts';
import { Card, Field, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { PromptMessage } from '../../design/prompt-message.tsx';
import { hrefOf, Link, useFilters, useRoute } from '../../router.tsx';
import { AttemptCard } from './attempt-card.tsx';
import own from './group.module.css';
import { SearchTrees } from './search-trees.tsx';
import { type Heat, heats } from './token-heat.tsx';

/** The rollouts of one group side by side, each with its verdict. */
export function GroupView({ folder }: { readonly folder: string }) {
  const id = useRoute().parts[3];
  // Undefined while the next view loads.
  return id === undefined ? null : <Rollouts key={id} folder={folder} id={Number(id)} />;
}

function Rollouts({ folder, id }: { readonly folder: string; readonly id: number }) {
  const [query] = useFilters();
  const { data, error } = useData(['run', folder, 'group', id], (source) => source.group(folder, id));
  if (data === undefined) return <Waiting error={error} what="the rollouts" />;
  const hasPieces = data.attempts.some(({ pieces }) => pieces !== null);
  const chosen = heats.find((heat) => heat === query.get('heat')) ?? 'off';
  const heat = hasPieces ? chosen : 'off';
  return (
    <div className={styles.stack}>
      <Head folder={folder} detail={data} heat={heat} hasPieces={hasPieces} />
      <div className={styles.columns}>
        <Card title="Prompt">
          {data.prompt.map((message, index) => (
            <div key={index}>
              {data.prompt.length > 1 && <div className={styles.small}>{message.role}</div>}
              <PromptMessage message={message} folder={folder} group={id} />
            </div>
          ))}
          {data.answer !== null && (
            <p className={own.why}>
              <span className={styles.small}>Gold </span>
              <InertLine text={data.answer} max={300} />
            </p>
          )}
        </Card>
        <Card title="This problem over the run" note="95 % intervals; click a point to open its group">
          {data.visits.length < 2 ? (
            <p className={styles.soft}>The run has no other group of this problem.</p>
          ) : (
            <RateTrack
              points={data.visits.map((visit) => ({ ...visit, group: visit.id }))}
              current={id}
              hrefOf={(group) => hrefOf(['runs', folder, 'group', String(group)])}
            />
          )}
        </Card>
      </div>
      {data.searches.length > 0 && <SearchTrees searches={data.searches} />}
      <div className={own.attempts}>
        {data.attempts.map((attempt) => (
          <AttemptCard key={attempt.index} attempt={attempt} heat={heat} />
        ))}
      </div>
    </div>
  );
}

function Head(props: {
  readonly folder: string;
  readonly detail: GroupDetail;
  readonly heat: Heat;
  readonly hasPieces: boolean;
}) {
  const { folder, detail, heat, hasPieces } = props;
  const { group } = detail;
  const [, set] = useFilters();
  const facts = [
    group.purpose,
    group.domain,
    ...(group.family === null ? [] : [group.family]),
    ...(group.level === null ? [] : [`level ${group.level}`]),
  ];
  return (
    <div className={styles.spread}>
      <div>
        <h1>
          <Link to={['runs', folder, 'problem', group.problemId]}>
            <InertLine text={group.problemId} />
          </Link>
        </h1>
        <p className={styles.soft}>
          {rate(group.correct, group.trials)} ·{' '}
          <Link to={['runs', folder, 'rollouts']} query={{ from: group.step, to: group.step }}>
            step {group.step}
          </Link>{' '}
          · <InertLine text={[group.stage, ...facts].join(' · ')} />
        </p>
      </div>
      <Field name="Colour tokens by">
        <select
          data-filter
          value={heat}
          disabled={!hasPieces}
          title={hasPieces ? '' : "the run's tokenizer is missing"}
          onChange={(event) => set({ heat: event.target.value === 'off' ? '' : event.target.value })}
        >
          {heats.map((name) => (
            <option key={name} value={name}>
              {name === 'off' ? 'none' : name}
            </option>
          ))}
        </select>
      </Field>
    </div>
  );
}
