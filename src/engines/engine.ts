import type { TokenBatch, TrainingBatch } from '../core/batch.ts';
import { ConfigError } from '../core/errors.ts';
import type { LossSpec } from '../core/loss-spec.ts';
import type { Message } from '../core/problem.ts';
import type { Spending } from '../core/spending.ts';
import type { Transcript } from '../core/transcript.ts';

/**
 * Interface to a model, in parts: sampler, renderer, weights and learner. An engine handles tensors, never difficulty,
 * stages or rewards (as in the Tinker API). Unsupported parts are absent, so that no method exists only to throw.
 *
 * Implementations: `embedded/` (npm only), `torch/` (PyTorch worker), `openai/` (a server: sampling only).
 *
 * @example
 * await using engine = await openEmbeddedEngine({ model: 'models/gradus-tiny' });
 * const request = { prompts: [{ key: 'q1', prompt: messages, count: 8 }], maxTokens: 32, seed: 0 };
 * for await (const { transcript } of completionsOf(engine.sampler.sample(request)))
 * console.log(lastAnswer(transcript));
 */
export interface Engine extends AsyncDisposable {
  readonly sampler: Sampler;
  /** Absent if only the server has the chat template. */
  readonly renderer?: Renderer | undefined;
  /** Absent for model servers. */
  readonly weights?: ModelWeights | undefined;
  /** Absent for engines that only sample. */
  readonly learner?: Learner | undefined;
  /**
   * Returns metrics of the engine's own work, by name: speed, memory, restarts. They are recorded with the
   * timings, because they differ from run to run.
   */
  figures?(): Promise<Readonly<Record<string, number>>>;
}

/** An engine with local weights, which renders prompts and scores tokens. */
export interface LocalEngine extends Engine {
  readonly renderer: Renderer;
  readonly weights: ModelWeights;
}

/** An engine that learns; see {@link requireLearner}. */
export interface LearningEngine extends LocalEngine {
  readonly learner: Learner;
}

/** Samples completions. */
export interface Sampler {
  readonly info: EngineInfo;
  /** Usage of a model server since the engine was opened; absent for engines without a price per token. */
  readonly spending?: EngineSpending;

  /**
   * Streams each completion when it ends, in any order; with `parts: true`, also streams its tokens before that.
   * Randomness is counter-based on (seed, prompt key, rollout index, position in the rollout): results depend neither
   * on batching nor on interruptions. Aborting the signal ends the stream and drops unfinished completions.
   */
  sample(request: SampleRequest, signal?: AbortSignal): AsyncIterable<CompletionPart | Completion>;
}

/** The token that represents text outside the vocabulary, such as `<unk>`. */
export interface UnknownToken {
  readonly id: number;
  readonly text: string;
}

/** Converts messages and text to tokens and back. */
export interface Renderer {
  /** Tokens that end a completion, at least one; supervised examples end with the first. */
  readonly endTokens: readonly number[];
  /** Token for text that the vocabulary cannot express; absent if the tokenizer has none. */
  readonly unknownToken?: UnknownToken | undefined;
  /**
   * Returns the token ids of a prompt: the messages in the chat template, then the generation prompt.
   *
   * @param tools functions that the template lists in the prompt, each as a JSON schema in OpenAI's form.
   */
  render(messages: readonly Message[], tools?: readonly object[]): Int32Array;
  /**
   * Returns the tokens to append to a transcript whose last turn the policy wrote: the end of the turn (unless the
   * policy wrote it), the messages in the template's format, and the generation prompt. Never encodes written tokens
   * again. Encodes the strings of special tokens inside the messages as plain text.
   *
   * @throws DataError (`HISTORY_REWRITTEN`) if the template changes earlier turns when these messages follow.
   */
  append(transcript: Transcript, messages: readonly Message[]): Int32Array;
  /** Returns the tokens of plain text, without adding a template or special tokens. */
  encode(text: string): Int32Array;
  /**
   * Encodes text by an author other than the policy like `encode`, but encodes the strings of special tokens
   * as plain text, except `ownTags`, the tags of the environment's format.
   */
  encodeForeign(text: string, ownTags?: readonly string[]): Int32Array;
  /** Returns the text of tokens, without special tokens. */
  decode(tokens: Int32Array): string;
}

