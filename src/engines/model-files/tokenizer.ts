import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { DataError } from '../../core/errors.ts';
import type { Message } from '../../core/problem.ts';
import type { UnknownToken } from '../engine.ts';
import { loadTemplate, templateIn, tokenText } from './chat-template.ts';
import { createReplyEncoder, type ReplyEncoder } from './reply-encoder.ts';
import { type JsonObject, readJsonObject, readOptionalJsonObject, readOptionalText } from './json-file.ts';

/** Converts between text and tokens as in the model's training. */
export interface ModelTokenizer extends ReplyEncoder {
  /** Tokens that end a completion, at least one; the first is the tokenizer's end token. */
  readonly endTokens: readonly number[];
  /** Token for text outside the vocabulary; undefined if the tokenizer has none, or if it also ends completions. */
  readonly unknownToken: UnknownToken | undefined;
  /**
   * Encodes messages in the chat template, with the generation prompt. Without a template, encodes the content of each
   * message on its own line, with the special tokens of plain text.
   *
   * @param tools functions that the template lists, as JSON schemas.
   */
  encodePrompt(messages: readonly Message[], tools?: readonly object[]): Int32Array;
  /** Encodes text without template or special tokens. */
  encodeText(text: string): Int32Array;
  /** Decodes tokens; skips special tokens, and unknown ids of padded vocabularies. */
  decode(tokens: Int32Array): string;
}

/**
 * Reads `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja` and `generation_config.json` of a model folder.
 * Throws a `DataError` if a required file is missing or invalid, if no end token is given, or if the tokenizer has more
 * tokens than the model.
 *
 * @param vocabSize number of rows in the model's embedding; default: unlimited
 */
export async function openTokenizer(folder: string, vocabSize = Infinity): Promise<ModelTokenizer> {
  const settings = (await readOptionalJsonObject(join(folder, 'tokenizer_config.json'))) ?? {};
  const json = await readJsonObject(join(folder, 'tokenizer.json'));
  const tokenizer = await loadTokenizer(join(folder, 'tokenizer.json'), settings);
  const known: ReadonlySet<number> = new Set((tokenizer.get_vocab(true) as Map<string, number>).values());
  checkVocabulary(folder, known, vocabSize);
  const template = await loadTemplate(folder, settings);
  const encode = (text: string, special: boolean): Int32Array =>
    Int32Array.from(tokenizer.encode(text, { add_special_tokens: special }).ids);
  const endTokens = await findEndTokens(folder, tokenizer, settings);
  const decode = (tokens: Int32Array): string => {
    const ids = Array.from(tokens).filter((token) => known.has(token));
    // Clean-up would rewrite the output ("f (x) ." becomes "f (x)."), which breaks programs.
    const options = { skip_special_tokens: true, clean_up_tokenization_spaces: false };
    return ids.length === 0 ? '' : tokenizer.decode(ids, options);
  };
  return {
    endTokens,
    unknownToken: unknownTokenIn(json, tokenizer, endTokens),
    encodePrompt: (messages, tools) =>
      template === null
        ? encode(messages.map(({ content }) => content).join('\n'), true)
        : encode(template(messages, { tools }), false),
    ...createReplyEncoder({
      folder,
      endTokens,
      addedTokens: tokenizer.get_added_tokens_decoder().values(),
      template,
      encode: (text) => encode(text, false),
      decode,
    }),
    encodeText: (text) => encode(text, false),
    decode,
  };
}

/**
 * Returns a function that splits decoded text into one piece per token, including special tokens. The joined pieces
 * equal the complete text. A character that spans several tokens belongs to the last one.
 *
 * @throws DataError if the folder has no readable tokenizer.
 */
