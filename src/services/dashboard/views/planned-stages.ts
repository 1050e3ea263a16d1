/** A stage of the recipe, whether or not it has begun, with its rules in words. */
export interface PlannedStage {
  readonly stage: string;
  /**
   * Number of the last step; null for an imitation stage that has not begun, because it depends on the number of
   * examples.
   */
  readonly maxSteps: number | null;
  /**
   * The rule that selects problems, such as `in medium or in hard`. For an imitation stage, the source of its examples.
   */
  readonly select: string;
  /** How pass rates are measured again before the stage begins; null if they are not. */
  readonly remeasure: string | null;
  /** The exit rule; null if the stage ends only at `maxSteps`. */
  readonly advanceWhen: string | null;
  /** Null for a stage that imitates or distils. */
  readonly sampler: string | null;
  readonly gates: readonly string[];
}

/**
 * Returns the stages of a resolved recipe. Reads plain JSON instead of the recipe's schema, so that recipes of older
 * versions can be shown too.
 *
 * @param steps last step by stage name, for stages whose last step is not in the recipe.
 */
export function plannedStages(
  recipe: unknown,
  steps: ReadonlyMap<string, number> = new Map(),
): PlannedStage[] {
  const stages = isObject(recipe) && Array.isArray(recipe['stages']) ? recipe['stages'] : [];
  return stages.filter(isObject).map((stage) => ({
    stage: String(stage['name']),
    maxSteps: steps.get(String(stage['name'])) ?? numberOrNull(stage['maxSteps']),
    select: stage['type'] === 'imitate' ? imitated(stage) : selection(stage['select']),
    remeasure: stage['remeasure'] === undefined ? null : words(stage['remeasure']),
    advanceWhen: stage['advanceWhen'] === undefined ? null : words(stage['advanceWhen']),
    sampler: stage['sampler'] === undefined ? null : words(stage['sampler']),
    gates: Array.isArray(stage['gates']) ? stage['gates'].map(words) : [],
  }));
}

const numberOrNull = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** Formats `imitates harvest (select medium, rollouts 4, …), from the base weights`. */
const imitated = ({ examples, start }: Readonly<Record<string, unknown>>): string =>
  `imitates ${words(examples)}, from the ${words(start)} weights`;

function selection(select: unknown): string {
  if (select === undefined) return 'every problem';
  return Array.isArray(select) ? select.map(ruleWords).join(' or ') : ruleWords(select);
}

/** Formats a rule over levels as the `stage-start` event does: `in learnable and (not in easy)`. */
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

/** Formats `{type: 'plateau', metric: 'reward/mean', window: 50}` as `plateau (metric reward/mean, window 50)`. */
function words(value: unknown): string {
  if (Array.isArray(value)) return value.map(words).join(', ');
  if (!isObject(value)) return String(value);
  const { type, rules, rule, ...settings } = value;
  if (Array.isArray(rules))
    return rules.map((inner) => `(${words(inner)})`).join(type === 'any' ? ' or ' : ' and ');
  const details = [
    ...(rule === undefined ? [] : [words(rule)]),
    ...Object.entries(settings)
      .filter(([, setting]) => setting !== null && setting !== false)
      .map(([name, setting]) => (setting === true ? name : `${name} ${words(setting)}`)),
  ].join(', ');
  if (typeof type !== 'string') return details;
  return details === '' ? type : `${type} (${details})`;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
