import { resolve } from 'node:path';
import * as z from 'zod';
import { algorithmConfig } from '../algorithms/algorithm.ts';
import { optimizerConfig } from '../algorithms/optimizer.ts';
import { rewardConfig } from '../algorithms/reward.ts';
import { anyStageConfig } from '../curriculum/stages.ts';
import { levelConfig } from '../difficulty/levels/levels.ts';
import { passRateConfig } from '../difficulty/probing/pass-rate.ts';
import { batchSourceConfig } from './batch-source.ts';
import { suiteConfig } from './suite.ts';
import { isHubAddress } from '../hub/address.ts';
import { problemSourceConfig } from '../problems/problem-source.ts';
import { checkpointConfig } from '../runs/writing/checkpoint.ts';
import { environmentConfig } from '../environments/config.ts';
import { verifierConfig } from '../verifiers/config.ts';
import { engineConfig } from '../engines/config.ts';

/** Pass rates of a different model, from a store written by `gradus difficulty estimate`. */
const knownPassRates = z.strictObject({
  /** Label of this model in the rules of levels. */
  label: z.string().min(1),
  /** Path of the store. */
  store: z.string().min(1),
  /** Name of the model in the store; optional if the store contains only one. */
  model: z.string().optional(),
});

/** Sampling of training rollouts. */
const samplingConfig = z.strictObject({
  temperature: z.number().positive().default(1),
  topP: z.number().gt(0).max(1).default(1),
  /** Number of most probable tokens among which to sample; 0: all tokens. */
  topK: z.int().min(0).default(0),
  /** Maximum number of tokens of a completion; a stage may override it. */
  maxTokens: z.int().positive(),
  /** Strings that end a completion, in addition to the model's end tokens. */
  stop: z.array(z.string().min(1)).default([]),
});

/** Batch of a step; a stage may override it. */
const batchConfig = z.strictObject({
  /** Problems per step, each with one group of rollouts. */
  problems: z.int().positive().default(128),
  /** Rollouts per problem. */
  groupSize: z.int().min(2).default(16),
  /**
   * Number of wordings over which a problem's rollouts are spread, at most one per rollout. Advantages then also
   * compare wordings, so that the policy learns to depend less on the wording. With 1, every rollout uses the problem's
   * original prompt.
   */
  wordings: z.int().positive().default(1),
  /**
   * Optimizer updates per step. With 2 or more, the groups are split into this number of mini-batches, each used
   * once. All updates except the first are off-policy, so the algorithm's clipping takes effect. RLOO and REINFORCE
   * do not use a ratio and allow only one update. Corresponds to verl's `train_batch_size / ppo_mini_batch_size`.
   */
  updates: z.int().positive().default(1),
  /** `inStep()` samples, then learns; `ahead()` rolls out the next batches while the policy learns. */
  source: batchSourceConfig.prefault({ type: 'in-step' }),
});

/** A suite with its held-out problems, evaluated before training, every `every` steps, and after training. */
const evaluationConfig = suiteConfig.extend({ problems: z.array(problemSourceConfig).min(1) });

/**
 * Schema of a recipe, which defines a run: model, problems, verifiers, difficulty, stages, evaluation. Unknown keys
 * cause an error. All defaults are in this schema or in those of the parts.
 */
export const recipeConfig = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]*$/, { error: 'expected lower-case letters, digits, dots and dashes' }),
  description: z.string().optional(),
  /** Seed of every random choice of the run. */
  seed: z.int().min(0).default(0),
  policy: z.strictObject({
    /** A Hugging Face model folder, or `hf://<owner>/<name>[@revision]`. */
    model: z.string().min(1),
    engine: engineConfig.prefault('embedded'),
  }),
  /**
   * The teacher: `harvest({ from: 'teacher' })` learns from its answers, `distil()` from its probabilities. For
   * `distil()`, it must tokenize text as the policy does.
   */
  teacher: z.strictObject({ model: z.string().min(1), engine: engineConfig.prefault('embedded') }).optional(),
  /** Training problems; stages select from them. May be absent if all stages imitate examples from a file. */
  problems: z.array(problemSourceConfig).default([]),
  /** Maps each domain to its verifier. */
  verifiers: z.record(z.string(), verifierConfig).default({}),
  /**
   * Maps a domain to the environment that answers the policy's turns. Attempts in other domains have one turn.
   */
  environments: z.record(z.string(), environmentConfig).default({}),
  /** Maps a domain to the reward for each verdict. Default: 1 for correct, 0 for other outcomes. */
  rewards: z.record(z.string(), rewardConfig).default({}),
  /** How the policy's pass rates are measured; required if a stage selects by level or re-measures. */
  difficulty: passRateConfig.optional(),
  knownPassRates: z.array(knownPassRates).default([]),
  levels: z.array(levelConfig).default([]),
  /** Required by `stage()`. */
  algorithm: algorithmConfig.optional(),
  optimizer: optimizerConfig,
  /** Required by `stage()` and `harvest()`. */
  sampling: samplingConfig.optional(),
  batch: batchConfig.prefault({}),
  stages: z.array(anyStageConfig).min(1),
  evaluation: z.array(evaluationConfig).default([]),
  checkpoints: checkpointConfig.prefault({ type: 'checkpoints' }),
  /** Folder against which relative paths are resolved; `loadRecipe` sets it to the folder of the recipe file. */
  baseDir: z.string().optional(),
});

/** A validated recipe with all defaults; parsing it again returns an equal recipe. */
export type Recipe = z.output<typeof recipeConfig>;
/** A recipe as written, before defaults. */
export type RecipeInput = z.input<typeof recipeConfig>;

/** Resolves a path of the recipe against its base folder; a hub address stays unchanged. */
export const fromBase = ({ baseDir = '.' }: Pick<Recipe, 'baseDir'>, path: string): string =>
  isHubAddress(path) ? path : resolve(baseDir, path);
