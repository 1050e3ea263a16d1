import { ZodError } from 'zod';
import {
  type AlgorithmConfig,
  createAlgorithm,
  isStandardised,
  overrideAlgorithm,
} from '../algorithms/algorithm.ts';
import type { OptimizerConfig } from '../algorithms/optimizer.ts';
import { overrideReward, type RewardConfig, rewardConfig } from '../algorithms/reward.ts';
import { ConfigError } from '../core/errors.ts';
import { checkCurriculum } from '../curriculum/curriculum.ts';
import type { DistilConfig } from '../curriculum/distil.ts';
import type { ImitateConfig } from '../curriculum/imitate.ts';
import type { StageConfig } from '../curriculum/stage.ts';
import {
  type AnyStage,
  firstMeasured,
  isTaught,
  reinforceStages,
  ruleOfStage,
} from '../curriculum/stages.ts';
import { modelsOf } from '../difficulty/levels/level-rules.ts';
import { isServed } from '../engines/config.ts';
import type { Levels } from '../difficulty/levels/levels.ts';
import { closedBookLabel, policyLabel } from '../difficulty/pass-rates/trials.ts';
import { namesOf } from '../verifiers/composite.ts';
import type { BatchSourceConfig } from './batch-source.ts';
import type { Recipe } from './recipe.ts';

/** Sampling of training rollouts. */
export type Sampling = NonNullable<Recipe['sampling']>;

/** A stage merged with the defaults of its recipe. */
export interface ResolvedStage {
  readonly config: StageConfig;
  readonly algorithm: AlgorithmConfig;
  readonly optimizer: OptimizerConfig;
  readonly sampling: Sampling;
  readonly problemsPerStep: number;
  readonly groupSize: number;
  /** Number of wordings over which a problem's group is spread. */
  readonly wordings: number;
  /** Number of mini-batches per step; each contains complete groups. */
  readonly updatesPerStep: number;
  readonly batchSource: BatchSourceConfig;
  /** Returns the reward settings for a domain. */
  readonly rewardFor: (domain: string) => RewardConfig;
}

const correctIsOne = rewardConfig.parse({ type: 'outcome' });

/**
 * Merges a stage with its recipe.
 * @throws ConfigError if the recipe lacks an algorithm or sampling, or if the stage overrides a setting that its
 * algorithm does not have.
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
    algorithm: overrideStageAlgorithm(required(recipe, 'algorithm', where), config, where),
    optimizer: { ...recipe.optimizer, ...config.optimizer },
    sampling: samplingIn(recipe, config),
    problemsPerStep: config.problemsPerStep ?? recipe.batch.problems,
    groupSize: config.groupSize ?? recipe.batch.groupSize,
    wordings: config.wordings ?? recipe.batch.wordings,
    updatesPerStep: config.updatesPerStep ?? recipe.batch.updates,
    batchSource: recipe.batch.source,
    rewardFor: (domain) => byDomain.get(domain) ?? otherwise,
  };
}

/** Returns the stages that train by reinforcement, merged with their recipe. */
export const resolvedStages = (recipe: Recipe): ResolvedStage[] =>
  reinforceStages(recipe.stages).map((stage) => resolveStage(recipe, stage));

/** Merges a stage's or a harvest's sampling with the recipe's. */
export function samplingIn(
  recipe: Recipe,
  { name, maxTokens, temperature }: Pick<StageConfig, 'name' | 'maxTokens' | 'temperature'>,
): Sampling {
  const sampling = required(recipe, 'sampling', `stage '${name}'`);
  return {
    ...sampling,
    maxTokens: maxTokens ?? sampling.maxTokens,
    temperature: temperature ?? sampling.temperature,
  };
}

const examplesOf = { algorithm: 'algorithm: dapo()', sampling: 'sampling: { maxTokens: 1024 }' };

