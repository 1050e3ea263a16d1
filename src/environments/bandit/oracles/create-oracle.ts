import { armCount, type Bandit } from '../../../core/bandit/bandit.ts';
import { createGreedy } from './greedy.ts';
import { createLinUcb } from './lin-ucb.ts';
import type { Oracle } from './oracle.ts';
import { createThompson } from './thompson.ts';
import { createUcb } from './ucb.ts';

/** Names of the algorithms. `random` chooses uniformly. */
export const oracleNames = ['random', 'greedy', 'ucb', 'thompson', 'lin-ucb'] as const;
export type OracleName = (typeof oracleNames)[number];

/**
 * Returns the standard deviation of a bandit's rewards; for rewards of 0 and 1, returns the largest possible value,
 * 1/2.
 */
export const deviationOf = (bandit: Bandit): number => (bandit.type === 'bernoulli' ? 0.5 : bandit.deviation);

/**
 * Creates an oracle with the algorithm of this name, configured for the bandit. LinUCB needs a bandit with context; the
 * others ignore the context.
 *
 * @throws RangeError if the algorithm is LinUCB and the bandit has no context.
 */
export function createOracle(name: OracleName, bandit: Bandit): Oracle {
  const arms = armCount(bandit);
  switch (name) {
    case 'random':
      return { choose: (_, random) => Math.floor(random() * arms), observe: () => {} };
    case 'greedy':
      return createGreedy(arms);
    case 'ucb':
      return createUcb(arms, deviationOf(bandit));
    case 'thompson':
      return createThompson(arms, bandit.type === 'bernoulli' ? null : deviationOf(bandit));
    case 'lin-ucb':
      if (bandit.type !== 'contextual') throw new RangeError('expected a bandit with context for lin-ucb');
      return createLinUcb(arms, bandit.weights[0]!.length);
  }
}