export async function openTokenTexts(folder: string): Promise<(tokens: readonly number[]) => string[]> {
  const settings = (await readOptionalJsonObject(join(folder, 'tokenizer_config.json'))) ?? {};
  const tokenizer = await loadTokenizer(join(folder, 'tokenizer.json'), settings);
  const known: ReadonlySet<number> = new Set((tokenizer.get_vocab(true) as Map<string, number>).values());
  const decode = (tokens: readonly number[]): string =>
    tokens.length === 0 ? '' : tokenizer.decode([...tokens], { clean_up_tokenization_spaces: false });
  return (tokens) => {
    // Decoders treat the first token differently (they drop a leading space), so decode each after its
    // predecessor.
    let window: number[] = [];
    let decoded = '';
    return tokens.map((token) => {
      if (!known.has(token)) return '';
      window.push(token);
      const text = decode(window);
      if (text.endsWith('\uFFFD')) return '';
      const piece = text.slice(decoded.length);
      window = [token];
      decoded = decode(window);
      return piece;
    });
  };
}

/**
 * Reads `tokenizer_config.json` with special tokens as strings, and the chat template from either of its
 * files.
 */
export async function readTokenizerInfo(folder: string): Promise<JsonObject> {
  const settings = (await readOptionalJsonObject(join(folder, 'tokenizer_config.json'))) ?? {};
  const template =
    (await readOptionalText(join(folder, 'chat_template.jinja'))) ?? templateIn(settings['chat_template']);
  const names = ['bos_token', 'eos_token', 'pad_token', 'unk_token'] as const;
  const tokens = Object.fromEntries(names.map((name) => [name, tokenText(settings[name]) ?? null]));
  return { ...settings, ...tokens, chat_template: template };
}

async function loadTokenizer(path: string, settings: JsonObject): Promise<Tokenizer> {
  const json = await readJsonObject(path);
  try {
    return new Tokenizer(json, settings);
  } catch (cause) {
    throw new DataError(
      `${path}: cannot read this tokenizer with this version of Gradus (${String(cause)})`,
      { cause },
    );
  }
}

function checkVocabulary(folder: string, known: ReadonlySet<number>, vocabSize: number): void {
  let largest = -1;
  for (const id of known) largest = Math.max(largest, id);
  if (largest < vocabSize) return;
  throw new DataError(
    `${folder}: expected a tokenizer of at most ${vocabSize} tokens (the model's vocab_size), got token id ${largest}; ` +
      'tokenizer.json and config.json belong to different models',
  );
}

/** Finds the unknown token of a vocabulary: `unk_token` for BPE, WordPiece and WordLevel, `unk_id` for Unigram. */
function unknownTokenIn(
  { model }: JsonObject,
  tokenizer: Tokenizer,
  endTokens: readonly number[],
): UnknownToken | undefined {
  const { unk_token: token, unk_id: place, vocab } = (model ?? {}) as JsonObject;
  const entry = typeof place === 'number' && Array.isArray(vocab) ? (vocab[place] as unknown) : undefined;
  const text = typeof token === 'string' ? token : Array.isArray(entry) ? (entry[0] as unknown) : undefined;
  if (typeof text !== 'string' || text === '') return undefined;
  const id = tokenizer.token_to_id(text);
  return id === undefined || endTokens.includes(id) ? undefined : { id, text };
}

/** Collects end tokens from the tokenizer, `generation_config.json` and `config.json`. */
async function findEndTokens(folder: string, tokenizer: Tokenizer, settings: JsonObject): Promise<number[]> {
  const generation = (await readOptionalJsonObject(join(folder, 'generation_config.json'))) ?? {};
  const config = (await readOptionalJsonObject(join(folder, 'config.json'))) ?? {};
  const own = tokenText(settings['eos_token']);
  const stated: unknown[] = [
    own === undefined ? undefined : tokenizer.token_to_id(own),
    generation['eos_token_id'],
    config['eos_token_id'],
  ];
  const ids = stated.flat().filter((id): id is number => Number.isInteger(id));
  if (ids.length > 0) return [...new Set(ids)];
  throw new DataError(
    `${folder}: expected an end token, got none; set "eos_token" in tokenizer_config.json or ` +
      '"eos_token_id" in generation_config.json',
  );
}
