import { useInfiniteQuery } from '@tanstack/react-query';
import type { Facets } from '../../../../src/services/dashboard/views/rollouts/facets.ts';
import type { RunDetail } from '../../../../src/services/dashboard/views/run-detail.ts';
import type { Page } from '../../../../src/services/dashboard/views/page.ts';
import type { DataSource } from '../../data/source.ts';
import { useData, useRun, useSource } from '../../data/use-data.ts';
import { count } from '../../design/numbers.ts';
import { Card, Empty, Waiting } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { useFilters } from '../../router.tsx';
import { DifferencesCard } from './differences.tsx';
import { filterOf, groupSorts, noFilters, rolloutSorts, searchOf, sortOf } from './filter.ts';
import { Filters } from './filters.tsx';
import { Search } from './search.tsx';
import { GroupTable, RolloutTable } from './tables.tsx';
import own from './rollouts.module.css';

const pageSize = 200;

/** The groups or the single rollouts of a run; filters are in the URL. */
export function RolloutsView({ folder }: { readonly folder: string }) {
  const [query, set] = useFilters();
  const { isServed } = useSource();
  const { data: run, error: runError } = useRun(folder);
  const { data: facets, error } = useData(['run', folder, 'facets'], (source) => source.facets(folder));
  if (run === undefined || facets === undefined)
    return <Waiting error={runError ?? error} what="the rollouts" />;
  const isDifferences = query.get('as') === 'differences';
  const isSearch = query.get('as') === 'search' && isServed;
  const isSingle = query.get('as') === 'rollouts' && run.can.filterRollouts;
  return (
    <div className={styles.stack}>
      <div className={styles.spread}>
        <h1>Rollouts</h1>
        <div className={styles.row} role="group" aria-label="Rows">
          <button
            type="button"
            aria-pressed={!isSingle && !isDifferences && !isSearch}
            onClick={() => set({ as: '', sort: '' })}
          >
            Groups
          </button>
          {run.can.filterRollouts && (
            <button type="button" aria-pressed={isSingle} onClick={() => set({ as: 'rollouts', sort: '' })}>
              Single rollouts
            </button>
          )}
          <button
            type="button"
            aria-pressed={isDifferences}
            onClick={() => set({ as: 'differences', sort: '' })}
          >
            Differences
          </button>
          {isServed && (
            <button type="button" aria-pressed={isSearch} onClick={() => set({ as: 'search', sort: '' })}>
              Search
            </button>
          )}
          <button
            type="button"
            disabled={Object.keys(searchOf(query)).length === 0}
            onClick={() => set(noFilters)}
          >
            Clear filters
          </button>
        </div>
      </div>
      {isDifferences ? (
        <DifferencesCard folder={folder} />
      ) : (
        <div className={own.split}>
          <Filters
            facets={facets}
            canFilterRollouts={run.can.filterRollouts}
            hasTurns={isSearch && hasTurns(run)}
          />
          {isSearch ? (
            <Search folder={folder} />
          ) : isSingle ? (
            <Singles folder={folder} />
          ) : (
            <Groups folder={folder} facets={facets} />
          )}
        </div>
      )}
    </div>
  );
}

/** Returns whether a run has attempts with several turns or with a given start. */
const hasTurns = ({ metrics }: RunDetail): boolean =>
  metrics.some(({ name }) => /^(tool|start)\/|^rollout\/turns$/u.test(name));

function Groups({ folder }: { readonly folder: string; readonly facets: Facets }) {
  const [query] = useFilters();
  const tableQuery = { ...filterOf(query), ...sortOf(query, groupSorts), limit: pageSize };
  const pages = usePages(['run', folder, 'groups', tableQuery], (source, cursor) =>
    source.groups(folder, { ...tableQuery, ...(cursor !== undefined && { cursor }) }),
  );
  return (
    <Result title="Groups" pages={pages}>
      <GroupTable folder={folder} rows={pages.rows} more={pages.more} sorted={tableQuery} />
    </Result>
  );
}

function Singles({ folder }: { readonly folder: string }) {
  const [query] = useFilters();
  const tableQuery = { ...filterOf(query), ...sortOf(query, rolloutSorts), limit: pageSize };
  const pages = usePages(['run', folder, 'rollouts', tableQuery], (source, cursor) =>
    source.rollouts(folder, { ...tableQuery, ...(cursor !== undefined && { cursor }) }),
  );
  return (
    <Result title="Single rollouts" pages={pages}>
      <RolloutTable folder={folder} rows={pages.rows} more={pages.more} sorted={tableQuery} />
    </Result>
  );
}

function Result(props: {
  readonly title: string;
  readonly pages: { readonly error: Error | null; readonly total: number | null };
  readonly children: React.ReactNode;
}) {
  const { title, pages, children } = props;
  return (
    <Card title={title} note={pages.total === null ? 'loading…' : `${count(pages.total)} match`}>
      {pages.error !== null && <Empty>{pages.error.message}</Empty>}
      {pages.total === 0 ? <Empty>Nothing matches. Remove a filter.</Empty> : children}
    </Card>
  );
}

/** Loads a table page by page as the user scrolls. */
function usePages<T>(
  key: readonly unknown[],
  ask: (source: DataSource, cursor: string | undefined) => Promise<Page<T>>,
) {
  const source = useSource();
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => ask(source, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    placeholderData: (before) => before,
  });
  return {
    rows: (data?.pages ?? []).flatMap(({ rows }) => rows),
    total: data?.pages[0]?.total ?? null,
    error,
    more: hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : undefined,
  };
}
