import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../../core/errors.ts';
import { writeFileAtomic } from '../../../storage/atomic.ts';
import type { JsonObject } from '../json-file.ts';
import { writeSafetensors } from '../safetensors.ts';
import { configFromGguf } from './gguf-config.ts';
import { openGguf } from './gguf-file.ts';
import { tensorsFromGguf } from './gguf-tensors.ts';
import { tokenizerFromGguf } from './gguf-tokenizer.ts';
import { makeFolder } from '../../../storage/make-folder.ts';

/** Result of an import. */
export interface ImportedModel {
  readonly folder: string;
  readonly architecture: string;
  /** Number of weights. */
  readonly parameters: number;
}

/**
 * Converts a GGUF file into a Hugging Face folder that Gradus and transformers can open: config, tokenizer, chat
 * template and dequantized weights. Keeps only one tensor in memory at a time.
 *
 * @param folder folder to write; must be empty or missing.
 * @throws DataError if the architecture, the tokenizer or an element type cannot be imported.
 */
export async function importGguf(path: string, folder: string, type: 'bf16' | 'f32'): Promise<ImportedModel> {
  await using file = await openGguf(path);
  const config = await configFromGguf(file);
  const files = tokenizerFromGguf(file, config['max_position_embeddings'] as number);
  await makeFolder(folder);
  if ((await readdir(folder)).length > 0) {
    throw new DataError(
      `${folder}: expected an empty or missing folder for the model, but it contains files`,
    );
  }
  const tensors = tensorsFromGguf(file, config);
  await writeSafetensors(join(folder, 'model.safetensors'), tensors, type);
  for (const [name, content] of Object.entries(files)) await writeJson(join(folder, name), content);
  // Write the config last, because a folder with a config counts as complete.
  const dtype = type === 'bf16' ? 'bfloat16' : 'float32';
  const ends = files['generation_config.json']!['eos_token_id'];
  await writeJson(join(folder, 'config.json'), { ...config, torch_dtype: dtype, eos_token_id: ends });
  const parameters = tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((product, axis) => product * axis, 1),
    0,
  );
  return { folder, architecture: config['model_type'] as string, parameters };
}

const writeJson = (path: string, content: JsonObject): Promise<void> =>
  writeFileAtomic(path, `${JSON.stringify(content, null, 2)}\n`);
