import type { FinishReason } from '../../core/rollout.ts';
import type { ModelConfig } from '../model-files/model-config.ts';
import type { ChoiceSettings } from '../embedded/choose-token.ts';
import type { Decoder } from '../embedded/decoder.ts';

/** A prompt as it reaches a sampler: plain data. */
export interface SamplingPrompt {
  /** Names the prompt for the random numbers. */
  readonly key: string;
  readonly tokens: Int32Array;
  readonly firstIndex: number;
  readonly count: number;
}

/** What a sampler is asked; as in `SampleRequest`, with every default filled in. */
export interface SamplingJob extends ChoiceSettings {
  readonly prompts: readonly SamplingPrompt[];
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly seed: number;
  /** What is written is also handed out before it is finished. */
  readonly isWatched?: boolean;
}

/** Tokens of a completion that has not ended, since the last such part. */
export interface WrittenPart {
  readonly prompt: number;
  readonly index: number;
  readonly tokens: Int32Array;
}

/** Takes what a step has brought. */
export type Emit = (finished: Written[], parts: WrittenPart[]) => void;

/** A finished completion; `prompt` is the place in the job's prompts. */
export interface Written {
  readonly prompt: number;
  readonly index: number;
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly entropies?: Float32Array;
  readonly finishReason: FinishReason;
}

export interface SamplerOptions {
  readonly config: ModelConfig;
  readonly decoder: Decoder;
  /** Sequences written at a time, where memory allows. */
  readonly slots: number;
  /** For keys and values; at least one sequence is always written. */
  readonly cacheBytes: number;
  /** Longest prompt + completion. */
  readonly maxSequenceTokens: number;
  readonly endTokens: readonly number[];
  /** True when the text of these tokens contains a stop string; asked after every token of a job that has some. */
  readonly endsWithStop: (tokens: Int32Array, stop: readonly string[]) => boolean;
}
