import { useInfiniteQuery } from '@tanstack/react-query';
import { useSource } from '../../data/use-data.ts';
import { InertLine } from '../../design/inert-text.tsx';
import { count } from '../../design/numbers.ts';
import { Card, Empty, Table } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { Link } from '../../router.tsx';
import own from './curriculum.module.css';

/** Every event of the run, newest first. */
export function Decisions({ folder }: { readonly folder: string }) {
  const source = useSource();
  const { data, error, hasNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ['run', folder, 'notes'],
    queryFn: ({ pageParam }) => source.notes(folder, pageParam === undefined ? {} : { cursor: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  const notes = data?.pages.flatMap(({ rows }) => rows) ?? [];
  return (
    <Card title="All events" note={data === undefined ? '' : `${count(data.pages[0]!.total)}, newest first`}>
      {error !== null && <Empty>{error.message}</Empty>}
      {data !== undefined && notes.length === 0 && <Empty>No events yet.</Empty>}
      {notes.length > 0 && (
        <div className={own.decisions}>
          <Table name="All events" columns={['Step', 'Stage', 'Type', 'Event']}>
            {notes.map(({ id, step, stage, type, message }) => (
              <tr key={id}>
                <td className={styles.nowrap}>
                  <Link to={['runs', folder, 'rollouts']} query={{ from: step, to: step }}>
                    {step}
                  </Link>
                </td>
                <td className={styles.nowrap}>{stage !== null && <InertLine text={stage} max={30} />}</td>
                <td className={styles.nowrap}>{type}</td>
                <td>
                  <InertLine text={message} max={400} />
                </td>
              </tr>
            ))}
          </Table>
        </div>
      )}
      {hasNextPage && (
        <button type="button" onClick={() => void fetchNextPage()}>
          Load older events
        </button>
      )}
    </Card>
  );
}
