import { countOf } from '../core/text/count.ts';
import type { DistilConfig } from '../curriculum/distil.ts';
import type { ImitateConfig } from '../curriculum/imitate.ts';
import type { Recipe } from './recipe.ts';
import { type ResolvedStage, resolveStage } from './resolve-stage.ts';

/**
 * Describes the upper bounds of a run in one line per stage: problems, rollouts, tokens and updates per step, and
 * total rollouts. Printed before training starts.
 */
export function describeBatches(recipe: Recipe): string[] {
  return recipe.stages.map((config, index) => {
    if (config.type === 'distil') return `stage ${index + 1} "${config.name}": ${distilled(recipe, config)}`;
    if (config.type === 'imitate') return `stage ${index + 1} "${config.name}": ${imitated(config)}`;
    const resolved = resolveStage(recipe, config);
    const { problemsPerStep, groupSize, wordings, sampling } = resolved;
    const rollouts = problemsPerStep * groupSize;
    const spread = wordings === 1 ? '' : ` over ${wordings} wordings`;
    const refills = config.gates.length === 0 ? '' : `, up to ${config.maxRefills} refills`;
    return (
      `stage ${index + 1} "${config.name}": ${problemsPerStep} problems × ${groupSize} rollouts${spread} = ${rollouts} rollouts per step` +
      `${refills}; ≤ ${sampling.maxTokens} new tokens each; ${updates(resolved)}; ` +
      `≤ ${config.maxSteps} steps = ≤ ${rollouts * config.maxSteps} rollouts`
    );
  });
}

function distilled(
  recipe: Recipe,
  { problemsPerStep = recipe.batch.problems, rollouts, maxSteps }: DistilConfig,
): string {
  const attempts = problemsPerStep * rollouts;
  return (
    `${problemsPerStep} problems × ${rollouts} rollouts = ${attempts} rollouts per step, scored by ${recipe.teacher?.model}; ` +
    `${maxSteps} steps = ${attempts * maxSteps} rollouts`
  );
}

function imitated({ examples, epochs, batchSize, maxSteps, start }: ImitateConfig): string {
  const from =
    typeof examples === 'string'
      ? `examples of ${examples}`
      : examples.type === 'solutions'
        ? 'worked solutions'
        : `correct attempts${examples.from === 'teacher' ? ' of the teacher' : ''}, at most ${examples.perProblem} of ${examples.rollouts} per problem`;
  const most = maxSteps === undefined ? '' : `, at most ${countOf(maxSteps, 'step')}`;
  return `${from}, ${batchSize} per step, epochs: ${epochs}${most}, from the ${start} weights`;
}

function updates({ problemsPerStep, updatesPerStep: count, batchSource: source }: ResolvedStage): string {
  const age = source.type === 'ahead' ? `on rollouts up to ${source.maxOffPolicySteps} steps old` : null;
  if (count === 1) return `one optimizer update per step, ${age ?? 'on-policy'}`;
  const [most, least] = [Math.ceil(problemsPerStep / count), Math.floor(problemsPerStep / count)];
  const size = most === least ? String(most) : `${least} to ${most}`;
  return `${count} optimizer updates per step, each on ${size} problems, ${age ?? 'the first on-policy'}`;
}
