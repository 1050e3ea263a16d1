import { countMarks, imageMark, imagesOf, partsOf } from '../../core/image.ts';
import { EngineError } from '../../core/errors.ts';
import type { Message } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { readImage } from '../../storage/images/image-file.ts';
import type { SamplePrompt, SampleRequest } from '../engine.ts';
import { isTranscript } from '../requests/sampling-request.ts';
import type { ModelTokenizer } from '../model-files/tokenizer.ts';
import type { Question } from './client.ts';
import type { OpenaiConfig } from './config.ts';
import { leaveOut, type OptionalField } from './optional-fields.ts';

/** Form of prompts: messages, plain text, or tokens in a tokenizer's chat template. */
export type PromptForm = 'chat' | 'text' | 'tokens';

/** Format of requests to one server. */
export interface Asking extends Pick<OpenaiConfig, 'lengthField' | 'stream'> {
  readonly model: string;
  readonly form: PromptForm;
  readonly tokenizer?: ModelTokenizer | undefined;
  readonly withLogprobs: boolean;
  /** Whether to request token ids by `return_token_ids` (vLLM, SGLang, Gradus). */
  readonly withTokenIds: boolean;
  /** Whether to send stop strings; otherwise the received text is cut at the first one. */
  readonly sendsStop: boolean;
  readonly omitted: ReadonlySet<OptionalField>;
}

/** Attempts at one prompt that one request covers. */
export interface AttemptGroup {
  readonly key: string;
  readonly prompt: SamplePrompt['prompt'];
  /** Rollout indices, ascending; choice i of the answer is attempt `indices[i]`. */
  readonly indices: readonly number[];
}

/**
 * Requests usage at the end of a stream and, in vLLM and SGLang, also during it, so that interrupted streams are
 * counted.
 */
export const streamFields = {
  stream: true,
  stream_options: { include_usage: true, continuous_usage_stats: true },
} as const;

/** Fields for stop strings. Servers drop them from the text by default; vLLM keeps them on request. */
export const stopFields = (stop: readonly string[]): object => ({ stop, include_stop_str_in_output: true });

/** Builds the request for a group of attempts, with the seed of the first attempt. */
export function questionFor(asking: Asking, request: SampleRequest, group: AttemptGroup): Question {
  const { maxTokens, temperature = 1, topP = 1, topK = 0, stop = [], seed } = request;
  const draw = hashKey(seed, group.key, group.indices[0]!);
  const wanted = group.indices.length;
  const isChat = asking.form === 'chat';
  const body = {
    model: asking.model,
    ...promptOf(asking, group.prompt),
    [asking.lengthField]: maxTokens,
    temperature,
    top_p: topP,
    seed: draw & 0x7fffffff,
    ...(wanted > 1 && { n: wanted }),
    ...(topK > 0 && { top_k: topK }),
    ...(stop.length > 0 && asking.sendsStop && stopFields(stop)),
    ...(asking.stream && streamFields),
    // In llama.cpp, `logprobs: 0` returns no log-probabilities at all.
    ...(asking.withLogprobs && { logprobs: isChat ? true : 1 }),
    ...(asking.withLogprobs && asking.withTokenIds && { return_token_ids: true }),
  };
  const endpoint = isChat ? '/chat/completions' : '/completions';
  return { endpoint, body: leaveOut(body, asking.omitted), wanted, maxTokens, key: draw };
}

function promptOf({ form, tokenizer }: Asking, prompt: AttemptGroup['prompt']): object {
  const tokens = prompt instanceof Int32Array ? prompt : isTranscript(prompt) ? prompt.tokens : undefined;
  const messages = prompt instanceof Int32Array ? [] : isTranscript(prompt) ? prompt.messages : prompt;
  const plain = messages.map(({ role, content }) => ({ role, content }));
  if (form !== 'chat') refuseImages(messages);
  switch (form) {
    case 'chat':
      if (messages.length > 0)
        return { messages: messages.map((message) => ({ role: message.role, content: contentOf(message) })) };
      throw new EngineError('sample: expected messages for chat completions, got token ids', {
        code: 'BAD_REQUEST',
        tryNext: 'api = "completions" in policy.engine',
      });
    case 'text':
      return {
        prompt: plain.length > 0 ? plain.map(({ content }) => content).join('\n') : Array.from(tokens ?? []),
      };
    case 'tokens':
      return { prompt: Array.from(tokens ?? tokenizer!.encodePrompt(plain)) };
  }
}

/** Returns the text of a message, or a list of parts in OpenAI's format, with images as data URLs. */
function contentOf(message: Message): string | object[] {
  if (message.images === undefined) return message.content;
  if (countMarks(message.content) !== message.images.length)
    throw new EngineError(
      `sample: expected one image for each ${imageMark}, got ${countMarks(message.content)} marks and ${message.images.length} images`,
      { code: 'BAD_REQUEST' },
    );
  return partsOf(message).map((part) =>
    typeof part === 'string'
      ? { type: 'text', text: part }
      : {
          type: 'image_url',
          image_url: { url: `data:${part.mediaType};base64,${readImage(part).toString('base64')}` },
        },
  );
}

/** Throws an EngineError (`IMAGES_UNSUPPORTED`) if a prompt has images, which only the chat endpoint accepts. */
function refuseImages(messages: readonly Message[]): void {
  if (imagesOf(messages).length === 0) return;
  throw new EngineError(
    'sample: expected a prompt without images, got one with images; only chat completions take images',
    { code: 'IMAGES_UNSUPPORTED', tryNext: 'api = "chat" in policy.engine' },
  );
}
