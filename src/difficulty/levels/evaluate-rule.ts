import { ConfigError } from '../../core/errors.ts';
import { hashKey, uniformAt } from '../../core/rng.ts';
import type { Interval } from '../../statistics/intervals.ts';
import type { LevelRule } from './level-rules.ts';
import { noTrials, type Trials } from '../pass-rates/trials.ts';

/** Whether a problem belongs to a level, given its trials. `possible`: further trials may decide either way. */
export type Membership = 'certain' | 'possible' | 'no';

/** A problem with its pass rates for every measured model. */
export interface LevelSubject {
  readonly id: string;
  readonly domain: string;
  /** Trials by model label; models that were not measured are missing. */
  readonly passRates: Readonly<Record<string, Trials>>;
}

/** Functions that the evaluation of a rule needs. */
export interface RuleContext {
  /**
   * Returns the range of a pass rate given its trials. For a point estimate, it is a single value; without trials, it
   * is 0 … 1.
   */
  readonly intervalOf: (trials: Trials) => Interval;
  /** Returns the membership in a named level. */
  readonly inLevel: (level: string, subject: LevelSubject) => Membership;
}

/**
 * Evaluates a rule for a problem. A band is `certain` if it contains the entire interval and `no` if it is disjoint
 * from it. `all`, `any` and `not` combine by Kleene's three-valued logic, which may return `possible` even if the union
 * of two neighbouring bands would be certain.
 */
export function ruleMembership(rule: LevelRule, subject: LevelSubject, context: RuleContext): Membership {
  const of = (inner: LevelRule): Membership => ruleMembership(inner, subject, context);
  switch (rule.type) {
    case 'band':
      return bandMembership(rule, context.intervalOf(subject.passRates[rule.model] ?? noTrials));
    case 'domain':
      return subject.domain === rule.domain ? 'certain' : 'no';
    case 'level':
      return context.inLevel(rule.level, subject);
    case 'all':
      return leastOf(rule.rules.map(of));
    case 'any':
      return mostOf(rule.rules.map(of));
    case 'not':
      return negated[of(rule.rule)];
    case 'thin':
      return staysIn(rule, subject) ? of(rule.rule) : 'no';
  }
}

/** @throws {ConfigError} if a rule names an unknown level, or a level is defined in terms of itself. */
export function checkReferences(
  rule: LevelRule,
  levels: ReadonlyMap<string, LevelRule>,
  path: readonly string[],
): void {
  switch (rule.type) {
    case 'band':
    case 'domain':
      return;
    case 'level':
      checkLevel(rule.level, levels, path);
      return;
    case 'all':
    case 'any':
      for (const inner of rule.rules) checkReferences(inner, levels, path);
      return;
    case 'not':
    case 'thin':
      checkReferences(rule.rule, levels, path);
  }
}

function checkLevel(name: string, levels: ReadonlyMap<string, LevelRule>, path: readonly string[]): void {
  const rule = levels.get(name);
  if (rule === undefined) {
    const known = [...levels.keys()].join(', ') || 'none';
    throw new ConfigError(
      `${path.join(' → ')}: expected the name of a level, got "${name}"; levels: ${known}`,
    );
  }
  if (path.includes(name)) {
    throw new ConfigError(`levels: "${name}" is defined in terms of itself: ${[...path, name].join(' → ')}`);
  }
  checkReferences(rule, levels, [...path, name]);
}

const negated = { certain: 'no', possible: 'possible', no: 'certain' } as const;

function leastOf(parts: readonly Membership[]): Membership {
  if (parts.includes('no')) return 'no';
  return parts.includes('possible') ? 'possible' : 'certain';
}

function mostOf(parts: readonly Membership[]): Membership {
  if (parts.includes('certain')) return 'certain';
  return parts.includes('possible') ? 'possible' : 'no';
}

function bandMembership(band: LevelRule & { type: 'band' }, { low, high }: Interval): Membership {
  const { min, max, excludeMin, excludeMax } = band;
  const isAbove = (value: number): boolean => (excludeMin ? value > min : value >= min);
  const isBelow = (value: number): boolean => (excludeMax ? value < max : value <= max);
  if (isAbove(low) && isBelow(high)) return 'certain';
  return isAbove(high) && isBelow(low) ? 'possible' : 'no';
}

/** Returns whether a `thin` rule keeps a problem that its inner rule accepts. */
export function staysIn(
  { share, seed, domain }: LevelRule & { type: 'thin' },
  subject: Pick<LevelSubject, 'id' | 'domain'>,
): boolean {
  if (domain !== undefined && domain !== subject.domain) return true;
  return uniformAt(hashKey(seed, 'thin', subject.id)) < share;
}
