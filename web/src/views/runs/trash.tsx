import { useMutationState, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useData, useSource } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { Empty } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import own from './runs.module.css';

/** The runs in the trash, each with a button that restores it, and the error of the last move to the trash. */
export function Trash() {
  const source = useSource();
  const queries = useQueryClient();
  const { data } = useData(['trash'], () => source.trash());
  const [error, setError] = useState<string | null>(null);
  const moves = useMutationState({
    filters: { mutationKey: ['trash'] },
    select: ({ state }) => state.error?.message,
  });
  const failure = moves.at(-1);
  if (data === undefined || data.length === 0) return failure === undefined ? null : <Empty>{failure}</Empty>;
  const restore = async (folder: string): Promise<void> => {
    try {
      await source.restore(folder);
      setError(null);
      await queries.invalidateQueries({ predicate: ({ queryKey: [kind] }) => kind !== 'prompt' });
    } catch (reason) {
      setError((reason as Error).message);
    }
  };
  return (
    <>
      {failure !== undefined && <Empty>{failure}</Empty>}
      <details>
        <summary>Trash, {data.length === 1 ? '1 run' : `${data.length} runs`}</summary>
        {error !== null && <Empty>{error}</Empty>}
        <ul className={own.trash}>
          {data.map(({ folder, title }) => (
            <li key={folder} className={styles.row}>
              <button type="button" onClick={() => void restore(folder)}>
                Restore <InertLine text={folder} max={60} />
              </button>
              <span className={styles.soft}>
                <InertLine text={title} max={100} />
              </span>
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}