/** Local weights, which can score tokens and be exported. */
export interface ModelWeights {
  /** Number of optimizer updates applied to these weights. */
  readonly policyVersion: number;

  /**
   * Returns one array per sequence, with the sequence's length: entry t is the log-probability of token t
   * given the tokens before it; entry 0 is 0.
   */
  logprobs(batch: TokenBatch, which: 'policy' | 'reference'): Promise<Float32Array[]>;

  /**
   * Returns, per sequence, the `count` most probable tokens at each position, given the tokens before it. Absent if
   * unsupported.
   */
  topLogprobs?(batch: TokenBatch, count: number): Promise<TopLogprobs[]>;

  /** Writes a Hugging Face folder that other tools can load. Creates `dir`. */
  exportModel(dir: string): Promise<void>;
}

/** Trains the weights. */
export interface Learner {
  /** Accumulates the gradient of the loss until the next `optimStep`. */
  forwardBackward(batch: TrainingBatch, loss: LossSpec): Promise<LossStats>;

  /**
   * Returns the L2 norm of the gradient of a batch, which is NaN or infinite if the gradient is. Changes no state, so
   * that later updates stay the same bit for bit. Costs as much as `forwardBackward`. Throws an `EngineError` while a
   * gradient is accumulated.
   */
  gradientNorm?(batch: TrainingBatch, loss: LossSpec): Promise<number>;

  /**
   * Applies AdamW to the accumulated gradient, then clears it; `policyVersion` increases by 1.
   * Clears a non-finite gradient without an update and reports `applied: false`.
   */
  optimStep(step: OptimStep): Promise<StepStats>;

  /**
   * Writes weights, optimizer and version, so that training continues bit for bit after `loadState`. Creates
   * `dir`.
   */
  saveState(dir: string): Promise<void>;
  /**
   * Loads a state. With a new optimizer, loads only its weights and `policyVersion`; the moments are 0, as for a newly
   * opened model.
   */
  loadState(dir: string, options?: LoadOptions): Promise<void>;

  /**
   * Sets the folder that now contains the state that `saveState` wrote last. The state must stay there until the next
   * call, or until a state is loaded. After a crash, an engine with a worker process restarts the worker from it.
   */
  restartFrom?(dir: string): void;

  /**
   * Freezes the current weights for a sampler, so that later updates do not affect its samples. Needs memory for a
   * second copy of the weights until the policy is disposed. Absent if the engine cannot keep two policies.
   */
  freezePolicy?(): Promise<FrozenPolicy>;
}

/** A past policy that can still sample. Dispose of it once its last stream has ended. */
export interface FrozenPolicy extends AsyncDisposable {
  readonly policyVersion: number;
  readonly sampler: Pick<Sampler, 'info' | 'sample'>;
}

/** Options of `loadState`. */
export interface LoadOptions {
  /** Default: the optimizer of the state. */
  readonly optimizer?: 'new';
}

/**
 * Returns the engine with its learner.
 * @throws ConfigError if the engine only samples.
 */
export function requireLearner(engine: Engine): LearningEngine {
  const { renderer, weights, learner, sampler } = engine;
  if (renderer !== undefined && weights !== undefined && learner !== undefined)
    return engine as LearningEngine;
  throw new ConfigError(`expected an engine that trains, got "${sampler.info.engine}", which only samples`, {
    tryNext: 'gradus difficulty estimate <recipe>',
  });
}

/**
 * Returns the engine with its local weights.
 * @throws ConfigError if the engine is a model server.
 */
export function requireLocal(engine: Engine): LocalEngine {
  if (engine.weights !== undefined && engine.renderer !== undefined) return engine as LocalEngine;
  throw new ConfigError(
    `expected an engine with local weights, got "${engine.sampler.info.engine}", which only samples; use the engine embedded or torch`,
  );
}

/** Yields only the finished completions of a stream. */
export async function* completionsOf(
  events: AsyncIterable<CompletionPart | Completion>,
): AsyncGenerator<Completion> {
  for await (const event of events) if (event.type === 'completion') yield event;
}

/**
 * The most probable tokens at each of T positions, best first. Position t has `count` entries from index t · count on
 * in both arrays; those of position 0 are 0.
 */
export interface TopLogprobs {
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
}

