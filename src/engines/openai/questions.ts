import { EngineError } from '../../core/errors.ts';
import { hashKey } from '../../core/rng.ts';
import type { SamplePrompt, SampleRequest } from '../engine.ts';
import { isTranscript } from '../requests/sampling-request.ts';
import type { ModelTokenizer } from '../model-files/tokenizer.ts';
import type { Question } from './client.ts';
import type { OpenaiConfig } from './config.ts';

/** The way prompts are put to a server: messages, the text as it is, or tokens in the template of a tokenizer. */
export type PromptForm = 'chat' | 'text' | 'tokens';

/** How questions are put to one server. */
export interface Asking extends Pick<OpenaiConfig, 'lengthField' | 'stream'> {
  readonly model: string;
  readonly form: PromptForm;
  readonly tokenizer?: ModelTokenizer | undefined;
  readonly withLogprobs: boolean;
  /** The server may be asked for the tokens too (vLLM, SGLang, Gradus). */
  readonly withTokenIds: boolean;
}

/** Attempts at one prompt to be asked for together. */
export interface AttemptGroup {
  readonly key: string;
  readonly prompt: SamplePrompt['prompt'];
  /** Rollout indices, ascending; choice i of the answer is attempt `indices[i]`. */
  readonly indices: readonly number[];
}

/** The request that asks for attempts. Its seed is that of the first: alone, an attempt has a seed of its own. */
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
    ...(stop.length > 0 && { stop }),
    ...(asking.stream && { stream: true, stream_options: { include_usage: true } }),
    // llama.cpp takes 0 alternatives for no log-probabilities at all.
    ...(asking.withLogprobs && { logprobs: isChat ? true : 1 }),
    ...(asking.withLogprobs && asking.withTokenIds && { return_token_ids: true }),
  };
  const endpoint = isChat ? '/chat/completions' : '/completions';
  return { endpoint, body, wanted, maxTokens, key: draw };
}

function promptOf({ form, tokenizer }: Asking, prompt: AttemptGroup['prompt']): object {
  const tokens = prompt instanceof Int32Array ? prompt : isTranscript(prompt) ? prompt.tokens : undefined;
  const messages = prompt instanceof Int32Array ? [] : isTranscript(prompt) ? prompt.messages : prompt;
  const plain = messages.map(({ role, content }) => ({ role, content }));
  switch (form) {
    case 'chat':
      if (plain.length > 0) return { messages: plain };
      throw new EngineError('sample: expected messages, got token ids, which chat completions do not take', {
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
