import { DataError } from '../../../core/errors.ts';
import type { JsonObject } from '../json-file.ts';
import type { GgufFile } from './gguf-file.ts';
import { preTokenizers } from './pre-tokenizers.ts';

/** Values of `tokenizer.ggml.token_type` for tokens that merges never produce: control tokens and user-defined ones. */
const [controlType, userType] = [3, 4];

/** Content of a model folder's tokenizer files, by file name. */
export type TokenizerFiles = Readonly<Record<string, JsonObject>>;

/**
 * Builds the tokenizer files of a model folder from GGUF metadata. Supports byte-level BPE (`gpt2`) and SentencePiece
 * BPE (`llama`); throws a `DataError` for other tokenizers.
 */
export function tokenizerFromGguf(file: GgufFile, maxPositions: number): TokenizerFiles {
  const tokens = texts(file, 'tokenizer.ggml.tokens');
  const model = file.metadata.get('tokenizer.ggml.model');
  const core =
    model === 'gpt2' ? byteLevel(file, tokens) : model === 'llama' ? sentencePiece(file, tokens) : null;
  if (core === null) {
    throw new DataError(
      `${file.path}: expected tokenizer.ggml.model "gpt2" or "llama", got ${JSON.stringify(model ?? null)}; ` +
        'copy tokenizer.json from the original model folder',
    );
  }
  const special = specialTokens(file, tokens);
  const bos = file.metadata.get('tokenizer.ggml.add_bos_token') === true ? special['bos_token'] : undefined;
  const template = file.metadata.get('tokenizer.chat_template');
  const ends = endTokens(file, tokens);
  return {
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(file, tokens),
      ...core,
      post_processor: bos === undefined ? core['post_processor'] : beginWith(bos, tokens.indexOf(bos)),
    },
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      ...special,
      clean_up_tokenization_spaces: false,
      model_max_length: maxPositions,
      ...(typeof template === 'string' && { chat_template: template }),
    },
    'generation_config.json': { eos_token_id: ends.length === 1 ? ends[0] : ends },
  };
}

function texts(file: GgufFile, key: string): string[] {
  const found = file.metadata.get(key);
  if (Array.isArray(found) && found.every((one): one is string => typeof one === 'string')) return found;
  throw new DataError(
    `${file.path}: expected a list of strings "${key}", got none; copy tokenizer.json from the original model folder`,
  );
}

function numbers(file: GgufFile, key: string): readonly number[] {
  const found = file.metadata.get(key);
  return Array.isArray(found) ? (found as number[]) : [];
}

const vocabularyOf = (tokens: readonly string[]): Record<string, number> =>
  Object.fromEntries(tokens.map((token, id) => [token, id]));

function byteLevel(file: GgufFile, tokens: readonly string[]): JsonObject {
  const stated = file.metadata.get('tokenizer.ggml.pre');
  const pre = typeof stated === 'string' ? stated : 'default';
  const found = preTokenizers[pre];
  if (found === undefined) {
    const known = Object.keys(preTokenizers).join(', ');
    throw new DataError(
      `${file.path}: expected tokenizer.ggml.pre to be one of ${known}, got "${pre}"; ` +
        'copy tokenizer.json from the original model folder',
    );
  }
  const byteLevelStep = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    normalizer: found.isNfc ? { type: 'NFC' } : null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [...found.steps, byteLevelStep] },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: found.ignoresMerges,
      vocab: vocabularyOf(tokens),
      merges: texts(file, 'tokenizer.ggml.merges').map((merge) => splitMerge(merge)),
    },
  };
}

/** Splits "a b" at its space; tokens never contain a space. */
function splitMerge(merge: string): [string, string] {
  const blank = merge.indexOf(' ', 1);
  return [merge.slice(0, blank), merge.slice(blank + 1)];
}

/**
 * Builds the `tokenizer.json` of a SentencePiece tokenizer. It adds a space before text and after special tokens, as
 * llama.cpp and the tokenizer of Llama 2 do.
 */
function sentencePiece(file: GgufFile, tokens: readonly string[]): JsonObject {
  const vocab = vocabularyOf(tokens);
  const prefix = file.metadata.get('tokenizer.ggml.add_space_prefix') !== false;
  const unknown = file.metadata.get('tokenizer.ggml.unknown_token_id');
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        ...(prefix ? [{ type: 'Prepend', prepend: '▁' }] : []),
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: typeof unknown === 'number' ? tokens[unknown] : null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab,
      merges: mergesOf(tokens, vocab, numbers(file, 'tokenizer.ggml.scores')),
    },
  };
}

/** Derives the merges of a SentencePiece vocabulary: every split of a token into two tokens, best score first. */
function mergesOf(
  tokens: readonly string[],
  vocab: Readonly<Record<string, number>>,
  scores: readonly number[],
): [string, string][] {
  const isToken = (text: string): boolean => Object.hasOwn(vocab, text);
  const found = tokens.flatMap((token, id) => {
    const letters = [...token];
    const splits = letters
      .slice(1)
      .map((_, at): [string, string] => [letters.slice(0, at + 1).join(''), letters.slice(at + 1).join('')]);
    return splits
      .filter(([left, right]) => isToken(left) && isToken(right))
      .toSorted((a, b) => vocab[a[0]]! - vocab[b[0]]! || vocab[a[1]]! - vocab[b[1]]!)
      .map((merge) => ({ merge, score: scores[id] ?? 0 }));
  });
  return found.toSorted((a, b) => b.score - a.score).map(({ merge }) => merge);
}

function addedTokens(file: GgufFile, tokens: readonly string[]): JsonObject[] {
  return numbers(file, 'tokenizer.ggml.token_type').flatMap((type, id) =>
    type === controlType || type === userType
      ? [
          {
            id,
            content: tokens[id],
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: type === controlType,
          },
        ]
      : [],
  );
}

function specialTokens({ metadata }: GgufFile, tokens: readonly string[]): Readonly<Record<string, string>> {
  const keys = { bos_token: 'bos', eos_token: 'eos', unk_token: 'unknown', pad_token: 'padding' };
  return Object.fromEntries(
    Object.entries(keys).flatMap(([name, key]) => {
      const id = metadata.get(`tokenizer.ggml.${key}_token_id`);
      const text = typeof id === 'number' ? tokens[id] : undefined;
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

/** Returns the tokens that end a turn: the end token and, if there is one, the end-of-message token. */
function endTokens(file: GgufFile, tokens: readonly string[]): number[] {
  const keys = ['eos', 'eot', 'eom'].map((key) => file.metadata.get(`tokenizer.ggml.${key}_token_id`));
  const ids = keys.filter((id): id is number => typeof id === 'number' && id < tokens.length);
  if (ids.length > 0) return [...new Set(ids)];
  throw new DataError(`${file.path}: expected "tokenizer.ggml.eos_token_id", got none`);
}

/** Returns a post-processor that adds the beginning-of-text token before plain text. */
function beginWith(token: string, id: number): JsonObject {
  const special = { SpecialToken: { id: token, type_id: 0 } };
  return {
    type: 'TemplateProcessing',
    single: [special, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [special, { Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}
