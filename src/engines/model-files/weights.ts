import { join } from 'node:path';
import { DataError } from '../../core/errors.ts';
import { isJsonObject, describe, readJsonObject } from './json-file.ts';
import { isFile, type NamedTensor, openSafetensors } from './safetensors.ts';

const single = 'model.safetensors';
const index = 'model.safetensors.index.json';

/**
 * Reads the weights of a model folder, stored in one file or in shards, into the given tensors; ignores other tensors.
 * Throws a `DataError` if a file, shard or tensor is missing, or if a tensor has the wrong shape.
 */
export async function readWeights(folder: string, targets: readonly NamedTensor[]): Promise<void> {
  const shardOf = await locateTensors(folder);
  const byShard = Map.groupBy(targets, ({ name }) => shardOf(name));
  for (const [shard, wanted] of byShard) {
    await using file = await openSafetensors(join(folder, shard));
    for (const target of wanted) await file.read(target);
  }
}

/**
 * Returns whether the output matrix differs from the embedding although `config.json` ties them. Like transformers,
 * Gradus keeps such a head. Missing or damaged files count as having no head: `readWeights` reports them, and a client
 * of a remote worker may have no weights.
 */
export async function hasOwnHead(folder: string): Promise<boolean> {
  try {
    const shardOf = await locateTensors(folder);
    const digest = async (name: string): Promise<string | null> => {
      await using file = await openSafetensors(join(folder, shardOf(name)));
      return await file.digest(name);
    };
    const head = await digest('lm_head.weight');
    return head !== null && head !== (await digest('model.embed_tokens.weight'));
  } catch (error) {
    if (error instanceof DataError) return false;
    throw error;
  }
}

/** Returns a function from a tensor name to the file that contains it. */
async function locateTensors(folder: string): Promise<(name: string) => string> {
  if (await isFile(join(folder, single))) return () => single;
  if (!(await isFile(join(folder, index)))) {
    const pickled = await pickledWeights(folder);
    throw pickled === null
      ? new DataError(`${folder}: expected ${single} or ${index}, got neither`)
      : new DataError(
          `${folder}: expected weights as ${single}, got ${pickled}, which may execute code when it is read`,
          { code: 'PICKLED_WEIGHTS', tryNext: conversion(folder) },
        );
  }
  const path = join(folder, index);
  const { weight_map: shards } = await readJsonObject(path);
  if (!isJsonObject(shards)) {
    throw new DataError(`${path}: expected "weight_map" to be an object, got ${describe(shards)}`);
  }
  await checkShards(folder, path, Object.values(shards));
  return (name) => {
    const shard = shards[name];
    if (typeof shard === 'string') return shard;
    throw new DataError(`${path}: expected a shard for "${name}", got ${describe(shard)}`);
  };
}

/** Returns the name of the file with PyTorch's pickled weights in a folder, or null if there is none. */
async function pickledWeights(folder: string): Promise<string | null> {
  for (const name of ['pytorch_model.bin', 'pytorch_model.bin.index.json'])
    if (await isFile(join(folder, name))) return name;
  return null;
}

/** Returns the command that converts a folder's weights to safetensors. */
const conversion = (folder: string): string =>
  `python -c "from transformers import AutoModelForCausalLM as M, AutoTokenizer as T; s, t = '${folder}', '${folder}-safetensors'; ` +
  `M.from_pretrained(s, dtype='auto').save_pretrained(t); T.from_pretrained(s).save_pretrained(t)"`;

/** Checks the names of the shards, and that the files exist, before any weights are read. */
async function checkShards(folder: string, path: string, shards: readonly unknown[]): Promise<void> {
  for (const shard of new Set(shards)) {
    // Reject paths: an untrusted index must not make us read files outside the folder.
    const isName = typeof shard === 'string' && !/[/\\]/.test(shard);
    if (!isName) throw new DataError(`${path}: expected shard names, got ${describe(shard)}`);
    if (!(await isFile(join(folder, shard)))) {
      throw new DataError(
        `${path}: expected the shard ${shard} in the same folder, but it is missing; download it again`,
      );
    }
  }
}
