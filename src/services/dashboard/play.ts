import * as z from 'zod';
import type { FinishReason } from '../../core/transcript.ts';
import type { Verdict } from '../../core/verdict.ts';

/** Body of `POST /api/play`. The response is one line of JSON per `PlayEvent`. Only one request runs at a time. */
export const playRequest = z.strictObject({
  run: z.string(),
  /** Step of the checkpoint to use; default: the exported model, else the newest checkpoint. */
  step: z.int().min(0).optional(),
  messages: z
    .array(
      z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string().max(100_000) }),
    )
    .min(1)
    .max(50),
  /** Id of a problem in the recipe, whose verifier then judges the completions. */
  problem: z.string().optional(),
  count: z.int().min(1).max(16).default(1),
  maxTokens: z.int().min(1).max(4096).default(256),
  temperature: z.number().min(0).max(10).default(1),
  seed: z.int().min(0).default(0),
});

/** A `playRequest` before defaults. */
export type PlayRequest = z.input<typeof playRequest>;

/** An event of the response: parts as they are sampled, each completion when it ends, and finally `done` or `error`. */
export type PlayEvent =
  | { readonly type: 'part'; readonly index: number; readonly text: string }
  | PlayedCompletion
  | { readonly type: 'done' }
  | { readonly type: 'error'; readonly message: string };

/** A finished completion; entry t of each list belongs to token t. */
export interface PlayedCompletion {
  readonly type: 'completion';
  readonly index: number;
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  /** Entropy of the sampling distribution at each token, in nats; null if the engine does not report entropies. */
  readonly entropies: readonly number[] | null;
  readonly pieces: readonly string[];
  /** Null if the request has no problem, or after a failure. */
  readonly verdict: Verdict | null;
  /** Message of the environment's failure that ended the answer; null if it did not fail. */
  readonly failure: string | null;
}

/** A model of a run that can be prompted. */
export interface PlayModel {
  /** Step of the checkpoint; null for the exported model. */
  readonly step: number | null;
  readonly label: string;
}

/**
 * Prompts the models of runs. The caller of `startDashboard` passes it in, because the dashboard itself opens no model.
 */
export interface Player {
  /** Returns the models of a run, newest first, for `GET /api/runs/:run/models`. */
  models(directory: string): Promise<readonly PlayModel[]>;
  /** Answers one request. Throws if it fails; the caller sends the events `done` and `error`. */
  answer(
    directory: string,
    request: z.output<typeof playRequest>,
    signal: AbortSignal,
  ): AsyncIterable<PlayEvent>;
}
