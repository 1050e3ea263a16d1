import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { hashKey, uniformAt } from '../../core/rng.ts';
import { mean } from '../../statistics/summary.ts';
import { readState } from '../samplers/read-state.ts';
import type { StartOutcome, StartProblem, Starts } from './starts.ts';

/**
 * Attempts that begin after the first part of a known solution (`solution` of the problem), for problems the policy never
 * solves from the prompt. The part is a share of the solution's tokens, kept per problem:
 *
 * - `follow`: one `step` less after a group whose success rate reached `target`, one `step` more after a group
 *   without success (as AdaBack, arXiv 2506.18110, follows the reward). At share 0 attempts begin at the prompt.
 * - `shortest`: bisects for the shortest part that gave a success, and stays there (POPE, arXiv 2601.18779).
 *
 * A problem that was solved when measured, or was not measured, begins at the prompt; others at half of `maxShare`. A
 * success from the prompt returns a problem to its prompt.
 */
export const revealConfig = z.strictObject({
  type: z.literal('reveal'),
  rule: z.enum(['follow', 'shortest']).default('follow'),
  /** Change of the share (`follow`), or the width at which the bisection ends (`shortest`). */
  step: z
    .number()
    .gt(0)
    .max(1)
    .default(1 / 8),
  /** `follow`: success rate of a group from which on less is revealed. */
  target: z.number().gt(0).max(1).default(0.5),
  /** Largest share revealed; at least one token is always left to write. POPE: 1/4. */
  maxShare: z.number().gt(0).max(1).default(0.9),
  /** Share of a problem's groups that begin at the prompt all the same, to notice when it is solved from there. */
  promptShare: z
    .number()
    .min(0)
    .max(1)
    .default(1 / 8),
});
type RevealConfig = z.output<typeof revealConfig>;

/** Attempts after a part of a known solution. */
export const reveal = noun(revealConfig);

const entry = z.strictObject({
  /** Share revealed next; 0 is the prompt. */
  share: z.number().min(0).max(1),
  /** `shortest`: the largest share that did not help, and the smallest that may. */
  low: z.number(),
  high: z.number(),
  /** Groups so far. */
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
        const { share, visits } = entries.get(id) ?? { share: 0, visits: 0 };
        const isAtPrompt = uniformAt(hashKey(seed, 'starts', id), visits) < promptShare;
        return share === 0 || isAtPrompt ? { kind: 'prompt' } : { kind: 'solution', share };
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
  return { share: isUnsolved ? maxShare / 2 : 0, low: 0, high: maxShare, visits: 0 };
}

function next(before: Entry, { kind, successes, trials }: StartOutcome, config: RevealConfig): Entry {
  if (kind === 'prompt' && before.share > 0)
    return successes > 0 ? { ...before, share: 0, low: 0, high: 0 } : before;
  return config.rule === 'follow'
    ? follow(before, successes / trials, config)
    : shorten(before, successes > 0, config);
}

function follow(before: Entry, rate: number, { step, target, maxShare }: RevealConfig): Entry {
  const less = before.share - step;
  // Below half a step only rounding is left of the share.
  if (rate >= target) return { ...before, share: less < step / 2 ? 0 : less };
  return rate === 0 ? { ...before, share: Math.min(maxShare, before.share + step) } : before;
}

/** One step of the bisection; a share that stops helping after it ended opens it again above. */
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
