import type { TokenBatch, TrainingBatch } from '../core/batch.ts';
import type { LossSpec } from '../core/loss-spec.ts';
import type { Message } from '../core/problem.ts';
import type { Spending } from '../core/spending.ts';
import type { FinishReason } from '../core/rollout.ts';

/**
 * What can sample and learn. An engine knows tensors and nothing of difficulty, stages or rewards (the cut of the
 * Tinker API). Every array is per token: index t speaks of token t.
 *
 * Implementations: `embedded/` (npm only), `torch/` (PyTorch worker), `openai/` (sampling only).
 *
 * @example
 * await using engine = await openEmbeddedEngine({ model: 'models/gradus-tiny' });
 * for await (const completion of engine.sample({ prompts: [{ key: 'q1', prompt: messages, count: 8 }], maxTokens: 32, seed: 0 }))
 *   console.log(completion.text);
 */
export interface Engine extends AsyncDisposable {
  readonly info: EngineInfo;

  /** What was asked of a model server since it was opened; absent for engines that are paid for otherwise. */
  readonly spending?: EngineSpending;

  /** The token ids the model would be given for these messages: chat template, then the generation prompt. */
  encode(prompt: readonly Message[]): Int32Array;
  /** Tokens of plain text, without template or special tokens added. */
  encodeText(text: string): Int32Array;
  decode(tokens: Int32Array): string;

  /**
   * Streams each completion as soon as it ends, in no promised order. Randomness is counter-based on (seed, prompt key,
   * rollout index, position), so what is written never depends on how requests were batched.
   * Aborting the signal ends the stream; unfinished completions are dropped.
   */
  sample(request: SampleRequest, signal?: AbortSignal): AsyncIterable<Completion>;

  /** Per sequence an array of its length: log-probability of token t given the tokens before it; entry 0 is 0. */
  logprobs(batch: TokenBatch, which: 'policy' | 'reference'): Promise<Float32Array[]>;

  /**
   * Per sequence the `count` most probable tokens at each place, given the tokens before it; for those who offer
   * answers with alternatives. Absent where an engine cannot say.
   */
  topLogprobs?(batch: TokenBatch, count: number): Promise<TopLogprobs[]>;

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
   * The state that `saveState` wrote last is now in `dir`, and stays there until another is named or loaded: where an engine
   * whose process may die begins again.
   */
  restartFrom?(dir: string): void;

  /** Writes a Hugging Face folder any other tool loads. Creates `dir`. */
  exportModel(dir: string): Promise<void>;

  /**
   * What the engine measured of its own work, by name: speed, memory, restarts. Recorded beside clock readings, as they
   * differ from run to run.
   */
  figures?(): Promise<Readonly<Record<string, number>>>;
}

/** Alternatives for each of T tokens, best first: entries t · count … of both arrays are those for token t; those for token 0 are 0. */
export interface TopLogprobs {
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
}

/** What an engine says of itself; recorded in the run. */
export interface EngineInfo {
  readonly engine: string;
  /** The folder or name it was opened with. */
  readonly model: string;
  /** sha256 over the weights as loaded: identifies the base model in stored pass rates. */
  readonly modelHash: string;
  readonly architecture: string;
  readonly parameters: number;
  readonly vocabSize: number;
  /** Tokens that end a completion; the first is the one supervised examples end with. At least one. */
  readonly endTokens: readonly number[];
  /** Longest prompt + completion in tokens. */
  readonly maxSequenceTokens: number;
  readonly device: string;
  readonly canTrain: boolean;
  /** What was found of a model server; absent for engines that have the weights themselves. */
  readonly server?: ServerFeatures;
  readonly policyVersion: number;
}

/** Counts what a model server is asked for. */
export interface EngineSpending {
  total(): Spending;
  /** What was spent before counts against the budget too. */
  carryOver(before: Spending): void;
}

/** What a model server can be asked for. */
export const serverFeatures = [
  'chat',
  'completions',
  'tokenPrompts',
  'logprobs',
  'tokenIds',
  'choices',
  'seed',
  'usage',
  'stream',
] as const;

/** One of {@link serverFeatures}. */
export type ServerFeature = (typeof serverFeatures)[number];

/** What is offered, by feature; `unknown` where the server failed for other reasons. Absent: nobody has asked. */
export type ServerFeatures = Readonly<Partial<Record<ServerFeature, 'yes' | 'no' | 'unknown'>>>;

/** One prompt and how many completions of it to draw. */
export interface SamplePrompt {
  /** Names the prompt for the random numbers; the problem id. */
  readonly key: string;
  readonly prompt: readonly Message[] | Int32Array;
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
  /** For those who read along: called with tokens soon after they are written, by engines that can say so early. */
  readonly onPart?: (part: CompletionPart) => void;
}

/** What has been written of a completion since its last part; its end comes with the completion alone. */
export interface CompletionPart {
  readonly key: string;
  readonly index: number;
  readonly tokens: Int32Array;
}

/** One finished completion. */
export interface Completion {
  readonly key: string;
  /** Rollout index: `firstIndex` … `firstIndex + count − 1`. */
  readonly index: number;
  readonly promptTokens: Int32Array;
  /** Written tokens, including the end token if one was written. */
  readonly tokens: Int32Array;
  /** How many tokens were written, from engines that say no tokens (`tokens` is empty then). */
  readonly tokenCount?: number;
  /** Log-probabilities of `tokens` under the full softmax at the sampling temperature (before top-p/top-k; at temperature 0: of temperature 1). */
  readonly rolloutLogprobs: Float32Array;
  /** Entropies of the distributions these are taken from, nats. Absent where the engine does not say. */
  readonly rolloutEntropies?: Float32Array;
  /** `tokens` decoded, special tokens left out. */
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly policyVersion: number;
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
