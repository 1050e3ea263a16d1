import { createHash } from 'node:crypto';
import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import { parseModelConfig } from './config-file.ts';
import { type JsonObject, readJsonObject } from './json-file.ts';
import type { ModelConfig } from './model-config.ts';
import { isFile, type NamedTensor, writeSafetensors } from './safetensors.ts';
import { type ModelTokenizer, openTokenizer } from './tokenizer.ts';
import { hasOwnHead, readWeights } from './weights.ts';
import { makeFolder } from '../../storage/make-folder.ts';

/** Optional files that are copied unchanged with the weights. */
const companions = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
  'chat_template.jinja',
  'generation_config.json',
];

/** A validated Hugging Face model folder; `readWeights` reads the weights on demand. */
export interface ModelFolder {
  readonly path: string;
  readonly config: ModelConfig;
  /** Content of `config.json`. */
  readonly json: JsonObject;
  readonly tokenizer: ModelTokenizer;
  /** Reads the weights, converted to float32, into the given tensors. */
  readWeights(targets: readonly NamedTensor[]): Promise<void>;
}

/** Opens a folder with `config.json`, safetensors and a tokenizer. Throws a `DataError` if the folder is invalid. */
export async function openModelFolder(path: string): Promise<ModelFolder> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() === true && path.endsWith('.gguf')) {
    throw new DataError(`${path}: expected a model folder, got a GGUF file`, {
      code: 'MODEL_IS_GGUF',
      tryNext: `gradus models import ${path}`,
    });
  }
  if (found?.isDirectory() !== true) {
    throw new DataError(
      `${path}: expected a model folder (config.json, model.safetensors, tokenizer.json), got nothing there; ` +
        'a model on the Hugging Face hub is hf://<owner>/<name>',
    );
  }
  const file = join(path, 'config.json');
  const json = await readJsonObject(file);
  const stated = parseModelConfig(json, file);
  const isTied = stated.tieEmbeddings && !(await hasOwnHead(path));
  const config = { ...stated, tieEmbeddings: isTied };
  const tokenizer = await openTokenizer(path, config.vocabSize);
  return { path, config, json, tokenizer, readWeights: (targets) => readWeights(path, targets) };
}

/** Content to write to a model folder. */
export interface ModelFolderContent {
  /** Content of `config.json`, except the element type and end tokens. */
  readonly config: JsonObject;
  readonly tensors: readonly NamedTensor[];
  /** Element type on disk; `bf16` rounds the weights and halves the size. */
  readonly weightType: 'bf16' | 'f32';
  /** Folder from which to copy tokenizer, template and generation settings. */
  readonly companionsFrom: string;
  readonly endTokens: readonly number[];
}

/** Writes a folder that transformers and `openModelFolder` load. Creates `path` and replaces files of the same names. */
export async function writeModelFolder(path: string, content: ModelFolderContent): Promise<void> {
  const { config, tensors, weightType, companionsFrom, endTokens } = content;
  await makeFolder(path);
  await copyCompanions(companionsFrom, path);
  const json = {
    ...config,
    torch_dtype: weightType === 'bf16' ? 'bfloat16' : 'float32',
    eos_token_id: endTokens.length === 1 ? endTokens[0] : endTokens,
  };
  await writeFileAtomic(join(path, 'config.json'), `${JSON.stringify(json, null, 2)}\n`);
  await writeSafetensors(join(path, 'model.safetensors'), tensors, weightType);
}

/** Copies tokenizer, template and generation settings, if present. */
export async function copyCompanions(from: string, to: string): Promise<void> {
  for (const name of companions) {
    const source = join(from, name);
    if (await isFile(source)) await copyFile(source, join(to, name));
  }
}

/** Number of elements of a tensor that are hashed at a time. */
const hashedElements = 2 ** 24;

/** Computes `modelHash`: the sha256 over names, shapes and float32 values, which does not depend on the file layout. */
export function hashWeights(tensors: readonly NamedTensor[]): string {
  const hash = createHash('sha256');
  for (const { name, shape, data } of tensors) {
    hash.update(`${name}[${shape.join()}]`);
    // Node.js rejects more than 2 GiB at once, which a large embedding exceeds.
    for (let at = 0; at < data.length; at += hashedElements) {
      const { buffer, byteOffset, byteLength } = data.subarray(at, at + hashedElements);
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }
  return hash.digest('hex');
}
