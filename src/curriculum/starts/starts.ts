import type { Start } from '../../core/transcript.ts';
import type { Trials } from '../../difficulty/pass-rates/trials.ts';

/**
 * Where the attempts of a group begin:
 *
 * - `prompt`: at the prompt;
 * - `solution`: after the first `share` of a known solution, in tokens;
 * - `likelihood`: after a part of a known solution of at most `maxShare`, chosen so that the log-odds of the policy
 *   writing the rest, plus `correction`, are nearest 0;
 * - `correct`, `incorrect`: after an attempt of the policy whose last `steps` steps are cut off.
 */
export type StartChoice =
  | { readonly kind: 'prompt' }
  | { readonly kind: 'solution'; readonly share: number }
  | { readonly kind: 'likelihood'; readonly correction: number; readonly maxShare: number }
  | {
      readonly kind: 'correct' | 'incorrect';
      /** Tokens that the policy wrote. */
      readonly attempt: readonly number[];
      readonly steps: number;
    };

/** A problem of a stage's pool, with the fields that starts use. */
export interface StartProblem {
  readonly id: string;
  /** The policy's trials from the prompt; zero trials if unmeasured. */
  readonly measured: Trials;
  readonly hasSolution: boolean;
}

/** Outcome of a group, and where its attempts began. */
export interface StartOutcome extends Trials {
  readonly problemId: string;
  /** Where the group began; also `prompt` if the chosen start was empty. */
  readonly kind: 'prompt' | Start['kind'];
  /** Complete attempts from the prompt. */
  readonly attempts: readonly OwnAttempt[];
}

/** An attempt of the policy. */
export interface OwnAttempt {
  readonly tokens: readonly number[];
  readonly isCorrect: boolean;
}

/**
 * Chooses where attempts begin; samplers choose the problems. All rollouts of a group share one start, so that they
 * share the baseline of that start. Only outcomes from the prompt count towards the problem's pass rate.
 *
 * Guarantees (tested by `test/conformance/starts.test.ts`): `choose` changes nothing; deterministic given
 * configuration, pool, seed and outcomes; `restore(save())` at any point continues exactly, even through JSON; an
 * attempt is used only for its own problem.
 *
 * @example
 * const starts = createStarts(reveal(), pool, 7);
 * const choices = starts.choose(sampler.choose(32, step));
 * starts.observe(outcomes);
 */
export interface Starts {
  /** Returns one start per problem id; the prompt for ids outside the pool. */
  choose(problemIds: readonly string[]): StartChoice[];
  /** Learns from finished groups; ignores ids outside the pool. */
  observe(outcomes: readonly StartOutcome[]): void;
  /** Returns the state needed to continue, JSON-safe. */
  save(): unknown;
  /** Restores a saved state. @throws RunError if it is not the state of starts of this type. */
  restore(state: unknown): void;
  /** Returns finite numbers worth plotting, named without the `start/` prefix. */
  metrics(): Record<string, number>;
}
