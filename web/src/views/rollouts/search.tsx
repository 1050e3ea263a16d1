import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { SearchHit, SearchView } from '../../../../src/services/dashboard/views/texts/search.ts';
import { useSource } from '../../data/use-data.ts';
import { InertLine, InertText } from '../../design/inert-text.tsx';
import { percent } from '../../design/numbers.ts';
import { Badge, Card, Empty, Field } from '../../design/parts.tsx';
import styles from '../../design/parts.module.css';
import { ProblemName } from '../../design/problem-name.tsx';
import { useFilters } from '../../router.tsx';
import { searchOf } from './filter.ts';
import own from './rollouts.module.css';

/** Milliseconds between requests while the run is being indexed, and after a failed request. */
const [pollMs, afterErrorMs] = [250, 5000];

/** Full-text search over prompts, answers and completions, within the filters. */
export function Search({ folder }: { readonly folder: string }) {
  const [url] = useFilters();
  const source = useSource();
  const query = searchOf(url);
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ['run', folder, 'search', query],
    queryFn: ({ pageParam }) =>
      source.search(folder, { ...query, ...(pageParam !== undefined && { before: pageParam }) }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ next }: SearchView) => next ?? undefined,
    placeholderData: (before) => before,
    refetchInterval: ({ state }) => {
      if (state.error !== null) return afterErrorMs;
      return isIndexed(state.data?.pages[0]) ? false : pollMs;
    },
  });
  const first = data?.pages[0];
  const hits = (data?.pages ?? []).flatMap(({ rows }) => rows);
  return (
    <Card title="Search" note={first === undefined ? 'loading…' : progressOf(first)}>
      <SearchFields />
      {error !== null && <Empty>{error.message}</Empty>}
      {first !== undefined && hits.length === 0 && !hasNextPage && isIndexed(first) && (
        <Empty>Nothing matches. Only whole words match; end a word with * to match its beginning.</Empty>
      )}
      <ol className={own.hits}>
        {hits.map((hit) => (
          <Hit key={`${hit.group}-${hit.index}`} folder={folder} hit={hit} />
        ))}
      </ol>
      {hasNextPage && (
        <button type="button" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Show more
        </button>
      )}
    </Card>
  );
}

const isIndexed = (page: SearchView | undefined): boolean =>
  page !== undefined && page.index.indexed === page.index.total;

function progressOf({ index: { indexed, total } }: SearchView): string {
  return indexed === total ? 'newest first' : `indexing, ${percent(indexed / Math.max(1, total))} done`;
}

/** Milliseconds between the last key and the search. */
const typingMs = 250;

function SearchFields() {
  const [url, set] = useFilters();
  const sought = url.get('text') ?? '';
  const [typed, setTyped] = useState(sought);
  useEffect(() => setTyped(sought), [sought]);
  useEffect(() => {
    if (typed === sought) return;
    const timer = setTimeout(() => set({ text: typed }), typingMs);
    return () => clearTimeout(timer);
  }, [typed, sought, set]);
  return (
    <div className={styles.row}>
      <div className={own.searchText}>
        <Field name="Words in prompts, answers and completions">
          <input
            type="search"
            value={typed}
            placeholder={'word "a phrase" begin*'}
            onChange={(event) => setTyped(event.target.value)}
          />
        </Field>
      </div>
      <Field name="Look in">
        <select value={url.get('field') ?? ''} onChange={(event) => set({ field: event.target.value })}>
          <option value="">all texts</option>
          <option value="prompt">prompts</option>
          <option value="answer">answers</option>
          <option value="completion">completions</option>
        </select>
      </Field>
    </div>
  );
}

function Hit({ folder, hit }: { readonly folder: string; readonly hit: SearchHit }) {
  const { group, index, problemId, outcome, step, stage, turns } = hit;
  const rollout =
    index === null
      ? {}
      : { before: `#${index + 1}`, to: ['runs', folder, 'group', String(group)], query: { rollout: index } };
  return (
    <li className={own.hit}>
      <div className={own.hitHead}>
        <Badge word={outcome ?? ''}>{outcome ?? 'problem'}</Badge>
        <span className={own.hitName}>
          <ProblemName folder={folder} id={problemId} {...rollout} />
        </span>
        <span className={styles.small}>
          step {step}, <InertLine text={stage} max={30} />
          {turns !== null && turns > 1 && `, ${turns} turns`} · {hit.field}
        </span>
      </div>
      <InertText text={hit.text} marked={hit.match ?? undefined} />
    </li>
  );
}