function required<Key extends keyof typeof examplesOf>(
  recipe: Recipe,
  key: Key,
  where: string,
): NonNullable<Recipe[Key]> {
  const value = recipe[key];
  if (value !== undefined) return value;
  throw new ConfigError(
    `${where}: expected the recipe to have ${key}, got none; add ${examplesOf[key]} to the recipe`,
  );
}

/**
 * Checks that stages, levels, overrides and pass rates fit together, which the schema of a single part cannot check.
 * @returns the recipe's levels.
 * @throws ConfigError naming the stage or level.
 */
export function checkRecipe(recipe: Recipe): Levels {
  const prior = recipe.difficulty?.prior ?? { alpha: 1, beta: 1 };
  const levels = checkCurriculum(recipe, prior);
  checkLabels(recipe);
  checkPrior(recipe);
  checkClosedBook(recipe);
  const [first] = reinforceStages(recipe.stages);
  for (const stage of recipe.stages) {
    checkProblems(recipe, stage);
    checkPassRates(recipe, stage);
    if (stage.type === 'imitate') checkExamples(recipe, stage);
    if (stage.type === 'distil') checkTeacher(recipe, stage);
    if (stage.type !== 'stage') continue;
    checkUpdates(resolveStage(recipe, stage));
    checkImportance(resolveStage(recipe, stage));
    checkReference(resolveStage(recipe, stage));
    checkService(recipe, resolveStage(recipe, stage));
    checkReward(recipe, stage);
    checkStarts(recipe, resolveStage(recipe, stage));
    if (stage === first && stage.remeasure !== undefined) {
      throw new ConfigError(
        `stage '${stage.name}': expected no remeasure in the first stage, which has the pass rates of the base measurement; remove it`,
      );
    }
  }
  return levels;
}

function checkProblems({ problems }: Recipe, stage: AnyStage): void {
  const isFile = stage.type === 'imitate' && typeof stage.examples === 'string';
  if (isFile || problems.length > 0) return;
  throw new ConfigError(
    `problems: expected at least one source, which stage '${stage.name}' needs, got none; add problems: [jsonl('problems.jsonl')] to the recipe`,
  );
}

/**
 * Rejects rules on closed-book pass rates, which belong to the base model, if a stage that imitates changes the model
 * before the first measurement.
 */
function checkClosedBook(recipe: Recipe): void {
  const first = firstMeasured(recipe.stages);
  if (first <= 0 || !readsClosedBook(recipe)) return;
  throw new ConfigError(
    `stage '${recipe.stages[first]!.name}': expected no rule over "${closedBookLabel}" after a stage that imitates, which changes the base model; remove the rule`,
  );
}

function checkPassRates(recipe: Recipe, stage: AnyStage): void {
  const isMeasured = recipe.difficulty !== undefined;
  const isKnown = isMeasured || recipe.knownPassRates.length > 0;
  const needs =
    stage.type === 'stage' && stage.remeasure !== undefined && !isMeasured
      ? 're-measures'
      : ruleOfStage(stage) !== null && !isKnown
        ? 'selects by level'
        : null;
  if (needs === null) return;
  throw new ConfigError(
    `stage '${stage.name}' ${needs} and needs pass rates, but the recipe has no difficulty; ` +
      'add difficulty: passRate({ rollouts: 8, maxTokens: … })',
  );
}

/** Rejects distillation without sampling, or without a teacher that scores tokens. */
function checkTeacher(recipe: Recipe, stage: DistilConfig): void {
  samplingIn(recipe, stage);
  const { teacher } = recipe;
  if (teacher !== undefined && !isServed(teacher.engine)) return;
  const got = teacher === undefined ? 'none' : 'a model server, which returns no scores of given tokens';
  throw new ConfigError(
    `stage '${stage.name}': expected the recipe to have a teacher with local weights, got ${got}; add teacher: { model: … } to the recipe`,
  );
}

