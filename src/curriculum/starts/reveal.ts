import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { hashKey, uniformAt } from '../../core/rng.ts';
import { mean } from '../../statistics/summary.ts';
import { readState } from '../samplers/read-state.ts';
import type { StartOutcome, StartProblem, Starts } from './starts.ts';

/**
 * Begins attempts after the first part of a known solution (the problem's `solution`), for problems that the policy
 * never solves from the prompt. The part is a share of the solution's tokens, stored per problem:
 *
 * - `follow`: bisects between the largest part with which all attempts failed and the smallest with which all succeeded,
 *   because these groups have no signal, and keeps the share after a mixed group. At a success rate of `target` or more,
 *   the share decreases by one `step` per group (AdaBack, arXiv 2506.18110, also adapts the share to the reward). At
 *   share 0, attempts begin at the prompt.
 * - `shortest`: bisects for the shortest part that led to a success, and stays there (POPE, arXiv 2601.18779).
 * - `likelihood`: no search. Before each group, one forward pass over the solution gives the probability p that the
 *   policy writes the rest of it after each cut; attempts begin at the cut with p nearest 1/2 in log-odds. p is a lower
 *   bound of the success rate, so a correction of the log-odds per problem grows by 1 after a group in which all
 *   attempts succeeded, and decreases by 1 after one in which all failed. Needs an engine with local weights.
 *
 * Attempts at a problem begin at the prompt if it was not measured, or was solved at least once when measured; other
 * problems begin at half of `maxShare`. After a success from the prompt, attempts begin at the prompt again.
 */
export const revealConfig = z.strictObject({
  type: z.literal('reveal'),
  rule: z.enum(['follow', 'shortest', 'likelihood']).default('follow'),
  /** Change of the share (`follow`), and the width at which a bisection ends. */
  step: z
    .number()
    .gt(0)
    .max(1)
    .default(1 / 16),
  /** `follow`: success rate of a group from which the share decreases. */
  target: z.number().gt(0).max(1).default(0.5),
  /** Maximum share revealed; the policy always writes at least one token. POPE: 1/4. */
  maxShare: z.number().gt(0).max(1).default(1),
  /**
   * Share of a problem's groups that always begin at the prompt, to detect when the policy solves the problem from
   * there.
   */
  promptShare: z
    .number()
    .min(0)
    .max(1)
    .default(1 / 16),
});
type RevealConfig = z.output<typeof revealConfig>;

/** Begins attempts after a part of a known solution. */
export const reveal = noun(revealConfig);

const entry = z.strictObject({
  /** Share revealed next; 0 is the prompt. */
  share: z.number().min(0).max(1),
  /** The largest share known to be too small, and the smallest share known to be enough. */
  low: z.number(),
  high: z.number(),
  /** `likelihood`: correction of the log-odds of success. */
  correction: z.number().default(0),
  /** Number of groups so far. */
  visits: z.int().min(0),
});
type Entry = z.infer<typeof entry>;
const revealState = z.strictObject({ problems: z.record(z.string(), entry) });

export function createReveal(config: RevealConfig, pool: readonly StartProblem[], seed: number): Starts {
  const { maxShare, promptShare } = config;
  const entries = new Map(
    pool
      .filter(({ hasSolution }) => hasSolution)
      .map((problem) => [problem.id, firstEntry(problem, maxShare)]),
  );
  return {
    choose: (ids) =>
      ids.map((id) => {
        const { share, visits, correction } = entries.get(id) ?? { share: 0, visits: 0, correction: 0 };
        const isAtPrompt = uniformAt(hashKey(seed, 'starts', id), visits) < promptShare;
        if (share === 0 || isAtPrompt) return { kind: 'prompt' };
        if (config.rule !== 'likelihood') return { kind: 'solution', share };
        return { kind: 'likelihood', correction, maxShare };
      }),
    observe(outcomes) {
      for (const outcome of outcomes) {
        const before = entries.get(outcome.problemId);
        if (before === undefined || outcome.trials === 0) continue;
        entries.set(outcome.problemId, { ...next(before, outcome, config), visits: before.visits + 1 });
      }
    },
    save: () => ({ problems: Object.fromEntries(entries) }),
    restore(state) {
      for (const [id, saved] of Object.entries(readState(revealState, state, 'starts reveal').problems))
        entries.set(id, saved);
    },
    metrics() {
      const shares = Array.from(entries.values(), ({ share }) => share);
      return { revealed: mean(shares), atPrompt: mean(shares.map((share) => Number(share === 0))) };
    },
  };
}

function firstEntry({ measured }: StartProblem, maxShare: number): Entry {
  const isUnsolved = measured.trials > 0 && measured.successes === 0;
  return { share: isUnsolved ? maxShare / 2 : 0, low: 0, high: maxShare, correction: 0, visits: 0 };
}

function next(before: Entry, { kind, successes, trials }: StartOutcome, config: RevealConfig): Entry {
  if (config.rule === 'likelihood') return correct(before, { kind, successes, trials });
  if (kind === 'prompt' && before.share > 0)
    return successes > 0 ? { ...before, share: 0, low: 0, high: 0 } : before;
  return config.rule === 'follow'
    ? follow(before, successes / trials, config)
    : shorten(before, successes > 0, config);
}

/** Corrects the log-odds after a group without a signal; returns to the prompt once a group from it is mixed. */
function correct(
  before: Entry,
  { kind, successes, trials }: Omit<StartOutcome, 'problemId' | 'attempts'>,
): Entry {
  const { share, correction } = before;
  if (kind === 'prompt') return { ...before, share: successes > 0 ? 0 : share === 0 ? 0.5 : share };
  const change = successes === 0 ? -1 : successes === trials ? 1 : 0;
  return { ...before, correction: correction + change };
}

/**
 * Bisects on groups without a signal; reopens an end of the bracket that no longer holds because the policy has changed.
 */
function follow({ share, low, high, ...rest }: Entry, rate: number, config: RevealConfig): Entry {
  const { step, target, maxShare } = config;
  if (rate === 0) {
    const top = high - share > step ? high : maxShare;
    return { ...rest, low: share, high: top, share: (share + top) / 2 };
  }
  // A share below half a step is a rounding error.
  const cut = (value: number): number => (value < step / 2 ? 0 : value);
  if (rate === 1) {
    const bottom = share - low > step ? low : Math.max(0, share - 4 * step);
    return { ...rest, low: bottom, high: share, share: cut((bottom + share) / 2) };
  }
  return { ...rest, low, high, share: rate >= target ? cut(share - step) : share };
}

/** Bisects for the smallest share that leads to a success; reopens the upper end when that share stops helping. */
function shorten(
  { share, low, high, ...rest }: Entry,
  helped: boolean,
  { step, maxShare }: RevealConfig,
): Entry {
  if (share === 0) return { ...rest, share: helped ? 0 : maxShare / 2, low: 0, high: helped ? 0 : maxShare };
  const bounds = helped ? { low, high: share } : { low: share, high: high > share ? high : maxShare };
  const isFound = bounds.high - bounds.low <= step;
  return { ...rest, ...bounds, share: isFound ? bounds.high : (bounds.low + bounds.high) / 2 };
}
