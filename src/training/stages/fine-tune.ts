import { basename, extname, resolve } from 'node:path';
import type * as z from 'zod';
import type { optimizerConfig } from '../../algorithms/optimizer.ts';
import { ConfigError } from '../../core/errors.ts';
import { imitate } from '../../curriculum/imitate.ts';
import {
  findPublishedSuite,
  publishedSuite,
  publishedVerifiers,
} from '../../evaluation/published/published-suites.ts';
import { isHubAddress } from '../../hub/address.ts';
import { chooseEngine, type EngineChoice, locateModel } from '../../models/open-model.ts';
import { file } from '../../problems/file-source.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import { loadRecipe } from '../../recipe/load.ts';
import type { Recipe, RecipeInput } from '../../recipe/recipe.ts';
import { suite } from '../../recipe/suite.ts';
import type { TrustOptions } from '../../recipe/trust.ts';
import { checkpoints } from '../../runs/writing/checkpoint.ts';

/** Options of `fineTuningRecipe`: model, examples, settings and suites. */
export interface FineTuneOptions extends TrustOptions {
  /** A model folder, an `hf://` address, or a finished run. */
  readonly model: string;
  /** Path of the file of examples. */
  readonly examples: string;
  readonly name?: string | undefined;
  readonly exportType: 'bf16' | 'f32';
  readonly engine: EngineChoice;
  readonly optimizer: z.input<typeof optimizerConfig>;
  readonly batchSize: number;
  readonly epochs: number;
  readonly maxSteps?: number | undefined;
  readonly seed: number;
  /** Share of the prompts held out to measure the loss. Default 0. */
  readonly heldOut?: number | undefined;
  /** Number of steps between checkpoints. */
  readonly checkpointEvery?: number | undefined;
  /**
   * Suites that test the skills in the examples: names from `recipe`, published suites, or files of problems.
   */
  readonly target?: readonly string[] | undefined;
  /** Suites that test skills that the model must not lose. */
  readonly retain?: readonly string[] | undefined;
  /** Path of a recipe file that defines suites and verifiers. */
  readonly recipe?: string | undefined;
  /** Maximum number of tokens per answer in suites given as files. */
  readonly maxTokens?: number | undefined;
}

/**
 * Builds the recipe of a run that only imitates the examples in a file; pass it to `startTraining`.
 *
 * @throws ConfigError or DataError if the model, an engine setting or a suite is unknown.
 */
export async function fineTuningRecipe(options: FineTuneOptions): Promise<Recipe> {
  const { model, name = 'sft', examples, exportType, optimizer, seed, checkpointEvery } = options;
  const source = await locateModel(model, { trust: options.trust });
  if (source.state !== undefined) {
    throw new ConfigError(
      `${model}: expected a model folder or a finished run, got a run without an exported model; its checkpoints can only be used to resume it`,
      { tryNext: `gradus resume ${model}` },
    );
  }
  const set = [...(options.engine.set ?? []), `exportType=${exportType}`];
  const from = options.recipe === undefined ? undefined : await loadRecipe(options.recipe);
  const suites = { maxTokens: options.maxTokens, from };
  return defineRecipe({
    name,
    seed,
    ...(from?.baseDir !== undefined && { baseDir: from.baseDir }),
    policy: {
      model: isHubAddress(model) ? model : resolve(source.folder),
      engine: chooseEngine(source, { ...options.engine, set }),
    },
    verifiers: from?.verifiers ?? publishedVerifiers,
    environments: from?.environments,
    optimizer,
    stages: [
      imitate('sft', {
        examples: resolve(examples),
        batchSize: options.batchSize,
        epochs: options.epochs,
        maxSteps: options.maxSteps,
        heldOut: options.heldOut,
      }),
    ],
    evaluation: [
      ...(options.target ?? []).map((one) => namedSuite('target', one, suites)),
      ...(options.retain ?? []).map((one) => namedSuite('retain', one, suites)),
    ],
    checkpoints: checkpoints(checkpointEvery === undefined ? {} : { everySteps: checkpointEvery }),
  });
}

type SuiteInput = NonNullable<RecipeInput['evaluation']>[number];

/** Finds a suite by its name in the recipe, its published name, or the file of its problems. */
function namedSuite(
  kind: 'target' | 'retain',
  wanted: string,
  { maxTokens = 512, from }: { maxTokens: number | undefined; from: Recipe | undefined },
): SuiteInput {
  const own = from?.evaluation.find(({ name }) => name === wanted);
  const name = `${kind} ${basename(wanted, extname(wanted))}`;
  if (own !== undefined) return { ...own, name };
  if (findPublishedSuite(wanted) !== undefined) return { ...publishedSuite(wanted), name };
  return { ...suite({ name, maxTokens }), problems: [file(resolve(wanted))] };
}
