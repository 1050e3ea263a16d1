import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useData, useSource } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { Empty } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import own from './runs.module.css';

/** The runs in the trash, each with a button that restores it; renders nothing if the trash is empty. */
export function Trash() {
  const source = useSource();
  const queries = useQueryClient();
  const { data } = useData(['trash'], () => source.trash());
  const [error, setError] = useState<string | null>(null);
  if (data === undefined || data.length === 0) return null;
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
  );
}
