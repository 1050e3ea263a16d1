import type { Transcript } from '../transcript.ts';
import { type Bandit, meansAt } from './bandit.ts';

/** An attempt at a bandit problem. */
export interface BanditEpisode {
  readonly bandit: Bandit;
  /**
   * The arm (0-based) chosen in each turn; null if there was no valid choice. If the attempt ended early, the last
   * turns are missing.
   */
  readonly choices: readonly (number | null)[];
  /** The reward of each choice; 0 if the environment gave none. */
  readonly rewards: readonly number[];
}

/** Reads the choices and rewards that the environment recorded in a transcript. */
export function episodeOf(bandit: Bandit, { messages, written }: Transcript): BanditEpisode {
  const calls = messages.flatMap((message) => message.calls ?? []);
  return {
    bandit,
    choices: calls.map(({ outcome, arguments: args }) =>
      outcome === 'ok' ? (args as { readonly arm: number }).arm - 1 : null,
    ),
    rewards: calls.map((_, turn) => written[turn]?.reward ?? 0),
  };
}

/**
 * Returns the expected regret of each turn: the best arm's mean minus that of the chosen arm. A turn that is missing or
 * has no valid choice counts as a choice of the worst arm, so ending early never pays off.
 */
export function regretsOf({ bandit, choices }: Pick<BanditEpisode, 'bandit' | 'choices'>): Float64Array {
  return perTurn(
    bandit,
    (means) => ({ means, best: Math.max(...means), worst: Math.min(...means) }),
    ({ means, best, worst }, turn) => best - (means[choices[turn] ?? -1] ?? worst),
  );
}

/** Returns the expected regret, per turn, of a player who chooses uniformly at random. */
export const randomRegretsOf = (bandit: Bandit): Float64Array =>
  perTurn(
    bandit,
    (means) => Math.max(...means) - means.reduce((sum, mean) => sum + mean, 0) / means.length,
    (regret) => regret,
  );

/**
 * Computes one number per turn from a summary of the arms' means, which is computed only once if the means are
 * constant.
 */
function perTurn<Summary>(
  bandit: Bandit,
  summarise: (means: readonly number[]) => Summary,
  compute: (summary: Summary, turn: number) => number,
): Float64Array {
  const fixed = bandit.type === 'contextual' ? undefined : summarise(bandit.means);
  return Float64Array.from({ length: bandit.turns }, (_, turn) =>
    compute(fixed ?? summarise(meansAt(bandit, turn)), turn),
  );
}
