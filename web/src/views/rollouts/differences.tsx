import type { Differences } from '../../../../src/services/dashboard/views/rollouts/differences.ts';
import { useData } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { count } from '../../design/numbers.ts';
import { Badge, Card, Empty, Table } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { ProblemName } from '../../design/problem-name.tsx';

const mostRules = 100;

/** Correct answers whose text differs from the gold, by the rule that accepted them; loose and rare rules first. */
export function DifferencesCard({ folder }: { readonly folder: string }) {
  const { data, error } = useData(['run', folder, 'differences'], (source) => source.differences(folder));
  return (
    <Card title="Accepted differences" note={data === undefined ? 'loading…' : noteOf(data)}>
      {error !== null && <Empty>{error.message}</Empty>}
      {data?.rules.length === 0 && (
        <Empty>
          Every correct answer with a rule equals its gold as text. Programs and choices have no rule.
        </Empty>
      )}
      {data !== undefined && data.rules.length > 0 && (
        <Table
          name="Correct answers that differ from the gold, by rule"
          columns={['Rule', 'Kind', 'Answers', 'Share', 'Gold', 'Answer', 'Problem']}
        >
          {data.rules.slice(0, mostRules).flatMap((rule) => rowsOf(folder, rule))}
        </Table>
      )}
    </Card>
  );
}

function noteOf({ decided, sameText, rules, rollouts, total }: Differences): string {
  const part = rollouts < total ? `; newest ${count(rollouts)} of ${count(total)} rollouts` : '';
  const first = rules.length > mostRules ? `; first ${mostRules} of ${count(rules.length)} rules` : '';
  return `${count(decided - sameText)} of ${count(decided)} correct answers differ from the gold as text${part}${first}`;
}

/** Returns one row for each example; the first row names the rule. */
function rowsOf(folder: string, found: Differences['rules'][number]) {
  const { rule, strictness, share, examples } = found;
  return examples.map(({ group, index, problemId, step, gold, answer }, at) => (
    <tr key={`${rule} ${group}-${index}`}>
      <td>{at === 0 && <InertLine text={rule} max={60} />}</td>
      <td>{at === 0 && <Badge word={strictness === 'loose' ? 'warning' : ''}>{strictness}</Badge>}</td>
      <td>{at === 0 && count(found.count)}</td>
      <td className={styles.nowrap}>{at === 0 && `${(100 * share).toFixed(1)} %`}</td>
      <td>
        <InertLine text={gold} max={60} />
      </td>
      <td>
        <InertLine text={answer} max={60} />
      </td>
      <td>
        <ProblemName
          folder={folder}
          id={problemId}
          before={`step ${step} #${index + 1}`}
          to={['runs', folder, 'group', String(group)]}
          query={{ rollout: index }}
          max={40}
        />
      </td>
    </tr>
  ));
}
