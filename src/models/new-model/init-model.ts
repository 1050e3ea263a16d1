import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, DataError } from '../../core/errors.ts';
import { parameterLayout } from '../../engines/embedded/parameters.ts';
import { newConfigJson } from '../../engines/model-files/config-file.ts';
import { openModelFolder, writeModelFolder } from '../../engines/model-files/model-folder.ts';
import { writeFileAtomic, writeFolderAtomic } from '../../storage/atomic.ts';
import { byteSymbols, toByteSymbols } from './byte-symbols.ts';
import { chatFormat, chatTemplates } from './chat-templates.ts';
import { countWords } from './count-words.ts';
import { initialTensors } from './initial-tensors.ts';
import { learnMerges } from './learn-merges.ts';
import { modelShapes, type ModelSize, newModelConfig } from './model-shapes.ts';
import { tokenizerFiles } from './tokenizer-files.ts';

/** Settings of a new model. */
export interface InitModelOptions {
  readonly size: ModelSize;
  /** Files on whose text the tokenizer is trained. */
  readonly tokenizerFrom: readonly string[];
  /** Maximum number of tokens in the vocabulary. Default: by size. */
  readonly vocabulary?: number | undefined;
  /** Maximum length of prompt and answer together, in tokens. */
  readonly context: number;
  /** `roles`, `chatml`, `none`, or the path of a Jinja file. */
  readonly chatTemplate: string;
  readonly seed: number;
}

/** Result of `initModel`. */
export interface InitialisedModel {
  readonly folder: string;
  readonly parameters: number;
  /** Number of tokens in the vocabulary. */
  readonly vocabulary: number;
  /** Mean length of a token in the given files, in bytes. */
  readonly bytesPerToken: number;
}

/**
 * Creates a model folder from scratch: a byte-level BPE tokenizer trained on the given files, a chat
 * template, and random weights. Both engines and transformers can load it; it generates noise until it is
 * trained.
 *
 * @param folder must be empty or missing; it appears only once it is complete.
 * @throws ConfigError if the vocabulary is too small; DataError if a file or the template cannot be read.
 */
export async function initModel(folder: string, options: InitModelOptions): Promise<InitialisedModel> {
  const { size, tokenizerFrom, context, chatTemplate, seed } = options;
  await requireEmpty(folder);
  const format = chatFormat(await templateNamed(chatTemplate), chatTemplate);
  const symbols = [...format.controlTokens, ...byteSymbols.toSorted()];
  const most = options.vocabulary ?? modelShapes[size].vocabulary;
  if (most < symbols.length)
    throw new ConfigError(
      `--vocab ${most}: expected at least ${symbols.length}: 256 bytes and the ${format.controlTokens.length} control tokens of the chat template`,
    );
  const words = await countWords(tokenizerFrom);
  const inSymbols = new Map([...words].map(([word, count]) => [toByteSymbols(word), count]));
  const bytes = [...inSymbols].reduce((sum, [word, count]) => sum + word.length * count, 0);
  if (bytes === 0)
    throw new DataError(
      `${tokenizerFrom.join(', ')}: expected text to train the tokenizer on, got none; name files that contain text`,
    );
  const learned = learnMerges(inSymbols, symbols, most);
  const config = newModelConfig(size, learned.tokens.length, context);
  const files = tokenizerFiles(learned, format, context);
  await writeFolderAtomic(folder, async (draft) => {
    for (const [name, content] of Object.entries(files))
      await writeFileAtomic(join(draft, name), `${JSON.stringify(content, null, 2)}\n`);
    await writeModelFolder(draft, {
      config: newConfigJson(config),
      tensors: initialTensors(config, seed),
      weightType: 'f32',
      companionsFrom: draft,
      endTokens: [learned.tokens.indexOf(format.endToken)],
    });
    await openModelFolder(draft);
  });
  return {
    folder,
    parameters: parameterLayout(config).length,
    vocabulary: learned.tokens.length,
    bytesPerToken: bytes / learned.textTokens,
  };
}

async function templateNamed(name: string): Promise<string | null> {
  if (name === 'none') return null;
  if (name === 'roles' || name === 'chatml') return chatTemplates[name];
  return readFile(name, 'utf8').catch((cause: unknown) => {
    throw new DataError(`--chat-template ${name}: expected roles, chatml, none, or a readable Jinja file`, {
      cause,
    });
  });
}

/**
 * Checks that a folder to which a command will write a model is empty or missing.
 * @throws DataError if it contains files.
 */
export async function requireEmpty(folder: string): Promise<void> {
  const held = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new DataError(`${folder}: expected a new or empty folder for the model, got ${error.message}`);
  });
  if (held.length === 0) return;
  throw new DataError(
    `${folder}: expected a new or empty folder for the model, found ${held.length} files in it; choose another folder`,
  );
}
