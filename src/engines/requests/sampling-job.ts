import type { FinishReason } from '../../core/transcript.ts';

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
  /** Tokens of `tokens` that the policy wrote before: where its random numbers go on. */
  readonly firstPosition: number;
  readonly firstIndex: number;
  readonly count: number;
}

/** What a sampler is asked; as in `SampleRequest`, with every default filled in. */
export interface SamplingJob extends ChoiceSettings {
  readonly prompts: readonly SamplingPrompt[];
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly seed: number;
  /** Also emit tokens before their sequence is finished. */
  readonly parts: boolean;
}

/** Tokens of an unfinished sequence since its last part. */
export interface SequencePart {
  readonly prompt: number;
  readonly index: number;
  readonly tokens: Int32Array;
}

/** Receives the sequences a decoding step finished and the parts it wrote. */
export type Emit = (finished: FinishedSequence[], parts: SequencePart[]) => void;

/** What was written after a prompt; `prompt` is its place in the job's prompts. */
export interface FinishedSequence {
  readonly prompt: number;
  readonly index: number;
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly entropies?: Float32Array;
  readonly finishReason: FinishReason;
}
