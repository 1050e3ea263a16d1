import * as z from 'zod';
import { type Bandit, banditOf } from '../core/bandit/bandit.ts';
import { episodeOf, randomRegretsOf, regretsOf } from '../core/bandit/regret.ts';
import { noun } from '../core/config-builder.ts';
import type { Problem } from '../core/problem.ts';
import { hashKey } from '../core/rng.ts';
import type { Transcript } from '../core/transcript.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Verifier } from './verifier.ts';

/** Judges an attempt at a bandit by its expected regret, relative to that of a random player. */
export const regretConfig = z.strictObject({
  type: z.literal('regret'),
  /**
   * Maximum regret that counts as correct, as a share of the random player's regret. UCB's share is about 0.6 with 5
   * arms, a gap of 0.2 and 200 turns (`npm run bench:bandits`).
   */
  maxShare: z.number().gt(0).max(1).default(0.6),
});
type RegretConfig = z.output<typeof regretConfig>;

/** Creates the recipe entry for the bandit verifier; the score is 1 − regret / random player's regret, at least 0. */
export const regret = noun(regretConfig);

/** Opens the verifier, which needs no resources. It judges attempts in the environment `bandit()`. */
export function openRegret(config: RegretConfig): Verifier {
  const version = `1-${hashKey(JSON.stringify(config)).toString(36)}`;
  return {
    name: 'regret',
    version,
    check: (problem) => void banditOf(problem),
    verify: (problem, _completion, _signal, attempt) =>
      Promise.resolve({ ...judge(problem, attempt, config), verifier: `regret@${version}` }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function judge(
  problem: Problem,
  attempt: Transcript | undefined,
  { maxShare }: RegretConfig,
): Omit<Verdict, 'verifier'> {
  const bandit = banditOf(problem);
  const { choices } = attempt === undefined ? { choices: [] } : episodeOf(bandit, attempt);
  const named = choices.filter((arm) => arm !== null).length;
  const { turns } = bandit;
  const evidence = { ...regretOf(bandit, choices), turns, played: choices.length, named };
  if (named === 0)
    return { outcome: 'unparsed', score: 0, reason: `named no arm in ${choices.length} turns`, evidence };
  const share = evidence.regret / evidence.random;
  return {
    outcome: share <= maxShare ? 'correct' : 'incorrect',
    score: Math.min(1, Math.max(0, 1 - share)),
    reason: `regret ${evidence.regret.toFixed(2)}, ${share.toFixed(2)} of a random player's; expected at most ${maxShare}`,
    evidence,
  };
}

function regretOf(bandit: Bandit, choices: readonly (number | null)[]) {
  const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
  return { regret: total(regretsOf({ bandit, choices })), random: total(randomRegretsOf(bandit)) };
}
