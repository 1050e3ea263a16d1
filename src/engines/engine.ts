import type { TokenBatch, TrainingBatch } from '../core/batch.ts';
import { ConfigError } from '../core/errors.ts';
import type { LossSpec } from '../core/loss-spec.ts';
import type { Message } from '../core/problem.ts';
import type { Spending } from '../core/spending.ts';
import type { Transcript } from '../core/transcript.ts';

/**
 * A model behind an interface in parts: what writes, what turns messages into tokens, what has the weights, what learns.
 * An engine knows tensors and nothing of difficulty, stages or rewards (the cut of the Tinker API). A part that an engine
 * lacks is absent; no method exists only to throw.
 *
 * Implementations: `embedded/` (npm only), `torch/` (PyTorch worker), `openai/` (a server: sampling only).
 *
 * @example
 * await using engine = await openEmbeddedEngine({ model: 'models/gradus-tiny' });
 * const request = { prompts: [{ key: 'q1', prompt: messages, count: 8 }], maxTokens: 32, seed: 0 };
 * for await (const { transcript } of completionsOf(engine.sampler.sample(request))) console.log(lastAnswer(transcript));
 */
export interface Engine extends AsyncDisposable {
  readonly sampler: Sampler;
  /** Absent where only the server knows its chat template. */
  readonly renderer?: Renderer | undefined;
  /** Absent for a model server. */
  readonly weights?: ModelWeights | undefined;
  /** Absent for an engine that only samples. */
  readonly learner?: Learner | undefined;
  /**
   * Figures of the engine's own work, by name: speed, memory, restarts. Recorded beside clock readings, as they differ
   * from run to run.
   */
  figures?(): Promise<Readonly<Record<string, number>>>;
}

/** An engine with its weights at hand: it renders prompts and scores tokens. */
export interface LocalEngine extends Engine {
  readonly renderer: Renderer;
  readonly weights: ModelWeights;
}

/** An engine that learns; see {@link requireLearner}. */
export interface LearningEngine extends LocalEngine {
  readonly learner: Learner;
}

/** Writes completions. */
export interface Sampler {
  readonly info: EngineInfo;
  /** What a model server was asked for since it was opened; absent for engines that are not paid per token. */
  readonly spending?: EngineSpending;

  /**
   * Streams each completion as soon as it ends, in no promised order, and with `parts: true` its tokens before that.
   * Randomness is counter-based on (seed, prompt key, rollout index, position in the rollout): what is written depends
   * neither on how requests were batched nor on how often writing was interrupted.
   * Aborting the signal ends the stream; unfinished completions are dropped.
   */
  sample(request: SampleRequest, signal?: AbortSignal): AsyncIterable<CompletionPart | Completion>;
}

/** Turns messages and text into tokens and back. */
export interface Renderer {
  /** Tokens that end a completion; supervised examples end with the first. At least one. */
  readonly endTokens: readonly number[];
  /** The token ids of a prompt: chat template, then the generation prompt. */
  render(messages: readonly Message[]): Int32Array;
  /** Tokens of plain text, without template or special tokens added. */
  encode(text: string): Int32Array;
  /** Text of tokens, special tokens left out. */
  decode(tokens: Int32Array): string;
}

/** Weights at hand: they score tokens and can be written out. */
export interface ModelWeights {
  /** Optimizer updates these weights have taken. */
  readonly policyVersion: number;

  /** Per sequence an array of its length: log-probability of token t given the tokens before it; entry 0 is 0. */
  logprobs(batch: TokenBatch, which: 'policy' | 'reference'): Promise<Float32Array[]>;

  /** Per sequence the `count` most probable tokens at each place, given the tokens before it. Absent where not offered. */
  topLogprobs?(batch: TokenBatch, count: number): Promise<TopLogprobs[]>;

  /** Writes a Hugging Face folder any other tool loads. Creates `dir`. */
  exportModel(dir: string): Promise<void>;
}

/** Changes the weights. */
export interface Learner {
  /** Adds the gradient of the loss to what is accumulated since the last `optimStep`. */
  forwardBackward(batch: TrainingBatch, loss: LossSpec): Promise<LossStats>;

  /**
   * AdamW on the accumulated gradient, then clears it; `policyVersion` grows by 1.
   * Non-finite gradients change nothing but are cleared, and are reported as `applied: false`.
   */
  optimStep(step: OptimStep): Promise<StepStats>;

  /** Writes weights, optimizer and version so that `loadState` continues bit for bit. Creates `dir`. */
  saveState(dir: string): Promise<void>;
  loadState(dir: string): Promise<void>;

  /**
   * Names the folder that now holds the state `saveState` wrote last; it stays there until another is named or loaded.
   * An engine whose process may die restarts from it.
   */
  restartFrom?(dir: string): void;
}

/**
 * The engine, with its learner.
 * @throws ConfigError for an engine that only samples.
 */
