import type { Recipe } from './recipe.ts';
import { resolveStage } from './resolve-stage.ts';

/**
 * Describes the upper bounds of a run, one line per stage: problems, rollouts and tokens of a step, updates, total
 * rollouts. Printed before training starts.
 */
export function describeBatches(recipe: Recipe): string[] {
  return recipe.stages.map((config, index) => {
    const { problemsPerStep, groupSize, updatesPerStep, sampling } = resolveStage(recipe, config);
    const rollouts = problemsPerStep * groupSize;
    const refills = config.gates.length === 0 ? '' : `, up to ${config.maxRefills} refills`;
    return (
      `stage ${index + 1} "${config.name}": ${problemsPerStep} problems × ${groupSize} rollouts = ${rollouts} rollouts a step` +
      `${refills}; ≤ ${sampling.maxTokens} new tokens each; ${updates(problemsPerStep, updatesPerStep)}; ` +
      `≤ ${config.maxSteps} steps = ≤ ${rollouts * config.maxSteps} rollouts`
    );
  });
}

function updates(problemsPerStep: number, count: number): string {
  if (count === 1) return 'one optimizer update a step, on-policy';
  const [most, least] = [Math.ceil(problemsPerStep / count), Math.floor(problemsPerStep / count)];
  const size = most === least ? String(most) : `${least} to ${most}`;
  return `${count} optimizer updates a step, each on ${size} problems, the first on-policy`;
}