/** Rejects a harvest without sampling, or from a teacher that the recipe lacks. */
function checkExamples(recipe: Recipe, stage: ImitateConfig): void {
  const { name, examples } = stage;
  if (typeof examples === 'string' || examples.type === 'solutions') return;
  samplingIn(recipe, { name, ...examples });
  if (!isTaught(stage) || recipe.teacher !== undefined) return;
  throw new ConfigError(
    `stage '${name}': expected the recipe to have a teacher to harvest from, got none; add teacher: { model: … } to the recipe`,
  );
}

/** Rejects `reference: 'stage'` for a loss without a KL term, because such a loss uses no reference. */
function checkReference({ config, algorithm }: ResolvedStage): void {
  const { kl } = createAlgorithm(algorithm).lossSpec({ temperature: 1 });
  if (config.reference === 'run' || kl !== null) return;
  throw new ConfigError(
    `stage '${config.name}': expected a KL term for reference: 'stage', got an algorithm without one; set kl, e.g. algorithm: { kl: { coefficient: 0.001 } }, or remove reference`,
  );
}

/** Rejects likelihoods for an engine without local weights. */
function checkPrior({ difficulty, policy }: Recipe): void {
  if (difficulty?.probing.type !== 'adaptive' || !difficulty.probing.prior.includes('likelihood')) return;
  if (!isServed(policy.engine)) return;
  throw new ConfigError(
    `difficulty.probing.prior: "likelihood" needs an engine with local weights, got "${policy.engine.type}"; ` +
      "use adaptive({ prior: ['stated', 'known'] })",
  );
}

function checkUpdates({ config, problemsPerStep, updatesPerStep, algorithm }: ResolvedStage): void {
  if (updatesPerStep > problemsPerStep) {
    throw new ConfigError(
      `stage '${config.name}': expected at least ${updatesPerStep} problems per step for ${updatesPerStep} updates, got ${problemsPerStep}; ` +
        'a mini-batch holds whole groups',
    );
  }
  const { policy } = createAlgorithm(algorithm).lossSpec({ temperature: 1 });
  if (updatesPerStep > 1 && policy.type === 'reinforce') {
    throw new ConfigError(
      `stage '${config.name}': expected one update per step for ${algorithm.type}, got ${updatesPerStep}; its loss has no ratio to correct ` +
        'off-policy mini-batches; use grpo, dr-grpo, dapo, gspo or cispo',
    );
  }
}

/** Rejects `ahead()` without importance weights, because rollouts of an older policy would bias the gradient. */
function checkImportance({ config, batchSource, algorithm }: ResolvedStage): void {
  const { importance } = createAlgorithm(algorithm).lossSpec({ temperature: 1 });
  if (batchSource.type === 'in-step' || importance !== null) return;
  throw new ConfigError(
    `stage '${config.name}': expected importance weights for batch.source ahead(), whose rollouts are off-policy, got importance: null; ` +
      "remove it from the algorithm, or set importance: { level: 'token', mode: 'truncate', cap: 2 }",
  );
}

/** Rejects settings that a Tinker service lacks: it returns log-probabilities at temperature 1, and no entropies. */
function checkService({ policy }: Recipe, { config, algorithm, sampling }: ResolvedStage): void {
  if (policy.engine.type !== 'torch' || policy.engine.tinker === undefined) return;
  const { entropy } = createAlgorithm(algorithm).lossSpec({ temperature: 1 });
  const isWarm = sampling.temperature !== 1;
  if (!isWarm && entropy === null) return;
  const found = isWarm ? `temperature ${sampling.temperature}` : 'an entropy term';
  throw new ConfigError(
    `stage '${config.name}': expected temperature 1 and no entropy term for torch({ tinker }), got ${found}; ` +
      'a Tinker service computes neither entropies nor log-probabilities at another temperature',
  );
}

