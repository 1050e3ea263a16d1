import * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';
import type { Interval } from '../../statistics/intervals.ts';
import { describeRule, levelRuleConfig, type LevelRule, type LevelRuleInput } from './level-rules.ts';
import { checkReferences, ruleMembership, type LevelSubject, type Membership } from './evaluate-rule.ts';
import { passRateIntervals, type Prior, type Trials } from '../pass-rates/trials.ts';

/** A named level, defined by a rule. Levels may overlap: a problem can be in several. */
export const levelConfig = z.strictObject({
  type: z.literal('level'),
  name: z.string().min(1),
  rule: levelRuleConfig,
  /**
   * How trials are compared with bounds. `point`, the default and the method of the papers, uses successes / trials.
   * With `interval`, membership is certain only if it holds for the entire credible interval.
   */
  by: z.enum(['point', 'interval']).default('point'),
  /** Confidence level of the interval. */
  confidence: z.number().gt(0).lt(1).default(0.95),
  /** Whether `possible` members are included. With `point`, only unmeasured problems are `possible`. */
  acceptPossible: z.boolean().default(false),
});

/** Defines a named level, e.g. `level('learnable', band({ excludeMin: true, excludeMax: true }))`. */
export function level(
  name: string,
  rule: LevelRuleInput,
  options: Omit<z.input<typeof levelConfig>, 'type' | 'name' | 'rule'> = {},
): z.input<typeof levelConfig> {
  return { type: 'level', name, rule, ...options };
}

/** A validated level. */
export type LevelConfig = z.infer<typeof levelConfig>;

/**
 * All levels of a recipe, ready to assign problems to levels.
 *
 * @example
 * const levels = createLevels(simpleLevels().map((input) => levelConfig.parse(input)), { alpha: 1, beta: 1 });
 * levels.of({ id: 'q1', domain: 'math', passRates: { policy: { successes: 1, trials: 8 } } }); // ['hard', 'learnable']
 */
export interface Levels {
  readonly names: readonly string[];
  /** Returns the names of the levels that accept the problem. */
  of(subject: LevelSubject): string[];
  /** Returns whether the problem belongs to a level: certain, possible or no. */
  membership(level: string, subject: LevelSubject): Membership;
  /**
   * Returns whether a rule over these levels accepts the problem. Levels use their own settings; bands use point
   * estimates.
   */
  matches(rule: LevelRule, subject: LevelSubject): boolean;
  /** Checks that a rule refers only to known levels. @throws {ConfigError} otherwise; the message contains `where`. */
  check(rule: LevelRule, where: string): void;
  /** Returns one line per level with its thresholds, for the log. */
  describe(): string[];
}

/** @throws {ConfigError} if names repeat, a rule names an unknown level, or the definitions of levels are circular. */
export function createLevels(configs: readonly LevelConfig[], prior: Prior): Levels {
  const byName = new Map(configs.map((config) => [config.name, config]));
  const rules = new Map(configs.map(({ name, rule }) => [name, rule]));
  checkNames(configs);
  for (const { name, rule } of configs) checkReferences(rule, rules, [name]);

  const readings = new Map(configs.map((config) => [config.name, readingOf(config, prior)]));
  const membership = (name: string, subject: LevelSubject): Membership =>
    ruleMembership(byName.get(name)!.rule, subject, {
      intervalOf: readings.get(name)!,
      inLevel: membership,
    });
  const takes = (name: string, subject: LevelSubject): boolean => {
    const found = membership(name, subject);
    return found === 'certain' || (found === 'possible' && byName.get(name)!.acceptPossible);
  };
  return {
    names: [...byName.keys()],
    of: (subject) => [...byName.keys()].filter((name) => takes(name, subject)),
    membership,
    matches(rule, subject) {
      const inLevel = (name: string): Membership => (takes(name, subject) ? 'certain' : 'no');
      return ruleMembership(rule, subject, { intervalOf: pointInterval, inLevel }) === 'certain';
    },
    check: (rule, where) => checkReferences(rule, rules, [where]),
    describe: () => configs.map(describeLevel),
  };
}

function checkNames(configs: readonly LevelConfig[]): void {
  const seen = new Set<string>();
  for (const { name } of configs) {
    if (seen.has(name)) throw new ConfigError(`levels: expected every name once, got "${name}" twice`);
    seen.add(name);
  }
}

function readingOf({ by, confidence }: LevelConfig, prior: Prior): (trials: Trials) => Interval {
  return by === 'interval' ? passRateIntervals(prior, confidence) : pointInterval;
}

function pointInterval({ successes, trials }: Trials): Interval {
  if (trials === 0) return { low: 0, high: 1 };
  return { low: successes / trials, high: successes / trials };
}

function describeLevel({ name, rule, by, confidence, acceptPossible }: LevelConfig): string {
  const reading = by === 'point' ? 'point estimates' : `${confidence * 100} % intervals`;
  return `${name}: ${describeRule(rule)} (${reading}${acceptPossible ? ', possible members too' : ''})`;
}
