import type { Problem } from './problem.ts';
import type { Verdict } from './verdict.ts';

/** Why a completion ended. `length` means it hit the token limit: it was truncated. */
export type FinishReason = 'stop' | 'length' | 'aborted' | 'error';

/** One judged attempt at a problem. A failed attempt is data too: `finishReason: 'error'` with an ungradable verdict. */
export interface Rollout {
  readonly problemId: string;
  /** 0-based place within its group; with the seed it decides all sampling randomness. */
  readonly index: number;
  /** The rendered prompt. Length P. */
  readonly promptTokens: Int32Array;
  /** What the policy wrote, including a final stop token if it wrote one. Length C. */
  readonly tokens: Int32Array;
  /** How many tokens were written, where the engine does not say which (`tokens` is empty then). */
  readonly tokenCount?: number;
  /** Natural log-probability of each written token at sampling time, full softmax at the sampling temperature. Length C. */
  readonly rolloutLogprobs: Float32Array;
  /** Entropy of the distribution each token was drawn from, nats; that of the log-probabilities. Absent where the engine does not say. */
  readonly rolloutEntropies?: Float32Array;
  readonly text: string;
  readonly finishReason: FinishReason;
  /** Optimizer steps the policy had taken when it wrote this. */
  readonly policyVersion: number;
  readonly verdict: Verdict;
}

/** All attempts at one problem by one policy version: the unit group-relative methods learn from. */
export interface RolloutGroup {
  readonly problem: Problem;
  readonly rollouts: readonly Rollout[];
}
