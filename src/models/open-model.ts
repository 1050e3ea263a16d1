import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DataError, GradusError, RunError } from '../core/errors.ts';
import type { Engine } from '../engines/engine.ts';
import { parseConfig } from '../recipe/parse-config.ts';
import { type EngineConfig, engineConfig } from '../engines/config.ts';
import { applyOverrides } from '../recipe/overrides.ts';
import { readRunRecipe, type RunRecipe } from '../recipe/read-run-recipe.ts';
import { requireTrust, type TrustOptions } from '../recipe/trust.ts';
import { fromBase, type Recipe } from '../recipe/recipe.ts';
import { isHubAddress } from '../hub/address.ts';
import { exportedModel } from '../runs/files/layout.ts';
import { runLayout } from '../runs/files/layout.ts';
import { openRunReader } from '../runs/reading/run-reader.ts';
import { openEngine } from '../engines/open-engine.ts';
import type { LoadingOptions } from '../problems/load-problems.ts';
import { modelFolder, runModelFolder } from './locate-folder.ts';

/** Location of a model's weights. */
export interface ModelSource {
  /** A Hugging Face model folder. */
  readonly folder: string;
  /**
   * An engine state to load on top of the folder's weights, for a run that has not exported its model yet.
   */
  readonly state?: string;
  /** States of older checkpoints, newest first, to load if `state` is damaged. */
  readonly olderStates?: readonly string[];
  /**
   * `RunSummary.id` of the state's run: a different run from the same base model has different weights at the same
   * step.
   */
  readonly run?: string;
  /** Recipe of the run that trained the model; absent for a plain model folder. */
  readonly recipe?: Recipe;
  /**
   * The run's recipe as stored; absent for a plain model folder. `refusal`: the error for using its engine, if the run
   * was copied from elsewhere.
   */
  readonly stored?: RunRecipe;
  readonly refusal?: GradusError | undefined;
}

/**
 * Locates the model at a path: a model folder, a `hf://` address, or a run. For a run, takes the exported model, else
 * the newest checkpoint.
 *
 * @throws DataError if the path is missing; RunError if the run has no model or checkpoint.
 */
export async function locateModel(
  path: string,
  { trust, ...options }: LoadingOptions & TrustOptions = {},
): Promise<ModelSource> {
  if (isHubAddress(path)) return { folder: (await modelFolder(path, options)).folder };
  if (!existsSync(path)) {
    throw new DataError(`${path}: expected a model folder or a run directory, found nothing there`, {
      tryNext: 'gradus runs list',
    });
  }
  const layout = runLayout(path);
  if (!existsSync(layout.database)) return { folder: path };
  using run = await openRunReader(path);
  const stored = await readRunRecipe(path);
  const { recipe } = stored;
  const refusal = await requireTrust(path, stored, ['engine'], { trust }).then(
    () => undefined,
    (error: unknown) => {
      if (GradusError.isInstance(error)) return error;
      throw error;
    },
  );
  const exported = exportedModel(path);
  if (exported !== undefined) return { folder: exported, recipe, stored, refusal };
  const folder = await runModelFolder(path, recipe, options);
  const [state, ...olderStates] = run
    .checkpoints()
    .map(({ engineState }) => engineState)
    .toReversed();
  if (state !== undefined)
    return { folder, state, olderStates, run: run.summary().id, recipe, stored, refusal };
  throw new RunError(`${path}: expected a run with a model, got one without a checkpoint or exported model`, {
    code: 'RUN_WITHOUT_MODEL',
    tryNext: `gradus resume ${path}`,
  });
}

/** Returns the engine of a recipe's policy, with paths resolved against the recipe's folder. */
export function policyEngine(
  recipe: Pick<Recipe, 'baseDir'> & { readonly policy: Pick<Recipe['policy'], 'engine'> },
): EngineConfig {
  const { engine } = recipe.policy;
  if (engine.type !== 'openai' || engine.tokenizer === undefined) return engine;
  return { ...engine, tokenizer: fromBase(recipe, engine.tokenizer) };
}

/** Engine options of a command. Default: the engine that trained the model, else the embedded one. */
export interface EngineChoice {
  /** Name of an engine, which is opened with its default settings. */
  readonly engine?: string | undefined;
  /** Settings to override, e.g. `device=cuda:1`. */
  readonly set?: readonly string[];
}

/**
 * Chooses the engine with which to open a model.
 * @throws ConfigError if the engine or a setting is unknown; RunError if the engine is that of a run copied from
 * elsewhere.
 */
export function chooseEngine(
  { recipe, refusal }: ModelSource,
  { engine, set = [] }: EngineChoice = {},
): EngineConfig {
  if (engine === undefined && refusal !== undefined) throw refusal;
  const base = engine === undefined ? (recipe?.policy.engine ?? { type: 'embedded' }) : { type: engine };
  return parseConfig(engineConfig, applyOverrides(base, set), 'the engine');
}

/**
 * Opens the model that `locateModel` returned. Falls back from a damaged checkpoint to the newest undamaged one, with a
 * process warning.
 * @param train whether the model will be trained.
 */
export async function openModel(
  source: ModelSource,
  config: EngineConfig = chooseEngine(source),
  train = false,
): Promise<Engine> {
  const { folder, state, olderStates = [] } = source;
  try {
    return await openEngine(config, folder, { train, state });
  } catch (error) {
    const [next, ...rest] = olderStates;
    if (next === undefined || !GradusError.isInstance(error) || error.code !== 'STATE_INVALID') throw error;
    process.emitWarning(`${error.message}; falling back to ${dirname(next)}`);
    return openModel({ ...source, state: next, olderStates: rest }, config, train);
  }
}
