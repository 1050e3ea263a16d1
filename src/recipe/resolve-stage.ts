import { ZodError } from 'zod';
import { type AlgorithmConfig, createAlgorithm, overrideAlgorithm } from '../algorithms/algorithm.ts';
import type { OptimizerConfig } from '../algorithms/optimizer.ts';
import { overrideReward, type RewardConfig, rewardConfig } from '../algorithms/reward.ts';
import { ConfigError } from '../core/errors.ts';
import { checkCurriculum } from '../curriculum/curriculum.ts';
import { selectionRule, type StageConfig } from '../curriculum/stage.ts';
import { modelsOf } from '../difficulty/levels/level-rules.ts';
import type { Levels } from '../difficulty/levels/levels.ts';
import { policyLabel } from '../difficulty/pass-rates/trials.ts';
import type { Recipe } from './recipe.ts';

/** A stage with everything it leaves out filled in from the recipe. */
export interface ResolvedStage {
  readonly config: StageConfig;
  readonly algorithm: AlgorithmConfig;
  readonly optimizer: OptimizerConfig;
  readonly sampling: Recipe['sampling'];
  readonly problemsPerStep: number;
  readonly groupSize: number;
  /** Mini-batches of whole groups that a step's batch is learnt from in. */
  readonly updatesPerStep: number;
  /** What a verdict is worth in a domain. */
  readonly rewardFor: (domain: string) => RewardConfig;
}

const correctIsOne = rewardConfig.parse({ type: 'outcome' });

/**
 * Lays a stage over its recipe.
 * @throws ConfigError when an override is not a setting of what it is laid over.
 */
export function resolveStage(recipe: Recipe, config: StageConfig): ResolvedStage {
  const where = `stage '${config.name}'`;
  const rewardUnder = (base: RewardConfig) => overrideReward(base, config.reward ?? {});
  const byDomain = new Map(
    Object.entries(recipe.rewards).map(([domain, base]) => [domain, rewardUnder(base)] as const),
  );
  const otherwise = rewardUnder(correctIsOne);
  return {
    config,
    algorithm: overrideStageAlgorithm(recipe.algorithm, config, where),
    optimizer: { ...recipe.optimizer, ...config.optimizer },
    sampling: {
      ...recipe.sampling,
      maxTokens: config.maxTokens ?? recipe.sampling.maxTokens,
      temperature: config.temperature ?? recipe.sampling.temperature,
    },
    problemsPerStep: config.problemsPerStep ?? recipe.batch.problems,
    groupSize: config.groupSize ?? recipe.batch.groupSize,
    updatesPerStep: config.updatesPerStep ?? recipe.batch.updates,
    rewardFor: (domain) => byDomain.get(domain) ?? otherwise,
  };
}

/**
 * Checks what no single part can see: that stages, levels, overrides and pass rates fit together.
 * @returns the recipe's levels, ready to sort problems.
 */
export function checkRecipe(recipe: Recipe): Levels {
  const prior = recipe.difficulty?.prior ?? { alpha: 1, beta: 1 };
  const levels = checkCurriculum(recipe, prior);
  checkLabels(recipe);
  for (const stage of recipe.stages) {
    checkUpdates(resolveStage(recipe, stage));
    checkReward(recipe, stage);
    if (stage === recipe.stages[0] && stage.remeasure !== undefined) {
      throw new ConfigError(
        `stage '${stage.name}' is the first and has nothing to re-measure: its pass rates are the base measurement; leave remeasure out`,
      );
    }
    const isMeasured = recipe.difficulty !== undefined;
    const isKnown = isMeasured || recipe.knownPassRates.length > 0;
    const needs =
      stage.remeasure !== undefined && !isMeasured
        ? 're-measures'
        : selectionRule(stage) !== null && !isKnown
          ? 'selects'
          : null;
    if (needs === null) continue;
    throw new ConfigError(
      `stage '${stage.name}' ${needs} by pass rate, but the recipe does not say how pass rates are measured; ` +
        'add difficulty: passRate({ rollouts: 8, maxTokens: … })',
    );
  }
  return levels;
}

function checkUpdates({ config, problemsPerStep, updatesPerStep, algorithm }: ResolvedStage): void {
  if (updatesPerStep > problemsPerStep) {
    throw new ConfigError(
      `stage '${config.name}': ${updatesPerStep} updates a step need at least as many problems a step, got ${problemsPerStep}; ` +
        'a mini-batch is made of whole groups',
    );
  }
  const { policy } = createAlgorithm(algorithm).lossSpec({ temperature: 1 });
  if (updatesPerStep > 1 && policy.type === 'reinforce') {
    throw new ConfigError(
      `stage '${config.name}': ${algorithm.type} is for one update a step, got ${updatesPerStep}: its loss has no ratio that would ` +
        'correct for a policy that has moved; grpo, dr-grpo, dapo, gspo and cispo have',
    );
  }
}

/** A `credit` that no domain's reward has would change nothing: rewards by outcome have none. */
function checkReward({ rewards }: Recipe, { name, reward }: StageConfig): void {
  if (reward?.credit === undefined || Object.values(rewards).some(({ type }) => type === 'score')) return;
  throw new ConfigError(
    `stage '${name}', reward.credit: expected a domain whose reward is scoreReward(), found none; ` +
      'add it to rewards, e.g. rewards: { code: scoreReward() }',
  );
}

/** Every model a rule speaks of must be the policy or have pass rates: a misspelt label would select nothing. */
function checkLabels({ levels, stages, knownPassRates }: Recipe): void {
  const known = [policyLabel, ...knownPassRates.map(({ label }) => label)];
  const rules = [
    ...levels.map(({ name, rule }) => ({ where: `level "${name}"`, rule })),
    ...stages.map((stage) => ({ where: `stage '${stage.name}'`, rule: selectionRule(stage) })),
  ];
  for (const { where, rule } of rules) {
    const stranger = rule === null ? undefined : modelsOf(rule).find((label) => !known.includes(label));
    if (stranger === undefined) continue;
    throw new ConfigError(
      `${where} looks at pass rates of "${stranger}"; expected one of ${known.join(', ')} (the policy, or a label of knownPassRates)`,
    );
  }
}

function overrideStageAlgorithm(
  base: AlgorithmConfig,
  { algorithm }: StageConfig,
  where: string,
): AlgorithmConfig {
  if (algorithm === undefined) return base;
  try {
    return overrideAlgorithm(base, algorithm);
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    throw new ConfigError(`${where}: ${base.type} has no such setting: ${error.issues[0]?.message}`, {
      cause: error,
    });
  }
}