export function requireLearner(engine: Engine): LearningEngine {
  const { renderer, weights, learner, sampler } = engine;
  if (renderer !== undefined && weights !== undefined && learner !== undefined)
    return engine as LearningEngine;
  throw new ConfigError(`expected an engine that trains, got "${sampler.info.engine}", which only samples`, {
    tryNext: 'gradus difficulty estimate <recipe>',
  });
}

/** The finished completions of a stream, its parts left out. */
export async function* completionsOf(
  events: AsyncIterable<CompletionPart | Completion>,
): AsyncGenerator<Completion> {
  for await (const event of events) if (event.type === 'completion') yield event;
}

/** Alternatives for each of T tokens, best first: entries t · count … of both arrays are those for token t; those for token 0 are 0. */
export interface TopLogprobs {
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
}

/** Facts about an engine, recorded in the run. An absent key is unknown. */
export interface EngineInfo {
  readonly engine: string;
  /** The folder or name it was opened with. */
  readonly model: string;
  /** sha256 over the weights as loaded, or `name@host` of a server: identifies the base model in stored pass rates. */
  readonly modelHash: string;
  readonly device: string;
  readonly architecture?: string;
  readonly parameters?: number;
  readonly vocabSize?: number;
  /** Longest prompt + completion in tokens. */
  readonly maxSequenceTokens?: number;
  /** Features of a model server by name, as far as they were probed; absent for engines with weights at hand. */
  readonly server?: Readonly<Record<string, 'yes' | 'no' | 'unknown'>>;
}

/** Counts what a model server is asked for. */
export interface EngineSpending {
  total(): Spending;
  /** What was spent before counts against the budget too. */
  carryOver(before: Spending): void;
}

/** One prompt and how many completions of it to draw. */
export interface SamplePrompt {
  /** Names the prompt for the random numbers; the problem id. */
  readonly key: string;
  /** Messages, tokens, or a transcript to continue: its written tokens count as positions already drawn. */
  readonly prompt: readonly Message[] | Int32Array | Transcript;
  readonly count: number;
  /** Rollout index of the first completion; default 0. More rollouts of the same prompt start where the last ended. */
  readonly firstIndex?: number;
}

export interface SampleRequest {
  readonly prompts: readonly SamplePrompt[];
  /** Most tokens to write per completion. */
  readonly maxTokens: number;
  /** 0 is greedy. Default 1. */
  readonly temperature?: number;
  /** Keep the smallest set of tokens whose probability reaches this. Default 1: all. */
  readonly topP?: number;
  /** Keep this many most probable tokens. Default 0: all. */
  readonly topK?: number;
  /** Strings that end a completion when written; kept in the text. The model's own end tokens always stop. */
  readonly stop?: readonly string[];
  readonly seed: number;
  /** Also stream tokens before their completion ends, from engines that can. Default false. */
  readonly parts?: boolean;
}

/** Tokens of a completion since its last part. The end of a completion comes with the completion alone. */
export interface CompletionPart {
  readonly type: 'part';
  readonly key: string;
  readonly index: number;
  readonly tokens: Int32Array;
}

/** One finished completion. */
export interface Completion {
  readonly type: 'completion';
  readonly key: string;
  /** Rollout index: `firstIndex` … `firstIndex + count − 1`. */
  readonly index: number;
  /** The prompt and what was written after it, which is the last span. */
  readonly transcript: Transcript;
}

/** What one `forwardBackward` found. Means are over tokens with non-zero weight. An absent key was not measured. */
export interface LossStats {
  readonly loss: number;
  /** Tokens with non-zero weight. */
  readonly tokens: number;
  /** Tokens processed, padding left out. */
  readonly processedTokens: number;
  readonly sequences: number;
  /** Mean entropy of the next-token distribution, nats. */
  readonly entropy?: number;
  /** Mean of the KL estimator against the reference, before its coefficient. */
  readonly kl?: number;
  /** Share of tokens whose ratio was clipped from below / above in the binding direction. */
  readonly clipLow?: number;
  readonly clipHigh?: number;
  /** Mean of rollout − current log-probability: sampler and trainer disagreeing (k1 estimate), nats. */
  readonly mismatchKl?: number;
  /** Largest |p − p_rollout| over tokens. */
  readonly maxProbabilityGap?: number;
  /** Current log-probabilities per sequence, entry 0 is 0. */
  readonly logprobs: readonly Float32Array[];
}

/** One AdamW update (Loshchilov & Hutter 2019), in PyTorch's semantics. */
export interface OptimStep {
  readonly learningRate: number;
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled; default 0. Not applied to biases and norms. */
  readonly weightDecay?: number;
  /** Clip the global gradient norm to this; absent: no clipping. */
  readonly maxGradNorm?: number;
}

export interface StepStats {
  readonly policyVersion: number;
  /** Global L2 norm before clipping. */
  readonly gradNorm: number;
  /** False when the gradient was not finite and nothing was changed. */
  readonly applied: boolean;
}
