import type { FinishReason } from '../../core/transcript.ts';

/** Sampling parameters of `SampleRequest` with every default filled in. */
export interface ChoiceSettings {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
}

/** A prompt in the form that a sampler takes, as plain data. */
export interface SamplingPrompt {
  /** Key from which the prompt's random numbers are derived. */
  readonly key: string;
  readonly tokens: Int32Array;
  /** Number of `tokens` before the first that the policy wrote. */
  readonly promptLength: number;
  /** Number of `tokens` that the policy wrote earlier; the random numbers continue from this position. */
  readonly firstPosition: number;
  /**
   * Number of tokens at the end of `tokens` that belong to the message to be continued; a stop string may begin in
   * them.
   */
  readonly openTurn: number;
  readonly firstIndex: number;
  readonly count: number;
}

/** A sampler's job: `SampleRequest` with every default filled in. */
export interface SamplingJob<Prompt extends SamplingPrompt = SamplingPrompt> extends ChoiceSettings {
  readonly prompts: readonly Prompt[];
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly seed: number;
  /** Whether to also emit tokens before their sequence is finished. */
  readonly parts: boolean;
  /** Whether later requests may continue the sequences that stop. */
  readonly isContinued: boolean;
}

/** Tokens of an unfinished sequence since its last part. */
export interface SequencePart {
  readonly prompt: number;
  readonly index: number;
  readonly tokens: Int32Array;
}

/** Completion of a prompt; `prompt` is the index in the job's prompts. */
export interface FinishedSequence {
  readonly prompt: number;
  readonly index: number;
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly entropies?: Float32Array;
  readonly finishReason: FinishReason;
}
