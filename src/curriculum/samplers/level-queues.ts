import * as z from 'zod';
import { ConfigError } from '../../core/errors.ts';
import { EpochQueue, epochQueueState } from './epoch-queue.ts';
import type { PoolProblem } from './problem-sampler.ts';
import { Shares } from './shares.ts';

/** Saved form of `LevelQueues`. */
export const levelQueuesState = z.strictObject({
  owed: z.record(z.string(), z.number()),
  queues: z.record(z.string(), epochQueueState),
});

/**
 * One shuffled queue per level; each batch is divided among them by shares. Within a level, no problem
 * repeats before all of the level's problems have appeared. A problem in several levels counts as seen in all
 * of them.
 */
export class LevelQueues {
  readonly levels: readonly string[];
  readonly #queues: ReadonlyMap<string, EpochQueue>;
  readonly #shares: Shares;

  /** @throws {ConfigError} listing the pool's levels if one of `levels` has no problem. */
  constructor(levels: readonly string[], pool: readonly PoolProblem[], seed: number, name: string) {
    this.levels = levels;
    this.#queues = new Map(
      levels.map((level) => [level, new EpochQueue(idsOf(level, pool, name), seed, `${name}/${level}`)]),
    );
    this.#shares = new Shares(levels);
  }

  /**
   * Returns `count` distinct ids, divided among the levels by weight. Other levels fill in for a level that is too
   * small. Levels of weight 0 contribute no problems.
   */
  take(count: number, weights: Readonly<Record<string, number>>, without?: ReadonlySet<string>): string[] {
    const allotted = this.#shares.allot(count, weights);
    const taken = new Set<string>();
    for (const level of this.levels) this.#takeFrom(level, allotted[level]!, taken, without);
    for (const level of this.levels.filter((name) => weights[name]! > 0)) {
      this.#takeFrom(level, count - taken.size, taken, without);
    }
    return [...taken];
  }

  /** Returns the number of epochs of each level, as metrics. */
  metrics(): Record<string, number> {
    return Object.fromEntries(
      [...this.#queues].map(([level, queue]) => [`epoch/${level}`, queue.epoch + queue.progress]),
    );
  }

  save(): z.infer<typeof levelQueuesState> {
    const queues = [...this.#queues].map(([level, queue]) => [level, queue.save()] as const);
    return { owed: this.#shares.save(), queues: Object.fromEntries(queues) };
  }

  restore(state: z.infer<typeof levelQueuesState>): void {
    this.#shares.restore(state.owed);
    for (const [level, queue] of this.#queues) {
      const saved = state.queues[level];
      if (saved !== undefined) queue.restore(saved);
    }
  }

  #takeFrom(
    level: string,
    count: number,
    taken: Set<string>,
    without: ReadonlySet<string> = new Set(),
  ): void {
    if (count <= 0) return;
    const ids = new Set(this.#queues.get(level)!.take(count, new Set([...without, ...taken])));
    for (const id of ids) taken.add(id);
    for (const queue of this.#queues.values()) queue.markSeen(ids);
  }
}

/** Returns every level that a problem of the pool belongs to, in order of first appearance. */
export function levelsIn(pool: readonly PoolProblem[]): string[] {
  return [...new Set(pool.flatMap((problem) => problem.levels))];
}

function idsOf(level: string, pool: readonly PoolProblem[], sampler: string): string[] {
  const ids = pool.filter((problem) => problem.levels.includes(level)).map((problem) => problem.id);
  if (ids.length > 0) return ids;
  const present = levelsIn(pool).join(', ') || 'none';
  throw new ConfigError(
    `sampler ${sampler}: expected problems of level "${level}", found none; levels of the selected problems: ${present}. ` +
      `Name only levels that the stage selects.`,
    { tryNext: 'gradus difficulty show' },
  );
}
