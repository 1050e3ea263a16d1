import { ConfigError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { windowsOf } from '../curriculum/advance.ts';
import { nearestKey } from './explain.ts';
import type { Recipe } from './recipe.ts';
import { resolveStage } from './resolve-stage.ts';
import { describeMetric } from '../runs/metrics/metric-catalogue.ts';

/**
 * Refuses what a later stage would fail at or wait for in vain: a mix of domains that no problem has, and an advance
 * rule over a metric that nothing records. A run cannot be edited, so found out there it would be lost.
 *
 * @throws ConfigError naming the stage.
 */
export function checkStages({ stages }: Pick<Recipe, 'stages'>, problems: readonly Problem[]): void {
  const domains = domainsOf(problems);
  for (const { name, mix = {}, advanceWhen } of stages) {
    const stranger = Object.keys(mix).find((domain) => !domains.includes(domain));
    if (stranger !== undefined)
      throw new ConfigError(
        `stage "${name}": mix: expected domains of problems, got "${stranger}"; ${meant(stranger, domains)}`,
      );
    const metrics = advanceWhen === undefined ? [] : Object.keys(windowsOf(advanceWhen));
    const unknown = metrics.find((metric) => describeMetric(metric) === undefined);
    if (unknown !== undefined)
      throw new ConfigError(
        `stage "${name}": advanceWhen: expected the name of a metric, got "${unknown}", which nothing records; ` +
          'gradus runs show names them, e.g. "reward/mean"',
      );
  }
}

/** Says what of a recipe will not take place as it is written, though training can. */
export function unmetBy(recipe: Recipe, problems: readonly Problem[]): string[] {
  const domains = domainsOf(problems);
  const rewards = Object.keys(recipe.rewards).filter((domain) => !domains.includes(domain));
  const small = recipe.stages.filter(
    (stage) => resolveStage(recipe, stage).problemsPerStep > problems.length,
  );
  return [
    ...rewards.map((domain) => `rewards of "${domain}" are for no problem; ${meant(domain, domains)}`),
    ...small.map(
      (stage) =>
        `stage "${stage.name}": ${resolveStage(recipe, stage).problemsPerStep} problems a step are asked for, but there are ${problems.length}`,
    ),
  ];
}

const domainsOf = (problems: readonly Problem[]): string[] => [
  ...new Set(problems.map(({ domain }) => domain)),
];

function meant(given: string, known: readonly string[]): string {
  const nearest = nearestKey(given, known);
  return nearest === undefined ? `domains: ${known.join(', ')}` : `did you mean "${nearest}"?`;
}
