import * as z from 'zod';
import type { FinishReason } from '../../core/rollout.ts';
import type { Verdict } from '../../core/verdict.ts';

/** `POST /api/play` with this as JSON; answered by one line of JSON per `PlayEvent`. One request at a time. */
export const playRequest = z.strictObject({
  run: z.string(),
  /** A checkpoint's step; absent: the exported model, or the newest checkpoint. */
  step: z.int().min(0).optional(),
  messages: z
    .array(
      z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string().max(100_000) }),
    )
    .min(1)
    .max(50),
  /** A problem of the recipe: its verifier judges the answers. */
  problem: z.string().optional(),
  count: z.int().min(1).max(16).default(1),
  maxTokens: z.int().min(1).max(4096).default(256),
  temperature: z.number().min(0).max(10).default(1),
  seed: z.int().min(0).default(0),
});

/** See `playRequest`: what a page asks. */
export type PlayRequest = z.input<typeof playRequest>;

/** What comes back: parts while they are written, each answer whole when it has ended, and last `done` or `error`. */
export type PlayEvent =
  | { readonly type: 'part'; readonly index: number; readonly text: string }
  | PlayedCompletion
  | { readonly type: 'done' }
  | { readonly type: 'error'; readonly message: string };

/** A whole answer; index t of the lists speaks of token t. */
export interface PlayedCompletion {
  readonly type: 'completion';
  readonly index: number;
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  /** Null where the engine says none. */
  readonly entropies: readonly number[] | null;
  readonly pieces: readonly string[];
  /** Null without a problem. */
  readonly verdict: Verdict | null;
}

/** A model of a run. */
export interface PlayModel {
  /** Of the checkpoint; null: the exported model. */
  readonly step: number | null;
  readonly label: string;
}

/** Who answers. Opening models and verifiers lives above this layer: a dashboard without one only shows. */
export interface Player {
  /** `GET /api/runs/:run/models`: what can be asked, newest first. */
  models(directory: string): Promise<readonly PlayModel[]>;
  /** Answers one request; errors are thrown, `done` and `error` are left to the caller. */
  answer(
    directory: string,
    request: z.output<typeof playRequest>,
    signal: AbortSignal,
  ): AsyncIterable<PlayEvent>;
}
