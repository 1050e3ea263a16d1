import { resolve } from 'node:path';
import * as z from 'zod';
import { algorithmConfig } from '../algorithms/algorithm.ts';
import { optimizerConfig } from '../algorithms/optimizer.ts';
import { rewardConfig } from '../algorithms/reward.ts';
import { stageConfig } from '../curriculum/stage.ts';
import { levelConfig } from '../difficulty/levels/levels.ts';
import { passRateConfig } from '../difficulty/probing/pass-rate.ts';
import { suiteConfig } from './suite.ts';
import { isHubAddress } from '../hub/address.ts';
import { problemSourceConfig } from '../problems/problem-source.ts';
import { checkpointConfig } from '../runs/writing/checkpoint.ts';
import { verifierConfig } from '../verifiers/config.ts';
import { engineConfig } from '../engines/config.ts';

/** Pass rates of another model, measured before by `gradus difficulty estimate`. */
const knownPassRates = z.strictObject({
  /** The label under which levels speak of this model. */
  label: z.string().min(1),
  /** The store's file. */
  store: z.string().min(1),
  /** The model as the store names it; absent: the store holds only one. */
  model: z.string().optional(),
});

/** How completions are sampled while training. */
const samplingConfig = z.strictObject({
  temperature: z.number().positive().default(1),
  topP: z.number().gt(0).max(1).default(1),
  /** 0: all tokens. */
  topK: z.int().min(0).default(0),
  /** Longest completion in tokens, unless a stage says otherwise. */
  maxTokens: z.int().positive(),
  /** Strings that end a completion, besides the model's own end tokens. */
  stop: z.array(z.string().min(1)).default([]),
});

/** Size of one step, unless a stage says otherwise. */
const batchConfig = z.strictObject({
  /** Problems a step: one group of rollouts each. */
  problems: z.int().positive().default(128),
  /** Rollouts per problem. */
  groupSize: z.int().min(2).default(16),
  /**
   * Optimizer updates a step. From 2 on the groups are dealt out to as many mini-batches, each learnt from once: all but
   * the first are off-policy, and there the algorithm's clipping begins to matter. RLOO and REINFORCE, which have no
   * ratio, take one. verl's `train_batch_size / ppo_mini_batch_size`.
   */
  updates: z.int().positive().default(1),
});

/** Held-out problems the policy is evaluated on: before, after, and every so many steps. */
const evaluationConfig = suiteConfig.extend({ problems: z.array(problemSourceConfig).min(1) });

/**
 * Everything a run is: model, problems, how they are judged, how difficulty is measured, the stages, and how it is
 * shown what that bought. Unknown keys are errors; every default is here or in the part's own schema.
 */
export const recipeConfig = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]*$/, { error: 'expected lower-case letters, digits, dots and dashes' }),
  description: z.string().optional(),
  /** Decides every random choice of the run. */
  seed: z.int().min(0).default(0),
  policy: z.strictObject({
    /** A Hugging Face model folder, or `hf://<owner>/<name>[@revision]`. */
    model: z.string().min(1),
    engine: engineConfig.prefault('embedded'),
  }),
  /** What is trained on; stages select from it. */
  problems: z.array(problemSourceConfig).min(1),
  /** Domain → verifier. */
  verifiers: z.record(z.string(), verifierConfig),
  /** Domain → what a verdict is worth; 1 for correct and 0 for the rest where a domain is not named. */
  rewards: z.record(z.string(), rewardConfig).default({}),
  /** How the policy's own pass rates are measured; needed when a stage selects by level or re-measures. */
  difficulty: passRateConfig.optional(),
  knownPassRates: z.array(knownPassRates).default([]),
  levels: z.array(levelConfig).default([]),
  algorithm: algorithmConfig,
  optimizer: optimizerConfig,
  sampling: samplingConfig,
  batch: batchConfig.prefault({}),
  stages: z.array(stageConfig).min(1),
  evaluation: z.array(evaluationConfig).default([]),
  checkpoints: checkpointConfig.prefault({ type: 'checkpoints' }),
  /** Where relative paths start; set to the recipe file's folder when it is loaded. */
  baseDir: z.string().optional(),
});

/** A validated recipe: its own fixed point, with every default in place. */
export type Recipe = z.output<typeof recipeConfig>;
/** A recipe as people write it. */
export type RecipeInput = z.input<typeof recipeConfig>;

/** A path of the recipe, from where the recipe's relative paths start; an address on a hub stays what it is. */
export const fromBase = ({ baseDir = '.' }: Pick<Recipe, 'baseDir'>, path: string): string =>
  isHubAddress(path) ? path : resolve(baseDir, path);
