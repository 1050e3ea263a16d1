import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../core/errors.ts';
import { checkpointTensors, parameterLayout } from '../../engines/embedded/parameters.ts';
import { exportedConfigJson } from '../../engines/model-files/config-file.ts';
import { openModelFolder, writeModelFolder } from '../../engines/model-files/model-folder.ts';
import type { NamedTensor } from '../../engines/model-files/safetensors.ts';

/** The number of rows of a grown embedding is a multiple of this. */
const rowMultiple = 8;

interface TokenizerFile {
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
  readonly model?: { readonly vocab?: Readonly<Record<string, number>> | readonly unknown[] };
}

/**
 * Writes a model with additional tokens, such as `<|reflect|>`. They are not special tokens, so decoding
 * keeps them in a completion's text. They first take unused rows of the embedding, which grows if there are too few. A
 * new row is the mean of the rows of all existing tokens.
 *
 * @param from a folder with `tokenizer.json`.
 * @param tokens the new tokens as strings; those that are already added tokens of the tokenizer stay
 * unchanged.
 * @returns the number of tokens added.
 * @throws DataError if the tokenizer's vocabulary cannot be read, or if a token is an empty string.
 */
export async function addTokens(from: string, to: string, tokens: readonly string[]): Promise<number> {
  const { config: old, json, tokenizer, readWeights } = await openModelFolder(from);
  const file = JSON.parse(await readFile(join(from, 'tokenizer.json'), 'utf8')) as TokenizerFile;
  const known = file.added_tokens ?? [];
  const missing = [...new Set(tokens)].filter((text) => !known.some(({ content }) => content === text));
  if (missing.some((text) => text.trim() === ''))
    throw new DataError('expected tokens with text, got an empty one');
  const first = 1 + largestId(file, from);
  const needed = first + missing.length;
  const vocabSize = needed <= old.vocabSize ? old.vocabSize : Math.ceil(needed / rowMultiple) * rowMultiple;
  const tensors = checkpointTensors(old, new Float32Array(parameterLayout(old).length));
  await readWeights(tensors);
  await writeModelFolder(to, {
    config: { ...exportedConfigJson(json, old.tieEmbeddings), vocab_size: vocabSize },
    tensors: tensors.map((tensor) =>
      /embed_tokens\.weight$|^lm_head\.weight$/.test(tensor.name)
        ? withRows(tensor, first, missing.length, vocabSize)
        : tensor,
    ),
    weightType: 'f32',
    companionsFrom: from,
    endTokens: tokenizer.endTokens,
  });
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };
  const added = missing.map((content, i) => ({ id: first + i, content, ...flags }));
  const content = JSON.stringify({ ...file, added_tokens: [...known, ...added] }, null, 1);
  await writeFile(join(to, 'tokenizer.json'), `${content}\n`);
  return missing.length;
}

function largestId({ added_tokens: added = [], model }: TokenizerFile, folder: string): number {
  const vocabulary = model?.vocab;
  if (vocabulary === undefined)
    throw new DataError(`${join(folder, 'tokenizer.json')}: expected a vocabulary, found none`);
  // A Unigram vocabulary is a list in the order of ids.
  const own: number[] = Array.isArray(vocabulary)
    ? [vocabulary.length - 1]
    : Object.values(vocabulary as Readonly<Record<string, number>>);
  return own.concat(added.map(({ id }) => id)).reduce((most, id) => Math.max(most, id), -1);
}

/**
 * Sets `count` rows, starting at `first`, to the mean of the rows before them; appends rows up to `total`.
 */
function withRows(
  { name, shape, data }: NamedTensor,
  first: number,
  count: number,
  total: number,
): NamedTensor {
  const width = shape[1]!;
  const grown = new Float32Array(total * width);
  grown.set(data);
  const mean = new Float64Array(width);
  for (let i = 0; i < first * width; i++) mean[i % width]! += grown[i]! / first;
  for (let row = first; row < first + count; row++) grown.set(mean, row * width);
  return { name, shape: [total, width], data: grown };
}
