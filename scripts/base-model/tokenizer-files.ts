import { answerToken, endToken, questionToken, unknownToken, vocabulary } from './vocabulary.ts';

/**
 * Returns the content of `tokenizer.json`: byte-pair encoding without merges (single characters), with longer pieces as
 * added tokens.
 */
export function tokenizerJson(): object {
  const special = new Set([unknownToken, endToken, questionToken, answerToken]);
  const added = vocabulary.flatMap((content, id) =>
    content.length === 1
      ? []
      : [
          {
            id,
            content,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: special.has(content),
          },
        ],
  );
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: unknownToken,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary.map((content, id) => [content, id])),
      merges: [],
    },
  };
}

/** Returns the content of `tokenizer_config.json`: a chat is just `<q>question<a>answer</a>`. */
export function tokenizerConfigJson(maxLength = maxPositions): object {
  const chatTemplate = [
    "{%- for message in messages -%}{%- if message['role'] == 'assistant' -%}",
    `{{- '${answerToken}' + message['content'] + '${endToken}' -}}`,
    `{%- else -%}{{- '${questionToken}' + message['content'] -}}{%- endif -%}{%- endfor -%}`,
    `{%- if add_generation_prompt -%}{{- '${answerToken}' -}}{%- endif -%}`,
  ].join('');
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    add_bos_token: false,
    add_eos_token: false,
    clean_up_tokenization_spaces: false,
    unk_token: unknownToken,
    eos_token: endToken,
    pad_token: endToken,
    model_max_length: maxLength,
    chat_template: chatTemplate,
  };
}

/** Maximum length of question and answer together, in tokens. */
export const maxPositions = 256;
