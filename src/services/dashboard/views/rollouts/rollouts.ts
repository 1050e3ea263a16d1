import * as z from 'zod';
import type { FinishReason } from '../../../../core/transcript.ts';
import type { Outcome } from '../../../../core/verdict.ts';
import type { RunReader } from '../../../../runs/reading/run-reader.ts';
import { fromJson, type Row } from '../../../../runs/reading/run-rows.ts';
import type { Group } from './groups.ts';
import { type Page, pageFields, pageOf, pageSql, type SortKey } from '../page.ts';
import { attemptCondition, groupCondition, rolloutFilter } from './rollout-filter.ts';
import { all } from '../sql.ts';

/** One rollout in a table; its text is in `GroupDetail`. */
export interface RolloutLine extends Pick<
  Group,
  'step' | 'stage' | 'purpose' | 'problemId' | 'domain' | 'family' | 'level'
> {
  readonly group: number;
  /** Index in the group, from 0. */
  readonly index: number;
  readonly outcome: Outcome;
  readonly score: number;
  readonly reward: number | null;
  readonly advantage: number | null;
  readonly tokens: number;
  readonly finishReason: FinishReason;
  /** First 200 characters of the verdict's reason. */
  readonly reason: string;
  /** Signs of a possible reward hack; usually empty. */
  readonly flags: readonly string[];
}

/**
 * Sorting by a key of the group uses the index of groups; sorting by a key of the rollout happens before the join with
 * groups.
 */
const ofGroup = [{ sql: 'g.id' }, { sql: 'r.place' }];
const ofRollout = [{ sql: 'r.group_id' }, { sql: 'r.place' }];
const sortKeys = {
  recorded: ofGroup,
  step: [{ sql: 'g.step' }, ...ofGroup],
  problem: [{ sql: 'g.problem_id' }, ...ofGroup],
  score: [{ sql: 'r.score' }, ...ofRollout],
  reward: [{ sql: 'r.reward', isNullable: true }, ...ofRollout],
  advantage: [{ sql: 'r.advantage', isNullable: true }, ...ofRollout],
  tokens: [{ sql: 'r.tokens' }, ...ofRollout],
} satisfies Record<string, SortKey[]>;

/** `GET /api/runs/:run/rollouts`: `Page<RolloutLine>`. */
export const rolloutsQuery = z.strictObject({
  ...rolloutFilter.shape,
  sort: z.enum(['recorded', 'step', 'problem', 'score', 'reward', 'advantage', 'tokens']).default('recorded'),
  ...pageFields,
});

/** Query of `rolloutsView`, before defaults. */
export type RolloutsQuery = z.input<typeof rolloutsQuery>;

/** Columns of a `RolloutLine`. */
export const rolloutColumns = `r.*, g.step, g.stage, g.purpose, g.problem_id, g.domain, g.family, g.level`;

/** Lists the rollouts that match a filter, one page at a time. */
export function rolloutsView(run: RunReader, query: z.output<typeof rolloutsQuery>): Page<RolloutLine> {
  const { sort, order, limit, cursor, ...filter } = query;
  const page = { keys: sortKeys[sort], order, limit, cursor };
  const ofGroups = groupCondition(filter);
  const where = all([ofGroups, attemptCondition(filter)]);
  const { columns, after, tail } = pageSql(page);
  // First select the page, without joining groups unless a filter needs them; then join only the rows of this page.
  const joined = 'groups g JOIN rollouts r ON r.group_id = g.id';
  const counted = ofGroups.sql === '1' ? 'rollouts r' : joined;
  const from = page.keys.some(({ sql }) => sql.startsWith('g.')) ? joined : counted;
  const [[total]] = run.lists(`SELECT count(*) FROM ${counted} WHERE ${where.sql}`, ...where.values) as [
    [number],
  ];
  const rows = run.rows(
    `WITH page AS MATERIALIZED (
       SELECT r.group_id AS in_group, r.place AS at, ${columns} FROM ${from} WHERE ${where.sql} AND ${after.sql} ${tail}
     ) SELECT ${rolloutColumns}, page.* FROM page CROSS JOIN rollouts r ON r.group_id = in_group AND r.place = at
     CROSS JOIN groups g ON g.id = in_group ORDER BY ${page.keys.map((_, n) => `key${n} ${order}`).join(', ')}`,
    ...where.values,
    ...after.values,
  );
  return pageOf(rows, page, total, rolloutLine);
}

/** Converts a row of `rolloutColumns`. */
export function rolloutLine(row: Row): RolloutLine {
  return {
    group: Number(row['group_id']),
    index: Number(row['place']),
    step: Number(row['step']),
    stage: String(row['stage']),
    purpose: String(row['purpose']) as RolloutLine['purpose'],
    problemId: String(row['problem_id']),
    domain: String(row['domain']),
    family: row['family'] as string | null,
    level: row['level'] as string | null,
    outcome: String(row['outcome']) as Outcome,
    score: Number(row['score']),
    reward: row['reward'] as number | null,
    advantage: row['advantage'] as number | null,
    tokens: Number(row['tokens']),
    finishReason: String(row['finish_reason']) as FinishReason,
    reason: String(row['reason']),
    flags: (fromJson(row['flags']) as string[] | null) ?? [],
  };
}
