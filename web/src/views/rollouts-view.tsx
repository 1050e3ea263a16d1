import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import type { Group, GroupsQuery } from '../../../src/server/views/groups.ts';
import { useData } from '../data/use-data.ts';
import { rate, short } from '../design/numbers.ts';
import { InertLine } from '../design/inert-text.tsx';
import { Card, Empty, Field } from '../design/parts.tsx';
import styles from '../design/parts.module.css';
import { Link, useFilters } from '../router.tsx';
import list from './rollouts-view.module.css';

const filters = ['stage', 'domain', 'family', 'level', 'purpose'] as const;

/** Every group of rollouts; the filters are in the address. */
export function RolloutsView({ folder }: { readonly folder: string }) {
  const [query, change] = useFilters();
  const step = query.get('step') ?? '';
  const asked: GroupsQuery = {
    ...Object.fromEntries(filters.filter((name) => query.has(name)).map((name) => [name, [query.get(name)]])),
    ...(step === '' ? {} : { fromStep: Number(step), toStep: Number(step) }),
    limit: 500,
  };
  const { data: facets } = useData(['run', folder, 'facets'], (source) => source.facets(folder));
  const { data } = useData(['run', folder, 'groups', asked], (source) => source.groups(folder, asked));
  if (data === undefined || facets === undefined) return <p>Reading the groups…</p>;
  const shown = data.rows;
  const all = facets.purpose.reduce((sum, { count }) => sum + count, 0);
  return (
    <div className={styles.stack}>
      <h1>Rollouts</h1>
      <div className={styles.row}>
        <Field name="Step">
          <input
            inputMode="numeric"
            size={6}
            value={step}
            onChange={(event) => {
              change({ step: event.target.value.replaceAll(/\D/gu, '') });
            }}
          />
        </Field>
        {filters.map((name) => (
          <Field key={name} name={name[0]!.toUpperCase() + name.slice(1)}>
            <select
              value={query.get(name) ?? ''}
              onChange={(event) => {
                change({ [name]: event.target.value });
              }}
            >
              <option value="">all</option>
              {facets[name].map(({ value }) => (
                <option key={value}>{value}</option>
              ))}
            </select>
          </Field>
        ))}
      </div>
      <Card title="Groups" note={`${data.total} of ${all}; rates with 95 % intervals, in %`}>
        {shown.length === 0 ? (
          <Empty>No group matches. Remove a filter.</Empty>
        ) : (
          <Rows folder={folder} groups={shown} />
        )}
      </Card>
    </div>
  );
}

function Rows({ folder, groups }: { readonly folder: string; readonly groups: readonly Group[] }) {
  const element = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: groups.length,
    getScrollElement: () => element.current,
    estimateSize: () => 34,
    overscan: 12,
  });
  return (
    <section className={list.list} ref={element} tabIndex={0} aria-label="Groups of rollouts">
      <div className={list.inner} style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const group = groups[index]!;
          return (
            <div key={group.id} className={list.line} style={{ top: start }}>
              <span>step {group.step}</span>
              <InertLine text={group.stage} max={20} />
              <Link to={['runs', folder, 'group', String(group.id)]}>
                <InertLine text={group.problemId} max={60} />
              </Link>
              <span>{rate(group.correct, group.trials)}</span>
              <span>{short(group.meanTokens)} tokens</span>
            </div>
          );
        })}
      </div>
    </section>
  );
}