/** Facts about an engine that a run records. An absent key is unknown. */
export interface EngineInfo {
  readonly engine: string;
  /** Folder or name with which the engine was opened. */
  readonly model: string;
  /** sha256 over the weights as loaded, or `name@host` of a server: identifies the base model in stored pass rates. */
  readonly modelHash: string;
  readonly device: string;
  readonly architecture?: string;
  readonly parameters?: number;
  readonly vocabSize?: number;
  /** Maximum length of prompt and completion together, in tokens. */
  readonly maxSequenceTokens?: number;
  /** Features of a model server by name, as probed; absent for engines with local weights. */
  readonly server?: Readonly<Record<string, 'yes' | 'no' | 'unknown'>>;
}

/** Usage meter of a model server. */
export interface EngineSpending {
  total(): Spending;
  /** Adds earlier usage, so that it counts against the budget. */
  carryOver(before: Spending): void;
}

/** One prompt and the number of completions to draw. */
export interface SamplePrompt {
  /** Key of the prompt for the random numbers: the problem id. */
  readonly key: string;
  /** Messages, tokens, or a transcript to continue; its written tokens count as positions already drawn. */
  readonly prompt: readonly Message[] | Int32Array | Transcript;
  readonly count: number;
  /**
   * Rollout index of the first completion; default 0. Later requests for the same prompt start at the next
   * free index.
   */
  readonly firstIndex?: number;
}

export interface SampleRequest {
  readonly prompts: readonly SamplePrompt[];
  /** Maximum number of tokens to write per completion. */
  readonly maxTokens: number;
  /** 0 means greedy. Default 1. */
  readonly temperature?: number;
  /** Keep the smallest set of tokens whose total probability reaches this. Default 1: all. */
  readonly topP?: number;
  /** Keep only this number of most probable tokens. Default 0: all. */
  readonly topK?: number;
  /** Strings that end a completion; they are kept in the text. The model's own end tokens always end it. */
  readonly stop?: readonly string[];
  readonly seed: number;
  /** Also stream tokens before their completion ends, on engines that support it. Default false. */
  readonly parts?: boolean;
  /**
   * Whether later requests may continue the completions that stop. Engines with local weights then keep their keys and
   * values while memory allows, so that a continuation does not read them again. Default false.
   */
  readonly isContinued?: boolean;
}

/** Tokens of a completion since its last part. A part never marks the end; the `Completion` does. */
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
  /** Transcript of the prompt and the completion, which is the last written span. */
  readonly transcript: Transcript;
}

/**
 * Result of one `forwardBackward`. Means are taken over tokens with non-zero weight. Keys that were not measured are
 * absent.
 */
export interface LossStats {
  readonly loss: number;
  /** Number of tokens with non-zero weight. */
  readonly tokens: number;
  /** Number of tokens processed, without padding. */
  readonly processedTokens: number;
  readonly sequences: number;
  /** Mean entropy of the next-token distribution, in nats. */
  readonly entropy?: number;
  /** Mean of the KL estimator against the reference, before multiplication by its coefficient. */
  readonly kl?: number;
  /** Share of tokens whose ratio was clipped from below / above in the binding direction. */
  readonly clipLow?: number;
  readonly clipHigh?: number;
  /**
   * Mean of the rollout minus the current log-probability, in nats: the mismatch between sampler and trainer (k1
   * estimator).
   */
  readonly mismatchKl?: number;
  /** Largest |p − p_rollout| over tokens. */
  readonly maxProbabilityGap?: number;
  /** Current log-probabilities of each sequence; entry 0 is 0. */
  readonly logprobs: readonly Float32Array[];
}

/** Settings of an AdamW update (Loshchilov & Hutter 2019), with PyTorch's semantics. */
export interface OptimStep {
  readonly learningRate: number;
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled weight decay; default 0. Not applied to biases and norms. */
  readonly weightDecay?: number;
  /** Clip the global gradient norm to this; absent: no clipping. */
  readonly maxGradNorm?: number;
}

export interface StepStats {
  readonly policyVersion: number;
  /** Global L2 norm before clipping; absent if the engine does not measure it. */
  readonly gradNorm?: number;
  /** False if the gradient was not finite, in which case nothing changed. */
  readonly applied: boolean;
}
