import { hashKey } from '../../core/rng.ts';
import { ProtocolError } from '../../core/errors.ts';
import type { SamplingJob, Written } from '../embedded/sampler.ts';
import type { Reply } from '../../protocol/messages.ts';
import type { Tensors } from '../../protocol/tensors.ts';
import type { Fields } from './connection.ts';
import { flattenTokens } from './flat.ts';

type Part = Extract<Reply, { type: 'part' }>;

/** A finished completion and the policy that began it. */
export type Received = Written & { readonly policyVersion: number };

/** A job as the worker is asked for it. The random numbers are those of the embedded engine. */
export function sampleFields(job: SamplingJob): { fields: Fields<'sample'>; tensors: Tensors } {
  const { prompts, maxTokens, temperature, topP, topK, stop, seed } = job;
  const randomKeys = prompts.flatMap(({ key, firstIndex, count }) =>
    Array.from({ length: count }, (_, i) => hashKey(seed, key, firstIndex + i)),
  );
  return {
    fields: {
      prompts: prompts.map(({ tokens, firstIndex, count }) => ({ length: tokens.length, firstIndex, count })),
      maxTokens,
      temperature,
      topP,
      topK,
      stream: stop.length > 0,
    },
    tensors: {
      tokens: flattenTokens(prompts.map(({ tokens }) => tokens)),
      randomKeys: Uint32Array.from(randomKeys),
    },
  };
}

interface Draft {
  readonly tokens: number[];
  readonly logprobs: number[];
  isDone: boolean;
}

/** Puts completions together from parts, and ends them where a stop string ends. */
export interface Collector {
  /** What these parts finish, and which completions the worker need not go on with. */
  add(
    part: Part,
    tensors: Tensors,
  ): { finished: Received[]; stopped: { readonly prompt: number; readonly index: number }[] };
}

/** A collector for one request. */
export function createCollector(stop: readonly string[], decode: (tokens: Int32Array) => string): Collector {
  const drafts = new Map<string, Draft>();
  const hasStop = (tokens: readonly number[]): boolean => {
    const text = decode(Int32Array.from(tokens));
    return stop.some((one) => text.includes(one));
  };
  /** Tokens up to the first at which the text holds a stop string; `null` without one. Looks from `from` on. */
  const endOf = (tokens: readonly number[], from: number): number | null => {
    if (stop.length === 0 || !hasStop(tokens)) return null;
    for (let end = from + 1; end < tokens.length; end++) if (hasStop(tokens.slice(0, end))) return end;
    return tokens.length;
  };
  return {
    add: ({ sequences }, { tokens, logprobs }) => {
      const finished: Received[] = [];
      const stopped: { prompt: number; index: number }[] = [];
      const total = sequences.reduce((sum, { count }) => sum + count, 0);
      if (!(tokens instanceof Int32Array && logprobs instanceof Float32Array && tokens.length === total)) {
        throw new ProtocolError(`expected a part with ${total} i32 tokens and f32 logprobs`);
      }
      let at = 0;
      for (const { prompt, index, count, finishReason, policyVersionStart: policyVersion } of sequences) {
        const name = `${prompt} ${index}`;
        const draft = drafts.get(name) ?? { tokens: [], logprobs: [], isDone: false };
        drafts.set(name, draft);
        const from = at;
        at += count;
        if (draft.isDone) continue;
        const before = draft.tokens.length;
        draft.tokens.push(...tokens.subarray(from, at));
        draft.logprobs.push(...logprobs.subarray(from, at));
        const end = endOf(draft.tokens, before);
        if (end === null && finishReason === null) continue;
        draft.isDone = true;
        if (finishReason === null) stopped.push({ prompt, index });
        const length = end ?? draft.tokens.length;
        finished.push({
          prompt,
          index,
          tokens: Int32Array.from(draft.tokens.slice(0, length)),
          logprobs: Float32Array.from(draft.logprobs.slice(0, length)),
          finishReason: end === null ? finishReason! : 'stop',
          policyVersion,
        });
        draft.tokens.length = draft.logprobs.length = 0;
      }
      return { finished, stopped };
    },
  };
}
