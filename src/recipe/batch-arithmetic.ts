import type { Recipe } from './recipe.ts';
import { resolveStage } from './resolve-stage.ts';

/**
 * What a run will do at most, in words: how many problems, rollouts and tokens make one optimizer step, stage by stage.
 * Printed before anything starts, because nobody should have to work it out.
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
