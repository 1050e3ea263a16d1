import type { Trials } from '../../difficulty/pass-rates/trials.ts';

/** What a sampler knows of a problem before it is chosen. */
export interface PoolProblem {
  readonly id: string;
  readonly domain: string;
  /** Names of the levels it belongs to; may be empty. */
  readonly levels: readonly string[];
  /** What was measured of it for the current policy; zero trials where nothing was. */
  readonly measured: Trials;
}

/** What became of a problem that was rolled out, admitted by the gates or not. */
export interface ProblemOutcome extends Trials {
  readonly problemId: string;
  /** Mean over the group of |advantage|; 0 where all rewards were equal. */
  readonly meanAbsAdvantage: number;
}

/**
 * Decides which problems come next. Five methods, as in prime-rl's task samplers: choose, observe, save, restore, metrics.
 *
 * What every sampler promises (checked by `test/conformance/problem-sampler.test.ts`): all it does follows from its
 * configuration, its pool, its seed and the calls made; `restore(save())` at any point continues exactly, also after a
 * trip through JSON; it never names a problem outside its pool.
 *
 * @example
 * const sampler = createSampler(uniform(), pool, 7);
 * const ids = sampler.choose(32, step);
 * sampler.observe([{ problemId: ids[0]!, successes: 3, trials: 8, meanAbsAdvantage: 0.9 }]);
 * checkpoint.sampler = sampler.save();
 */
export interface ProblemSampler {
  /**
   * `count` distinct problem ids, or all that are eligible where those are fewer: no problem comes twice in a step.
   *
   * @param step 0-based step within the stage; schedules read it.
   * @param without ids already rolled out in this step, left out when a gate asks for a refill.
   * @param perDomain how many of each domain, summing to `count`; only a mix of domains obeys it, and where it is absent
   * the mix shares `count` by its weights.
   */
  choose(
    count: number,
    step: number,
    without?: ReadonlySet<string>,
    perDomain?: Readonly<Record<string, number>>,
  ): string[];
  /** Learns from finished groups; ids outside the pool (of an earlier stage) are passed over. */
  observe(outcomes: readonly ProblemOutcome[]): void;
  /** Everything needed to continue, JSON-safe. */
  save(): unknown;
  /** Continues from what `save` returned. Throws where it is not a state of this kind of sampler. */
  restore(state: unknown): void;
  /** Finite numbers worth plotting, named without the `sampler/` prefix. */
  metrics(): Record<string, number>;
}
