import type { JsonObject } from '../../engines/model-files/json-file.ts';
import type { ChatFormat } from './chat-templates.ts';
import { wordPattern } from './count-words.ts';
import type { LearnedVocabulary } from './learn-merges.ts';

/**
 * Returns the tokenizer files of a model folder, for transformers, Hugging Face's tokenizers and Gradus.
 * Control tokens have the first ids.
 *
 * @param vocabulary begins with the control tokens.
 * @param maxLength maximum length of a sequence, in tokens.
 */
export function tokenizerFiles(
  { tokens, merges }: LearnedVocabulary,
  { controlTokens, endToken, template }: ChatFormat,
  maxLength: number,
): Readonly<Record<'tokenizer.json' | 'tokenizer_config.json' | 'generation_config.json', JsonObject>> {
  return {
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: controlTokens.map(addedToken),
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: wordPattern }, behavior: 'Isolated', invert: false },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
        ],
      },
      post_processor: null,
      decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges,
      },
    },
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      add_bos_token: false,
      add_eos_token: false,
      clean_up_tokenization_spaces: false,
      eos_token: endToken,
      pad_token: endToken,
      model_max_length: maxLength,
      ...(template !== null && { chat_template: template }),
    },
    'generation_config.json': {
      eos_token_id: tokens.indexOf(endToken),
      pad_token_id: tokens.indexOf(endToken),
      do_sample: true,
      temperature: 1,
    },
  };
}

const addedToken = (content: string, id: number): JsonObject => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});
