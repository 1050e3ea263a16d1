import type { Message } from '../../core/problem.ts';
import type { FinishReason } from '../../core/transcript.ts';
import type { Outcome } from '../../core/verdict.ts';

/**
 * One row of a shard: a rollout. `prompt` has the format of conversational data sets for TRL and verl; `text`,
 * `finish_reason` and `policy_version` repeat fields of the transcripts, for tools that read only a few columns. `null`
 * means not measured.
 */
export interface RolloutRow {
  readonly step: number;
  readonly stage: string;
  readonly purpose: string;
  readonly problem_id: string;
  readonly domain: string;
  readonly family: string | null;
  readonly knob: number | null;
  readonly level: string | null;
  readonly rollout_index: number;
  /** Null if the engine returned no value. */
  readonly policy_version: number | null;
  /**
   * Number of steps between the policy that wrote the rollout and the policy that learned from it; absent in runs
   * created before December 2026.
   */
  readonly off_policy_steps?: number | null;
  readonly prompt: Message[];
  /**
   * JSON of the images in each message of `prompt`; null if there are none. The images' bytes are in separate files.
   */
  readonly prompt_images?: string | null;
  readonly text: string;
  readonly finish_reason: FinishReason;
  readonly answer: string | null;
  readonly outcome: Outcome;
  readonly score: number;
  readonly reward: number | null;
  readonly advantage: number | null;
  readonly reason: string;
  readonly verifier: string;
  /** JSON of `Verdict.evidence`. */
  readonly evidence: string | null;
  /** Token ids of all transcripts, concatenated; entry t of each of the two lists below refers to token t. */
  readonly token_ids: number[];
  /** Natural log-probability at sampling time; 0 for tokens that were not sampled. */
  readonly token_logprobs: number[];
  /** Entropy of the distribution from which each token was sampled, in nats; null if not recorded. */
  readonly token_entropies: number[] | null;
  /** JSON of `StoredSpans[]`: length and written spans of each transcript. */
  readonly transcripts: string;
  /** JSON of each transcript's messages; null if they are `prompt` followed by the policy's `text`. */
  readonly messages: string | null;
}
