import { ConfigError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { windowsOf } from '../curriculum/advance.ts';
import { nearestKey } from './parse-config.ts';
import type { Recipe } from './recipe.ts';
import type { StageConfig } from '../curriculum/stage.ts';
import { reinforceStages } from '../curriculum/stages.ts';
import { resolvedStages } from './resolve-stage.ts';
import { describeMetric } from '../runs/metrics/metric-catalogue.ts';
import { guessedReading } from '../verifiers/math/gold.ts';

/**
 * Rejects stages that would fail or never end: a mix with a domain that no problem has, or an advance rule on an
 * unknown metric. Call it before training, because the recipe of a run cannot be changed later.
 *
 * @throws ConfigError naming the stage.
 */
export function checkStages({ stages }: Pick<Recipe, 'stages'>, problems: readonly Problem[]): void {
  const domains = domainsOf(problems);
  for (const { name, mix = {}, advanceWhen } of reinforceStages(stages)) {
    const unknownDomain = Object.keys(mix).find((domain) => !domains.includes(domain));
    if (unknownDomain !== undefined)
      throw new ConfigError(
        `stage "${name}": mix: expected domains of problems, got "${unknownDomain}"; ${suggest(unknownDomain, domains)}`,
      );
    const metrics = advanceWhen === undefined ? [] : Object.keys(windowsOf(advanceWhen));
    const unknownMetric = metrics.find((metric) => describeMetric(metric) === undefined);
    if (unknownMetric !== undefined)
      throw new ConfigError(
        `stage "${name}": advanceWhen: expected the name of a metric, got "${unknownMetric}", which is never recorded; ` +
          'gradus runs show lists them, e.g. "reward/mean"',
      );
  }
}

/** Returns a warning for each setting that has no effect on these problems. */
export function problemWarnings(recipe: Recipe, problems: readonly Problem[]): string[] {
  const domains = domainsOf(problems);
  const rewards = Object.keys(recipe.rewards).filter((domain) => !domains.includes(domain));
  const small = resolvedStages(recipe).filter(({ problemsPerStep }) => problemsPerStep > problems.length);
  return [
    ...rewards.map((domain) => `rewards: no problem has the domain "${domain}"; ${suggest(domain, domains)}`),
    ...small.map(
      ({ config, problemsPerStep }) =>
        `stage "${config.name}": expected at least ${problemsPerStep} problems for a step, got ${problems.length}; add problems, or lower batch.problems or the stage's problemsPerStep`,
    ),
    ...guessedGolds(recipe, problems),
    ...reinforceStages(recipe.stages).flatMap(unreachableRules),
  ];
}

/** Returns a warning with the number of ambiguous math golds and the first of them; empty if there are none. */
function guessedGolds({ verifiers }: Recipe, problems: readonly Problem[]): string[] {
  const guesses = problems.flatMap(({ id, domain, answer }) => {
    if (verifiers[domain]?.type !== 'math' || answer === undefined) return [];
    const reading = guessedReading(answer);
    return reading === undefined ? [] : [{ id, answer, reading }];
  });
  const [first] = guesses;
  if (first === undefined) return [];
  return [
    `golds: the reading of ${guesses.length} of ${problems.length} is a guess, e.g. problem ${first.id}: ` +
      `${JSON.stringify(first.answer.slice(0, 60))} is ${first.reading}; gradus data check names each`,
  ];
}

/** Returns a warning for each advance rule whose window is longer than its stage; such a rule never fires. */
function unreachableRules({ name, advanceWhen, maxSteps }: StageConfig): string[] {
  const windows = advanceWhen === undefined ? {} : windowsOf(advanceWhen);
  return Object.entries(windows)
    .filter(([, window]) => window > maxSteps)
    .map(
      ([metric, window]) =>
        `stage "${name}": advanceWhen looks at ${window} steps of ${metric}, but the stage has ${maxSteps}; it can never fire`,
    );
}

const domainsOf = (problems: readonly Problem[]): string[] => [
  ...new Set(problems.map(({ domain }) => domain)),
];

function suggest(given: string, known: readonly string[]): string {
  const nearest = nearestKey(given, known);
  return nearest === undefined ? `domains: ${known.join(', ')}` : `did you mean "${nearest}"?`;
}
