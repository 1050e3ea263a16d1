import type { Attempt } from '../../../src/server/views/group-detail.ts';
import { useData } from '../data/use-data.ts';
import { rate, short } from '../design/numbers.ts';
import { InertLine, InertText } from '../design/inert-text.tsx';
import { Badge, Card, Empty } from '../design/parts.tsx';
import styles from '../design/parts.module.css';
import { Link, useRoute } from '../router.tsx';

/** One problem's attempts side by side, each with what the verifier found. */
export function GroupView({ folder }: { readonly folder: string }) {
  const id = Number(useRoute().parts[3]);
  const { data, error } = useData(['run', folder, 'group', id], (source) => source.group(folder, id));
  if (error !== null) return <Empty>{error.message}</Empty>;
  if (data === undefined) return <p>Reading the rollouts…</p>;
  const { group, prompt, attempts, visits } = data;
  return (
    <div className={styles.stack}>
      <h1>
        <InertLine text={group.problemId} />
      </h1>
      <p className={styles.soft}>
        {rate(group.correct, group.trials)} at step {group.step}, {group.stage}. Also at steps:{' '}
        {visits.map((other) => (
          <span key={other.id}>
            <Link to={['runs', folder, 'group', String(other.id)]} current={other.id === id}>
              {other.step} ({other.correct}/{other.trials})
            </Link>{' '}
          </span>
        ))}
      </p>
      <Card title="Prompt">
        <InertText text={prompt.map(({ content }) => content).join('\n\n')} />
      </Card>
      <div className={styles.grid}>
        {attempts.map((attempt) => (
          <AttemptCard key={attempt.index} attempt={attempt} />
        ))}
      </div>
    </div>
  );
}

function AttemptCard({ attempt }: { readonly attempt: Attempt }) {
  const { extracted, gold } = attempt.evidence;
  return (
    <Card title={`Rollout ${attempt.index + 1}`} note={<Badge word={attempt.outcome} />}>
      <InertText text={attempt.text} />
      <table>
        <tbody>
          <Fact name="Why" text={attempt.reason} />
          {extracted === undefined ? null : <Fact name="Extracted" text={asText(extracted)} />}
          {gold === undefined ? null : <Fact name="Gold" text={asText(gold)} />}
          <Fact name="Reward" text={attempt.reward === null ? 'none' : short(attempt.reward)} />
          <Fact name="Advantage" text={attempt.advantage === null ? 'none' : short(attempt.advantage)} />
          <Fact name="Ended" text={`${attempt.finishReason} after ${attempt.tokens.length} tokens`} />
          <Fact name="Verifier" text={attempt.verifier} />
        </tbody>
      </table>
    </Card>
  );
}

function Fact({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        <InertText text={text} />
      </td>
    </tr>
  );
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
