import { existsSync } from 'node:fs';
import { DataError } from '../core/errors.ts';
import { isHubAddress } from '../hub/address.ts';
import { fetchHubFiles } from '../hub/hub.ts';
import { fromBase, type Recipe } from '../recipe/recipe.ts';
import { commitsOf, readDataFile } from '../runs/files/data-file.ts';
import { exportedModel } from '../runs/files/layout.ts';
import { runLayout } from '../runs/files/layout.ts';
import type { LoadingOptions } from '../problems/load-problems.ts';

/** Where a model is, and what it was on the hub that it is from. */
export interface ModelFolder {
  readonly folder: string;
  readonly record?: { readonly source: string; readonly commit: string };
}

/**
 * The folder of a model: the path itself, or of a `hf://owner/name[@revision]` address the folder in the cache that holds
 * its configuration, tokenizer and safetensors, fetched where they are missing.
 */
export async function modelFolder(
  path: string,
  { commits, ...options }: LoadingOptions,
): Promise<ModelFolder> {
  if (!isHubAddress(path)) {
    refuseRun(path);
    return { folder: path };
  }
  const known = commits?.get(path);
  const { folder, commit } = await fetchHubFiles(path, {
    ...options,
    ...(known === undefined ? {} : { commit: known }),
  });
  return { folder, record: { source: path, commit } };
}

/** A run is no model folder: commands take both, recipes name the very files. */
function refuseRun(path: string): void {
  if (!existsSync(runLayout(path).database)) return;
  const model = exportedModel(path);
  throw new DataError(
    `${path}: expected a model folder, got a run` +
      (model === undefined ? ' that has exported none yet' : `; its model is in ${model}`),
    { tryNext: `gradus runs show ${path}` },
  );
}

/** The folder of the model that a run began with, at the commit that it began with. */
export async function runModelFolder(
  directory: string,
  recipe: Recipe,
  options: LoadingOptions = {},
): Promise<string> {
  const commits = commitsOf(await readDataFile(directory));
  return (await modelFolder(fromBase(recipe, recipe.policy.model), { ...options, commits })).folder;
}
