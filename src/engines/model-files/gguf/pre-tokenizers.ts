import type { JsonObject } from '../json-file.ts';

/** Specifies how a byte-level tokenizer splits text before merging. */
interface PreTokenizer {
  /** Pre-tokenizers that run before the mapping of bytes to characters. */
  readonly steps: readonly JsonObject[];
  /** Whether text is normalised to NFC first. */
  readonly isNfc: boolean;
  /** Whether a word in the vocabulary becomes one token even if no merges produce it. */
  readonly ignoresMerges: boolean;
}

const split = (pattern: string): JsonObject => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
});

const gpt2Words = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * Returns the splitting pattern of tiktoken's cl100k and its successors, with the quantifier `digits` for the digits
 * per token.
 */
const wordsWithDigits = (digits: string): string =>
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

const gpt2: PreTokenizer = { steps: [split(gpt2Words)], isNfc: false, ignoresMerges: false };
const llama3: PreTokenizer = { steps: [split(wordsWithDigits('{1,3}'))], isNfc: false, ignoresMerges: true };

/** Pre-tokenizers by their name in `tokenizer.ggml.pre`. */
export const preTokenizers: Readonly<Record<string, PreTokenizer>> = {
  default: gpt2,
  'gpt-2': gpt2,
  smollm: {
    steps: [{ type: 'Digits', individual_digits: true }, split(gpt2Words)],
    isNfc: false,
    ignoresMerges: false,
  },
  'llama-bpe': llama3,
  llama3,
  qwen2: { steps: [split(wordsWithDigits(''))], isNfc: true, ignoresMerges: false },
};
