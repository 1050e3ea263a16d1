import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { policyLabel } from '../pass-rates/trials.ts';

/**
 * Accepts problems for which one model's pass rate lies between two bounds, e.g. `band({ min: 0, max: 1, excludeMin:
 * true, excludeMax: true })`.
 */
const bandRule = z.strictObject({
  type: z.literal('band'),
  /** Label of the model whose pass rate is read; `policy` is the model being trained. */
  model: z.string().default(policyLabel),
  min: z.number().min(0).max(1).default(0),
  max: z.number().min(0).max(1).default(1),
  excludeMin: z.boolean().default(false),
  excludeMax: z.boolean().default(false),
});

const domainRule = z.strictObject({ type: z.literal('domain'), domain: z.string() });
const levelRule = z.strictObject({ type: z.literal('level'), level: z.string() });

type Leaf = z.infer<typeof bandRule> | z.infer<typeof domainRule> | z.infer<typeof levelRule>;
type LeafInput = z.input<typeof bandRule> | z.input<typeof domainRule> | z.input<typeof levelRule>;

interface Several<R> {
  type: 'all' | 'any';
  rules: R[];
}
interface Negation<R> {
  type: 'not';
  rule: R;
}
interface Thinning<R> {
  type: 'thin';
  rule: R;
  share: number;
  seed: number;
  domain?: string | undefined;
}

/** A selection of problems as data: a tree of pass-rate bands, domains and named levels. */
export type LevelRule = Leaf | Several<LevelRule> | Negation<LevelRule> | Thinning<LevelRule>;
/** A rule as written in a recipe, without defaults. */
export type LevelRuleInput =
  | LeafInput
  | Several<LevelRuleInput>
  | Negation<LevelRuleInput>
  | Thinning<LevelRuleInput>;

const rules = z.array(z.lazy((): typeof levelRuleConfig => levelRuleConfig)).min(1);
const rule = z.lazy((): typeof levelRuleConfig => levelRuleConfig);

/**
 * - `band`: the model's pass rate lies between bounds;
 * - `domain`, `level`: the problem belongs to that domain or that named level;
 * - `all`, `any`, `not`: combine other rules;
 * - `thin`: a seeded `share` of the problems that the inner rule accepts; with `domain`, only problems of that domain
 *   are thinned.
 */
export const levelRuleConfig: z.ZodType<LevelRule, LevelRuleInput> = z.discriminatedUnion('type', [
  bandRule,
  domainRule,
  levelRule,
  z.strictObject({ type: z.literal('all'), rules }),
  z.strictObject({ type: z.literal('any'), rules }),
  z.strictObject({ type: z.literal('not'), rule }),
  z.strictObject({
    type: z.literal('thin'),
    rule,
    share: z.number().min(0).max(1),
    /** Seed of the thinning: together with the problem's id, it determines whether the problem is kept. */
    seed: z.int(),
    domain: z.string().optional(),
  }),
]);

/** Selects problems for which one model's pass rate lies between two bounds, which are inclusive by default. */
export const band = noun(bandRule);

/** Selects the problems of one domain. */
export function inDomain(domain: string): LevelRuleInput {
  return { type: 'domain', domain };
}

/** Selects the problems that belong to the level with this name. */
export function inLevel(level: string): LevelRuleInput {
  return { type: 'level', level };
}

/** Selects the problems that every rule accepts. */
export function allOf(...inner: LevelRuleInput[]): LevelRuleInput {
  return { type: 'all', rules: inner };
}

/** Selects the problems that at least one rule accepts. */
export function anyOf(...inner: LevelRuleInput[]): LevelRuleInput {
  return { type: 'any', rules: inner };
}

/** Selects the problems that the rule does not accept. */
export function not(inner: LevelRuleInput): LevelRuleInput {
  return { type: 'not', rule: inner };
}

/**
 * Selects a seeded share of the problems that a rule accepts, e.g. half of the math problems: `thin(solved, { share: 0.5,
 * domain: 'math', seed: 1 })`.
 */
export function thin(
  inner: LevelRuleInput,
  options: { share: number; seed: number; domain?: string },
): LevelRuleInput {
  return { type: 'thin', rule: inner, ...options };
}

/** Returns the labels of all models whose pass rates a rule reads. */
export function modelsOf(subject: LevelRule): string[] {
  switch (subject.type) {
    case 'band':
      return [subject.model];
    case 'domain':
    case 'level':
      return [];
    case 'all':
    case 'any':
      return subject.rules.flatMap(modelsOf);
    case 'not':
    case 'thin':
      return modelsOf(subject.rule);
  }
}

/** Formats a rule in mathematical notation with its thresholds, e.g. `0 < p(small) < 1`. */
export function describeRule(subject: LevelRule): string {
  switch (subject.type) {
    case 'band':
      return describeBand(subject);
    case 'domain':
      return `domain is ${subject.domain}`;
    case 'level':
      return `in ${subject.level}`;
    case 'all':
      return subject.rules.map((inner) => bracketed(inner)).join(' and ');
    case 'any':
      return subject.rules.map((inner) => bracketed(inner)).join(' or ');
    case 'not':
      return `not ${bracketed(subject.rule)}`;
    case 'thin': {
      const of = subject.domain === undefined ? '' : ` of ${subject.domain}`;
      return `${subject.share * 100} %${of} (seed ${subject.seed}) where ${bracketed(subject.rule)}`;
    }
  }
}

function describeBand({ model, min, max, excludeMin, excludeMax }: z.infer<typeof bandRule>): string {
  const p = `p(${model})`;
  if (min === max) return `${p} = ${min}`;
  const below = min > 0 || excludeMin ? `${min} ${excludeMin ? '<' : '≤'} ` : '';
  const above = max < 1 || excludeMax ? ` ${excludeMax ? '<' : '≤'} ${max}` : '';
  return below === '' && above === '' ? `0 ≤ ${p} ≤ 1` : `${below}${p}${above}`;
}

function bracketed(inner: LevelRule): string {
  const isSimple = inner.type === 'band' || inner.type === 'domain' || inner.type === 'level';
  return isSimple ? describeRule(inner) : `(${describeRule(inner)})`;
}
