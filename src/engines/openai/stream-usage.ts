import type { ResponseBody, ResponseUsage } from './response-body.ts';

/** Sums the usage reported by the events of one stream. */
export interface StreamUsage {
  add(event: ResponseBody): void;
  /** Returns the usage of the request so far; undefined if none was reported. */
  total(): ResponseUsage | undefined;
}

/**
 * Creates an empty sum. An event without choices reports the usage of the choices that ended since the last such event:
 * all of them in OpenAI's API and vLLM, one in llama.cpp's chat completions. An event with a choice reports the usage
 * of that choice so far (vLLM's `continuous_usage_stats`, llama.cpp's completions); it counts if the stream breaks off
 * first. The prompt counts once.
 */
export function createStreamUsage(): StreamUsage {
  const closing: ResponseUsage[] = [];
  const byChoice = new Map<number, ResponseUsage>();
  const ended = new Set<number>();
  let endedBefore = 0;
  return {
    add: ({ choices, usage }) => {
      for (const { index, finish_reason } of choices) if (typeof finish_reason === 'string') ended.add(index);
      if (!usage) return;
      if (choices.length > 0) return void byChoice.set(choices[0]!.index, usage);
      // A repeated usage event replaces the last one.
      if (ended.size === endedBefore) closing.pop();
      closing.push(usage);
      endedBefore = ended.size;
    },
    total: () => {
      const counted = closing.length > 0 ? closing : [...byChoice.values()];
      const written = counted.reduce((sum, { completion_tokens }) => sum + completion_tokens, 0);
      return counted[0] && { ...counted[0], completion_tokens: written };
    },
  };
}
