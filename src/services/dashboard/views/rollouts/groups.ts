import * as z from 'zod';
import type { Outcome } from '../../../../core/verdict.ts';
import type { RunReader } from '../../../../runs/reading/run-reader.ts';
import { type GroupRow, groupView, type Row } from '../../../../runs/reading/run-rows.ts';
import { type Page, pageFields, pageOf, pageSql, type SortKey } from '../page.ts';
import { attemptCondition, groupCondition, rolloutFilter } from './rollout-filter.ts';
import { all } from '../sql.ts';

/** The rollouts of one problem at one step. With purpose `evaluate`, `stage` is the suite. */
export interface Group extends Omit<GroupRow, 'file' | 'firstRow' | 'meanScore'> {
  /** Number of rollouts by outcome; empty if the run has no index of rollouts. */
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  /** Number of rollouts flagged as possible reward hacks. */
  readonly suspicious: number;
}

const sortKeys = {
  recorded: [],
  step: [{ sql: 'g.step' }],
  problem: [{ sql: 'g.problem_id' }],
  rate: [{ sql: 'g.correct * 1.0 / nullif(g.trials, 0)', isNullable: true }],
  reward: [{ sql: 'g.mean_reward', isNullable: true }],
  tokens: [{ sql: 'g.mean_tokens' }],
} satisfies Record<string, SortKey[]>;

/** `GET /api/runs/:run/groups`: `Page<Group>`. */
export const groupsQuery = z.strictObject({
  ...rolloutFilter.shape,
  sort: z.enum(['recorded', 'step', 'problem', 'rate', 'reward', 'tokens']).default('recorded'),
  ...pageFields,
});

/** Query of `groupsView`, before defaults. */
export type GroupsQuery = z.input<typeof groupsQuery>;

/** Lists the groups that match a filter, one page at a time. */
export function groupsView(run: RunReader, query: z.output<typeof groupsQuery>): Page<Group> {
  const { sort, order, limit, cursor, ...filter } = query;
  const page = { keys: [...sortKeys[sort], { sql: 'g.id' }], order, limit, cursor };
  const attempt = attemptCondition(filter);
  const where = all([
    groupCondition(filter),
    attempt && {
      sql: `EXISTS (SELECT 1 FROM rollouts r WHERE r.group_id = g.id AND ${attempt.sql})`,
      values: attempt.values,
    },
  ]);
  const { columns, after, tail } = pageSql(page);
  const [[total]] = run.lists(`SELECT count(*) FROM groups g WHERE ${where.sql}`, ...where.values) as [
    [number],
  ];
  const rows = run.rows(
    `SELECT g.*, ${columns} FROM groups g WHERE ${where.sql} AND ${after.sql} ${tail}`,
    ...where.values,
    ...after.values,
  );
  const counts = outcomeCounts(
    run,
    rows.map((row) => Number(row['id'])),
  );
  return pageOf(rows, page, total, (row) => shownGroup(row, counts));
}

/** Returns a group by its id, with the position of its rollouts in a shard; undefined if the id is unknown. */
export function findGroup(run: RunReader, id: number): { group: Group; place: GroupRow } | undefined {
  const place = run.group(id);
  if (place === undefined) return undefined;
  const [row] = run.rows('SELECT * FROM groups WHERE id = ?', id);
  return { group: shownGroup(row!, outcomeCounts(run, [id])), place };
}

type Counts = ReadonlyMap<
  number,
  { readonly outcomes: Partial<Record<Outcome, number>>; readonly suspicious: number }
>;

function outcomeCounts(run: RunReader, ids: readonly number[]): Counts {
  const rows = run.lists(
    `SELECT group_id, outcome, count(*), count(flags) FROM rollouts
     WHERE group_id IN (${ids.map(() => '?').join(', ')}) GROUP BY group_id, outcome`,
    ...ids,
  ) as [number, Outcome, number, number][];
  const counts = new Map<number, { outcomes: Partial<Record<Outcome, number>>; suspicious: number }>();
  for (const [id, outcome, count, suspicious] of rows) {
    const entry = counts.get(id) ?? { outcomes: {}, suspicious: 0 };
    entry.outcomes[outcome] = count;
    entry.suspicious += suspicious;
    counts.set(id, entry);
  }
  return counts;
}

function shownGroup(row: Row, counts: Counts): Group {
  const { file: _file, firstRow: _first, meanScore: _score, ...group } = groupView(row);
  return { ...group, outcomes: {}, suspicious: 0, ...counts.get(group.id) };
}
