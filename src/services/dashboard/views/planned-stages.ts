/** A stage as the recipe plans it, begun or not; rules are in words. */
export interface PlannedStage {
  readonly stage: string;
  readonly maxSteps: number;
  /** Which problems: `medium or hard`. */
  readonly select: string;
  /** How pass rates are measured again before it begins; null: not at all. */
  readonly remeasure: string | null;
  /** What ends it before `maxSteps`; null: nothing. */
  readonly advanceWhen: string | null;
  readonly sampler: string;
  readonly gates: readonly string[];
}

/**
 * The stages of a resolved recipe. It is read as the JSON it is, not by the recipe's schema: a run shows what it was
 * asked for also when a later version would ask otherwise.
 */
export function plannedStages(recipe: unknown): PlannedStage[] {
  const stages = isObject(recipe) && Array.isArray(recipe['stages']) ? recipe['stages'] : [];
  return stages.filter(isObject).map((stage) => ({
    stage: String(stage['name']),
    maxSteps: Number(stage['maxSteps']),
    select: selection(stage['select']),
    remeasure: stage['remeasure'] === undefined ? null : words(stage['remeasure']),
    advanceWhen: stage['advanceWhen'] === undefined ? null : words(stage['advanceWhen']),
    sampler: words(stage['sampler']),
    gates: Array.isArray(stage['gates']) ? stage['gates'].map(words) : [],
  }));
}

function selection(select: unknown): string {
  if (select === undefined) return 'every problem';
  return Array.isArray(select) ? select.map(ruleWords).join(' or ') : ruleWords(select);
}

/** A rule over levels, as the event that begins its stage says it: `in learnable and (not in easy)`. */
function ruleWords(rule: unknown): string {
  if (!isObject(rule)) return `in ${words(rule)}`;
  const { type, level, domain, rules, rule: inner } = rule;
  if (type === 'level') return `in ${words(level)}`;
  if (type === 'domain') return `domain is ${words(domain)}`;
  if (type === 'not') return `not ${bracketed(inner)}`;
  if (Array.isArray(rules)) return rules.map(bracketed).join(type === 'any' ? ' or ' : ' and ');
  return words(rule);
}

const bracketed = (rule: unknown): string =>
  isObject(rule) && ('rules' in rule || 'rule' in rule) ? `(${ruleWords(rule)})` : ruleWords(rule);

/** `{type: 'plateau', metric: 'reward/mean', window: 50}` → `plateau (metric reward/mean, window 50)`. */
function words(value: unknown): string {
  if (Array.isArray(value)) return value.map(words).join(', ');
  if (!isObject(value)) return String(value);
  const { type, rules, rule, ...settings } = value;
  if (Array.isArray(rules))
    return rules.map((inner) => `(${words(inner)})`).join(type === 'any' ? ' or ' : ' and ');
  const told = [
    ...(rule === undefined ? [] : [words(rule)]),
    ...Object.entries(settings)
      .filter(([, setting]) => setting !== null && setting !== false)
      .map(([name, setting]) => (setting === true ? name : `${name} ${words(setting)}`)),
  ].join(', ');
  if (typeof type !== 'string') return told;
  return told === '' ? type : `${type} (${told})`;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
