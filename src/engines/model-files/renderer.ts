import type { Renderer } from '../engine.ts';
import type { ModelTokenizer } from './tokenizer.ts';

/** Builds the renderer of an engine from the tokenizer of its model folder. */
export const rendererOf = (tokenizer: ModelTokenizer): Renderer => ({
  endTokens: tokenizer.endTokens,
  unknownToken: tokenizer.unknownToken,
  render: tokenizer.encodePrompt,
  append: ({ tokens }, messages) =>
    tokenizer.encodeReply(messages, tokenizer.endTokens.includes(tokens.at(-1)!)),
  encode: tokenizer.encodeText,
  encodeForeign: tokenizer.encodeForeign,
  decode: tokenizer.decode,
});
