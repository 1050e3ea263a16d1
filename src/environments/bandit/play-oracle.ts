import { armCount, type Bandit, contextAt } from '../../core/bandit/bandit.ts';
import type { BanditEpisode } from '../../core/bandit/regret.ts';
import { createRng } from '../../core/rng.ts';
import { createOracle, type OracleName } from './oracles/create-oracle.ts';
import { drawReward } from './rewards.ts';

/**
 * Runs an oracle on a bandit for all turns; returns its choices and rewards.
 *
 * @param seed seed for the rewards, which do not depend on the oracle, and for the oracle's own draws.
 */
export function playOracle(name: OracleName, bandit: Bandit, seed: number): BanditEpisode {
  const oracle = createOracle(name, bandit);
  const rng = createRng(seed, 'oracle', name);
  const pulled = new Int32Array(armCount(bandit));
  const choices: number[] = [];
  const rewards: number[] = [];
  for (let turn = 0; turn < bandit.turns; turn++) {
    const context = contextAt(bandit, turn);
    const arm = oracle.choose(context, () => rng.next());
    const reward = drawReward(bandit, arm, pulled[arm]!++, turn, seed);
    oracle.observe({ arm, reward, context });
    choices.push(arm);
    rewards.push(reward);
  }
  return { bandit, choices, rewards };
}
