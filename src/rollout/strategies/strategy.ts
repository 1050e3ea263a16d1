import type { Problem } from '../../core/problem.ts';
import type { Start, Transcript } from '../../core/transcript.ts';
import type { Renderer, Sampler } from '../../engines/engine.ts';
import type { PendingWork } from '../pending.ts';

/** How attempts at a problem are written: in one turn, in several turns, or by a search over steps. */
export interface RolloutStrategy {
  /**
   * Writes attempts at all problems together, so that the engine's batch stays full; yields each attempt when it
   * ends, in any order. Results depend neither on the other problems nor on the order of events.
   */
  roll(
    parts: StrategyParts,
    problems: readonly Problem[],
    request: AttemptRequest,
    signal?: AbortSignal,
  ): AsyncIterable<Attempt>;
}

/** The engine that writes. */
export interface StrategyParts {
  readonly engine: {
    readonly sampler: Pick<Sampler, 'sample' | 'info'>;
    readonly renderer?: Renderer | undefined;
  };
  /** Tracks unfinished work by name, for a watchdog. */
  readonly pending?: PendingWork | undefined;
}

/** Number of attempts per problem, and sampling settings. */
export interface AttemptRequest {
  /** Attempts per problem. */
  readonly rollouts: number;
  /** Index of the first attempt; default 0. */
  readonly firstIndex?: number;
  /** Maximum number of tokens that the policy writes in an attempt, over all turns. */
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly stop?: readonly string[];
  readonly seed: number;
  /**
   * The given start of the answers to a problem, by problem id; default: none. Allowed only for attempts with one turn.
   */
  readonly starts?: ReadonlyMap<string, Start> | undefined;
}

/** One attempt, not yet judged. */
export interface Attempt {
  readonly problem: Problem;
  /** From `firstIndex` to `firstIndex + rollouts − 1`. */
  readonly index: number;
  readonly transcripts: readonly Transcript[];
  /** Scores of the steps in the last transcript; absent if the strategy does not score steps. */
  readonly stepScores?: readonly (number | null)[];
  /** Why the attempt cannot be judged, e.g. a failed tool; its verdict is then `ungradable`. */
  readonly failure?: string;
}
