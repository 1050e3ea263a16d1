import type { FinishReason } from '../../core/rollout.ts';

/** How tokens are chosen from a distribution; as in `SampleRequest`, with every default filled in. */
export interface ChoiceSettings {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
}

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
