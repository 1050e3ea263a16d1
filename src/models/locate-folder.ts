import { existsSync } from 'node:fs';
import { DataError } from '../core/errors.ts';
import { isHubAddress } from '../hub/address.ts';
import { fetchHubFiles } from '../hub/hub.ts';
import { fromBase, type Recipe } from '../recipe/recipe.ts';
import { commitsOf, readDataFile } from '../runs/files/data-file.ts';
import { exportedModel } from '../runs/files/layout.ts';
import { runLayout } from '../runs/files/layout.ts';
import type { LoadingOptions } from '../problems/load-problems.ts';

/** Folder of a model, and where on the hub it came from. */
export interface ModelFolder {
  readonly folder: string;
  readonly record?: { readonly source: string; readonly commit: string };
}

/**
 * Resolves a model to a folder: returns a path unchanged, and for a `hf://owner/name[@revision]` address the
 * cached folder with its configuration, tokenizer and safetensors. Downloads missing files.
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

/** Rejects runs: recipes must name model folders, although commands accept both. */
function refuseRun(path: string): void {
  if (!existsSync(runLayout(path).database)) return;
  const model = exportedModel(path);
  throw new DataError(
    `${path}: expected a model folder, got a run` +
      (model === undefined
        ? ' without an exported model, which is written when the run ends'
        : `; its model is in ${model}`),
    { tryNext: model === undefined ? `gradus resume ${path}` : `gradus runs show ${path}` },
  );
}

/** Resolves the base model of a run, at the commit with which the run started. */
export async function runModelFolder(
  directory: string,
  recipe: Recipe,
  options: LoadingOptions = {},
): Promise<string> {
  const commits = commitsOf(await readDataFile(directory));
  return (await modelFolder(fromBase(recipe, recipe.policy.model), { ...options, commits })).folder;
}
