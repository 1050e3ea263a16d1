import * as z from 'zod';
import type { Outcome } from '../../../../core/verdict.ts';
import type { RunReader } from '../../../../runs/reading/run-reader.ts';
import type { Row } from '../../../../runs/reading/run-rows.ts';
import { type Page, pageFields, pageOf, pageSql, type SortKey } from '../page.ts';
import { groupCondition, rolloutFilter } from './rollout-filter.ts';

/** A problem with totals over its groups. */
export interface ProblemLine {
  readonly problemId: string;
  readonly domain: string;
  readonly family: string | null;
  readonly knob: number | null;
  /** Level in the problem's last group; null if there are no levels. */
  readonly level: string | null;
  readonly groups: number;
  readonly correct: number;
  readonly trials: number;
  /** Posterior mean of the pass rate with the Jeffreys prior, which keeps rates from few trials away from 0 and 1. */
  readonly rate: number;
  readonly lastGroup: number;
  readonly lastStep: number;
}

/** The most frequent failure in a problem's last group, with one of its reasons. */
export interface Failure {
  readonly outcome: Outcome;
  readonly count: number;
  readonly reason: string;
}

/** A row of the table; `failure` is null if the last group is all correct or the run has no index of rollouts. */
export interface ProblemRow extends ProblemLine {
  readonly failure: Failure | null;
}

const sortKeys = {
  rate: [{ sql: 'rate' }, { sql: 'trials' }],
  problem: [],
  trials: [{ sql: 'trials' }],
  lastStep: [{ sql: 'step' }],
} satisfies Record<string, SortKey[]>;

/** `GET /api/runs/:run/problems`: `Page<ProblemRow>`; `sort=rate&order=asc` lists the hardest first. */
export const problemsQuery = z.strictObject({
  ...rolloutFilter.pick({
    stage: true,
    purpose: true,
    domain: true,
    family: true,
    level: true,
    fromStep: true,
    toStep: true,
    problem: true,
  }).shape,
  sort: z.enum(['rate', 'problem', 'trials', 'lastStep']).default('rate'),
  ...pageFields,
  order: z.enum(['asc', 'desc']).default('asc'),
});

/** Query of `problemsView`, before defaults. */
export type ProblemsQuery = z.input<typeof problemsQuery>;

/** Lists the problems of the groups that match a filter, by default the hardest first. */
export function problemsView(run: RunReader, query: z.output<typeof problemsQuery>): Page<ProblemRow> {
  const { sort, order, limit, cursor, ...filter } = query;
  const page = { keys: [...sortKeys[sort], { sql: 'problem_id' }], order, limit, cursor };
  const where = groupCondition(filter);
  const { columns, after, tail } = pageSql(page);
  const rows = run.rows(
    `WITH problems AS MATERIALIZED (${summedUp(where.sql, 'NOT INDEXED')})
     SELECT *, (SELECT count(*) FROM problems) AS total, ${columns} FROM problems WHERE ${after.sql} ${tail}`,
    ...where.values,
    ...after.values,
  );
  const total = Number(rows[0]?.['total'] ?? 0);
  const failures = failuresOf(
    run,
    rows.map((row) => Number(row['last_group'])),
  );
  return pageOf(rows, page, total, (row) => {
    const line = problemLine(row);
    return { ...line, failure: failures.get(line.lastGroup) ?? null };
  });
}

/**
 * Returns the SQL that sums groups by problem. Other columns come from the last group, because SQLite takes them from
 * the row with max(id).
 *
 * @param how `NOT INDEXED` if there are many groups, because a full scan is then faster than an index.
 */
export function summedUp(where: string, how: 'NOT INDEXED' | '' = ''): string {
  return `SELECT problem_id, domain, family, knob, level, step, count(*) AS groups, max(id) AS last_group,
    sum(correct) AS correct, sum(trials) AS trials, (sum(correct) + 0.5) / (sum(trials) + 1) AS rate
    FROM groups g ${how} WHERE ${where} GROUP BY problem_id`;
}

/** Converts a row of `summedUp`. */
export function problemLine(row: Row): ProblemLine {
  return {
    problemId: String(row['problem_id']),
    domain: String(row['domain']),
    family: row['family'] as string | null,
    knob: row['knob'] as number | null,
    level: row['level'] as string | null,
    groups: Number(row['groups']),
    correct: Number(row['correct']),
    trials: Number(row['trials']),
    rate: Number(row['rate']),
    lastGroup: Number(row['last_group']),
    lastStep: Number(row['step']),
  };
}

function failuresOf(run: RunReader, groups: readonly number[]): ReadonlyMap<number, Failure> {
  const rows = run.lists(
    `SELECT group_id, outcome, count(*) AS count, min(reason) FROM rollouts
     WHERE group_id IN (${groups.map(() => '?').join(', ')}) AND outcome <> 'correct'
     GROUP BY group_id, outcome ORDER BY count`,
    ...groups,
  ) as [number, Outcome, number, string][];
  // Rows are in ascending order of count, so the most frequent failure of a group is set last.
  return new Map(rows.map(([group, outcome, count, reason]) => [group, { outcome, count, reason }]));
}
