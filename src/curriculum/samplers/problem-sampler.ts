import type { Outcome } from '../../core/verdict.ts';
import type { Trials } from '../../difficulty/pass-rates/trials.ts';

/** A problem of a stage's pool, with the fields that samplers use. */
export interface PoolProblem {
  readonly id: string;
  readonly domain: string;
  /** Names of its levels; may be empty. */
  readonly levels: readonly string[];
  /** The policy's trials; zero trials if unmeasured. */
  readonly measured: Trials;
  /** Generator or topic, as in `Problem`; absent if unknown. */
  readonly family?: string;
  /** Difficulty setting of the generator, 1 = easiest; absent if unknown. */
  readonly knob?: number;
  /** Where the problem comes from: a file, a data set or `generated`; absent if unknown. */
  readonly source?: string;
}

/** Outcome of a problem that was rolled out, whether or not the gates admitted it. */
export interface ProblemOutcome extends Trials {
  readonly problemId: string;
  /** Mean of |advantage| over the group; 0 if all rewards were equal. */
  readonly meanAbsAdvantage: number;
  /** Number of rollouts of the group by verdict, including `ungradable` ones. */
  readonly verdicts: Readonly<Record<Outcome, number>>;
  /**
   * Number of unparsed rollouts that were cut off at a limit. The other unparsed ones ended by themselves, so
   * their format is wrong.
   */
  readonly truncated: number;
  /** Number of tokens that all rollouts of the group wrote. */
  readonly tokens: number;
}

/**
 * Chooses the next problems. The interface has five methods, as in prime-rl's task samplers: choose, observe, save,
 * restore, metrics.
 *
 * Guarantees (tested by `test/conformance/problem-sampler.test.ts`): deterministic given configuration, pool, seed and
 * calls; `restore(save())` at any point continues exactly, even through JSON; only problems in the pool are returned.
 *
 * @example
 * const sampler = createSampler(uniform(), pool, 7);
 * const ids = sampler.choose(32, step);
 * sampler.observe(groups.map(problemOutcome));
 * checkpoint.sampler = sampler.save();
 */
export interface ProblemSampler {
  /**
   * Returns `count` distinct problem ids, or all eligible ones if there are fewer: no problem appears twice in a step.
   *
   * @param step 0-based step within the stage; schedules read it.
   * @param without ids already rolled out in this step, which a refill must not repeat.
   * @param perDomain count of each domain, summing to `count`. Only a mix of domains uses it; if absent, the mix
   * splits `count` in proportion to its weights.
   */
  choose(
    count: number,
    step: number,
    without?: ReadonlySet<string>,
    perDomain?: Readonly<Record<string, number>>,
  ): string[];
  /** Learns from finished groups; ignores ids outside the pool, e.g. from an earlier stage. */
  observe(outcomes: readonly ProblemOutcome[]): void;
  /** Returns the state needed to continue, JSON-safe. */
  save(): unknown;
  /** Restores a saved state. @throws if it is not the state of a sampler of this type. */
  restore(state: unknown): void;
  /** Returns finite numbers worth plotting, named without the `sampler/` prefix. */
  metrics(): Record<string, number>;
}
