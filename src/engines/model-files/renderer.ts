import { imagesOf } from '../../core/image.ts';
import { EngineError } from '../../core/errors.ts';
import type { Message } from '../../core/problem.ts';
import type { Renderer } from '../engine.ts';
import type { ModelTokenizer } from './tokenizer.ts';

/** Creates the renderer of an engine from the tokenizer of its model folder. */
export const rendererOf = (tokenizer: ModelTokenizer): Renderer => ({
  endTokens: tokenizer.endTokens,
  unknownToken: tokenizer.unknownToken,
  render: (messages, tools) => {
    requireText(messages);
    return tokenizer.encodePrompt(messages, tools);
  },
  append: ({ tokens }, messages) => {
    requireText(messages);
    return tokenizer.encodeReply(messages, tokenizer.endTokens.includes(tokens.at(-1)!));
  },
  encode: tokenizer.encodeText,
  encodeForeign: tokenizer.encodeForeign,
  decode: tokenizer.decode,
});

/**
 * Rejects images: local models read only text.
 * @throws EngineError (`IMAGES_UNSUPPORTED`).
 */
function requireText(messages: readonly Message[]): void {
  const count = imagesOf(messages).length;
  if (count === 0) return;
  throw new EngineError(
    `expected a prompt without images, got one with ${count}: the engines "embedded" and "torch" read text only; measure with the engine "openai" and a server that runs a vision model`,
    {
      code: 'IMAGES_UNSUPPORTED',
      tryNext: "policy: { model: '<name on the server>', engine: openai({ baseUrl: 'http://…/v1' }) }",
    },
  );
}
