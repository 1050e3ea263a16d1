import { useMemo, useState } from 'react';
import type { ShownSearch } from '../../../../src/services/dashboard/views/strategies.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { count } from '../../design/numbers.ts';
import { Badge, Card } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import own from './group.module.css';

type Node = ShownSearch['nodes'][number];

/** The steps of the searches for a problem's answer, each with its score and whether it was
 * kept. */
export function SearchTrees({ searches }: { readonly searches: readonly ShownSearch[] }) {
  const [hasPruned, setPruned] = useState(false);
  return (
    <Card title="Search trees" note="of the same evaluation">
      <label className={styles.row}>
        <input type="checkbox" checked={hasPruned} onChange={() => setPruned(!hasPruned)} />
        Pruned steps
      </label>
      {searches.map((search, place) => (
        <details key={place} open={place === 0}>
          <summary>
            {`${search.strategy}, N ${search.budget}: ${count(search.nodes.length)} steps, ${count(search.written)} tokens written, ${count(search.scored)} scored`}
          </summary>
          <Tree nodes={search.nodes} hasPruned={hasPruned} />
        </details>
      ))}
    </Card>
  );
}

function Tree({ nodes, hasPruned }: { readonly nodes: readonly Node[]; readonly hasPruned: boolean }) {
  const children = useMemo(() => Map.groupBy(nodes.keys(), (at) => nodes[at]!.parent), [nodes]);
  return <Steps {...{ nodes, children, hasPruned }} at={-1} />;
}

function Steps(props: {
  readonly nodes: readonly Node[];
  readonly children: ReadonlyMap<number, readonly number[]>;
  readonly hasPruned: boolean;
  readonly at: number;
}) {
  const { nodes, children, hasPruned, at } = props;
  const shown = (children.get(at) ?? []).filter((child) => hasPruned || nodes[child]!.fate !== 'pruned');
  if (shown.length === 0) return null;
  return (
    <ol className={own.tree}>
      {shown.map((child) => (
        <li key={child}>
          <Step node={nodes[child]!} />
          <Steps {...{ nodes, children, hasPruned }} at={child} />
        </li>
      ))}
    </ol>
  );
}

function Step({ node: { text, tokens, score, fate, outcome } }: { readonly node: Node }) {
  return (
    <div className={fate === 'pruned' ? own.pruned : ''}>
      <code>
        <InertLine text={text} max={200} />
      </code>{' '}
      <span className={styles.small}>
        {`${score === null ? 'no score' : `score ${score.toFixed(2)}`} · ${tokens} tokens · `}
      </span>
      <Badge word={outcome ?? fate} />
    </div>
  );
}
