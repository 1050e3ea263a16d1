import * as z from 'zod';
import type { Outcome } from '../../../core/verdict.ts';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import type { Row } from '../../../runs/reading/run-views.ts';
import { type Page, pageFields, pageOf, pageSql, type SortKey } from './page.ts';
import { groupCondition, rolloutFilter } from './rollout-filter.ts';

/** A problem with its rollouts summed up. */
export interface ProblemLine {
  readonly problemId: string;
  readonly domain: string;
  readonly family: string | null;
  readonly knob: number | null;
  /** Of its last group. */
  readonly level: string | null;
  readonly groups: number;
  readonly correct: number;
  readonly trials: number;
  /** Posterior mean of the pass rate (Jeffreys prior): few trials are not extreme. */
  readonly rate: number;
  readonly lastGroup: number;
  readonly lastStep: number;
}

/** What a problem's last group failed by most often, with one verifier's reason. */
export interface Failure {
  readonly outcome: Outcome;
  readonly count: number;
  readonly reason: string;
}

/** A problem in a table; `failure` is null where its last group's rollouts all were correct, or were not indexed. */
export interface ProblemRow extends ProblemLine {
  readonly failure: Failure | null;
}

const sortKeys = {
  rate: [{ sql: 'rate' }, { sql: 'trials' }],
  problem: [],
  trials: [{ sql: 'trials' }],
  lastStep: [{ sql: 'step' }],
} satisfies Record<string, SortKey[]>;

/** `GET /api/runs/:run/problems`: `Page<ProblemRow>`; `sort=rate&order=asc` are the worst. */
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

/** See `problemsQuery`: what a page asks for. */
export type ProblemsQuery = z.input<typeof problemsQuery>;

/** Problems over the groups that a filter leaves; the worst first unless asked otherwise. */
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
 * The problems of some groups. What does not sum up is of the last group: SQLite takes it from the row of max(id).
 *
 * @param how `NOT INDEXED` where there are many: following an index to each of its rows takes longer than reading all.
 */
export function summedUp(where: string, how: 'NOT INDEXED' | '' = ''): string {
  return `SELECT problem_id, domain, family, knob, level, step, count(*) AS groups, max(id) AS last_group,
    sum(correct) AS correct, sum(trials) AS trials, (sum(correct) + 0.5) / (sum(trials) + 1) AS rate
    FROM groups g ${how} WHERE ${where} GROUP BY problem_id`;
}

/** The line in a row of `summedUp`. */
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
  // The most frequent of a group comes last and stays.
  return new Map(rows.map(([group, outcome, count, reason]) => [group, { outcome, count, reason }]));
}