/** Rejects starts with environments or with batches rolled out ahead, and a bonus that has no effect. */
function checkStarts({ environments }: Recipe, { config, algorithm, batchSource }: ResolvedStage): void {
  const { name, starts, closedBook } = config;
  if (starts === undefined || starts.type === 'prompt') return;
  const played = closedBook === true ? [] : Object.keys(environments);
  if (played.length > 0) {
    throw new ConfigError(
      `stage '${name}': expected attempts of one turn for starts ${starts.type}(), got environments for ${played.join(', ')}; ` +
        'set closedBook: true',
    );
  }
  if (batchSource.type === 'ahead') {
    throw new ConfigError(
      `stage '${name}': expected batch.source in-step for starts ${starts.type}(), which follow the outcomes of each step, got ahead(); use inStep()`,
    );
  }
  if (starts.type !== 'restart' || starts.bonus === 0 || !isStandardised(algorithm)) return;
  throw new ConfigError(
    `stage '${name}': expected bonus 0 for restart() with ${algorithm.type}, got ${starts.bonus}; rewards of a group from one start have two ` +
      'values, and dividing by their deviation removes the bonus; use dr-grpo, rloo or reinforce, or a larger share',
  );
}

/**
 * The kind of reward that each override requires. Omits overrides of rewards by outcome, because every recipe has such
 * rewards.
 */
const rewardKinds = { credit: 'score', weights: 'parts', offset: 'parts' } as const;

/** Rejects overrides that have no effect, and weights for parts that no verifier reports. */
function checkReward(recipe: Recipe, stage: StageConfig): void {
  const where = `stage '${stage.name}', reward`;
  const kinds = Object.values(recipe.rewards).map(({ type }) => type);
  for (const [key, kind] of Object.entries(rewardKinds)) {
    if (stage.reward?.[key as keyof typeof rewardKinds] === undefined || kinds.includes(kind)) continue;
    throw new ConfigError(
      `${where}.${key}: expected a domain whose reward is ${kind}Reward(), found none; ` +
        `add it to rewards, e.g. rewards: { code: ${kind}Reward(${kind === 'parts' ? '{ weights: { answer: 1 } }' : ''}) }`,
    );
  }
  const { rewardFor } = resolveStage(recipe, stage);
  for (const domain of Object.keys(recipe.rewards)) {
    const reward = rewardFor(domain);
    if (reward.type === 'parts') checkParts(recipe, domain, Object.keys(reward.weights), where);
  }
}

function checkParts({ verifiers }: Recipe, domain: string, named: readonly string[], where: string): void {
  const verifier = verifiers[domain];
  const known = verifier?.type === 'composite' ? namesOf(verifier.parts) : [];
  const unknown = named.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ConfigError(
    `${where} of ${domain}: expected names of parts of its verifier composite() (${known.join(', ') || 'none'}), got "${unknown}"`,
  );
}

const rulesOf = ({ levels, stages }: Recipe) => [
  ...levels.map(({ name, rule }) => ({ where: `level "${name}"`, rule })),
  ...stages.map((stage) => ({ where: `stage '${stage.name}'`, rule: ruleOfStage(stage) })),
];

/** Returns whether a level or a stage uses pass rates that were measured without environments. */
export const readsClosedBook = (recipe: Recipe): boolean =>
  rulesOf(recipe).some(({ rule }) => rule !== null && modelsOf(rule).includes(closedBookLabel));

/** Rejects an unknown model label in a rule, which would select nothing. */
function checkLabels(recipe: Recipe): void {
  const { knownPassRates, environments, difficulty } = recipe;
  const hasBoth = Object.keys(environments).length > 0 && difficulty !== undefined;
  const known = [
    policyLabel,
    ...knownPassRates.map(({ label }) => label),
    ...(hasBoth ? [closedBookLabel] : []),
  ];
  for (const { where, rule } of rulesOf(recipe)) {
    const unknown = rule === null ? undefined : modelsOf(rule).find((label) => !known.includes(label));
    if (unknown === undefined) continue;
    throw new ConfigError(
      `${where}: expected a model with pass rates (${known.join(', ')}), got "${unknown}"; add it to knownPassRates`,
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
    throw new ConfigError(`${where}: expected settings of ${base.type}: ${error.issues[0]?.message}`, {
      cause: error,
    });
  }
}
