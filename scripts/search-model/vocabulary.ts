import { tokenizerConfigJson } from '../base-model/tokenizer-files.ts';
import { answerToken, endToken, questionToken, unknownToken } from '../base-model/vocabulary.ts';
import type { InitialModel } from '../base-model/initial-model.ts';
import { names, numbers } from './world.ts';

const special = [unknownToken, endToken, questionToken, answerToken];
const tags = ['<search>', '</search>', '<information>', '</information>', '<answer>', '</answer>'];

/**
 * Vocabulary of the tiny model that searches: one token per word, so that an attempt with two searches is 40 tokens
 * long. A piece's position is its token id.
 */
const vocabulary: readonly string[] = [
  ...special,
  ...tags,
  '\n',
  ' num',
  ' boss',
  ...numbers.map((number) => ` ${number}`),
  ...names.map((name) => ` ${name}`),
];

/** Maximum length of question and attempt together, in tokens. */
const maxPositions = 96;

/** The untrained model: 350 thousand parameters. */
export const searchModel: InitialModel = {
  config: {
    architecture: 'qwen2',
    vocabSize: Math.ceil(vocabulary.length / 8) * 8,
    hiddenSize: 96,
    layers: 3,
    heads: 3,
    keyValueHeads: 3,
    headSize: 32,
    intermediateSize: 192,
    normEpsilon: 1e-6,
    ropeTheta: 10_000,
    ropeScaling: null,
    maxPositions,
    tieEmbeddings: true,
    attentionBias: true,
  },
  tokenizer: unigramTokenizer(),
  tokenizerConfig: tokenizerConfigJson(maxPositions),
  endToken: vocabulary.indexOf(endToken),
};

/** Returns the content of `tokenizer.json`: every piece costs the same, so the segmentation with the fewest pieces
 * wins. */
function unigramTokenizer(): object {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'Unigram',
      unk_id: 0,
      byte_fallback: false,
      vocab: vocabulary.map((piece) => [piece, -1]),
    },
  };
}
