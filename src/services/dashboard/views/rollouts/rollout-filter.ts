import * as z from 'zod';
import { outcomes } from '../../../../core/verdict.ts';
import { all, anyOf, type Condition, condition } from '../sql.ts';

const any = z.array(z.string());
const number = z.coerce.number<number>();

/**
 * Filter for rollouts. A missing condition matches every rollout; a condition with several values matches any of them.
 * A group matches if at least one of its rollouts does.
 */
export const rolloutFilter = z.strictObject({
  stage: any.optional(),
  purpose: z.array(z.enum(['train', 'measure', 'evaluate'])).optional(),
  domain: any.optional(),
  family: any.optional(),
  level: any.optional(),
  fromStep: number.int().optional(),
  toStep: number.int().optional(),
  /** Substring of a problem's id; ASCII letters match case-insensitively. */
  problem: z.string().optional(),
  /** Whether none, some or all of the group's judged rollouts are correct. */
  solved: z.array(z.enum(['none', 'some', 'all'])).optional(),
  outcome: z.array(z.enum(outcomes)).optional(),
  finish: z.array(z.enum(['stop', 'length', 'error'])).optional(),
  minReward: number.optional(),
  maxReward: number.optional(),
  /** Bounds on the number of tokens written, inclusive. */
  minTokens: number.optional(),
  maxTokens: number.optional(),
  /** Only correct rollouts that are flagged as possible reward hacks. */
  suspicious: z.literal('true').optional(),
});

/** A validated `rolloutFilter`. */
export type RolloutFilter = z.output<typeof rolloutFilter>;

/** Returns the conditions on a group, which SQL calls `g`. */
export function groupCondition(filter: RolloutFilter): Condition {
  const { problem, solved } = filter;
  return all([
    anyOf('g.stage', filter.stage),
    anyOf('g.purpose', filter.purpose),
    anyOf('g.domain', filter.domain),
    anyOf('g.family', filter.family),
    anyOf('g.level', filter.level),
    condition('g.step >= ?', filter.fromStep),
    condition('g.step <= ?', filter.toStep),
    problem === undefined ? undefined : condition("g.problem_id LIKE ? ESCAPE '\\'", contains(problem)),
    solved && { sql: `(${solved.map((kind) => solvedSql[kind]).join(' OR ')})`, values: [] },
  ]);
}

/** Returns the conditions on a rollout, which SQL calls `r`; undefined if there are none. */
export function attemptCondition(filter: RolloutFilter): Condition | undefined {
  const conditions = [
    anyOf('r.outcome', filter.outcome),
    anyOf('r.finish_reason', filter.finish),
    condition('r.reward >= ?', filter.minReward),
    condition('r.reward <= ?', filter.maxReward),
    condition('r.tokens >= ?', filter.minTokens),
    condition('r.tokens <= ?', filter.maxTokens),
    filter.suspicious && { sql: 'r.flags IS NOT NULL', values: [] },
  ];
  return conditions.some((one) => one !== undefined) ? all(conditions) : undefined;
}

const solvedSql = {
  none: '(g.trials > 0 AND g.correct = 0)',
  some: '(g.correct > 0 AND g.correct < g.trials)',
  all: '(g.trials > 0 AND g.correct = g.trials)',
} as const;

const contains = (text: string): string => `%${text.replaceAll(/[%_\\]/g, String.raw`\$&`)}%`;
