import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import type { Gate } from './gate.ts';

/**
 * Rejects groups that cannot change the policy, because every rollout in the loss has advantage 0 (DAPO's
 * dynamic sampling, Yu et al., arXiv 2503.14476, §3.2). The stage's `maxRefills` limits the search for
 * replacements.
 */
export const zeroAdvantageConfig = z.strictObject({
  type: z.literal('zero-advantage'),
  /**
   * Also rejects groups whose rewards differ by less than this, e.g. only by the soft over-long penalty,
   * because standardised advantages would magnify small differences. 0: rejects no additional groups.
   */
  tolerance: z.number().min(0).default(0),
});

/** Configures a gate that admits only groups with a signal. */
export const zeroAdvantage = noun(zeroAdvantageConfig);

export function createZeroAdvantage({ tolerance }: z.infer<typeof zeroAdvantageConfig>): Gate {
  const name = 'zero-advantage';
  const refuse = (reason: string) => ({ admitted: false, gate: name, reason }) as const;
  return {
    name,
    admit({ rewards, isZeroAdvantage }) {
      if (rewards.length === 0) return refuse('no rollout of the group could be graded');
      const [low, high] = [Math.min(...rewards), Math.max(...rewards)];
      const range = low === high ? `all ${rewards.length} rewards are ${low}` : `rewards ${low} … ${high}`;
      if (isZeroAdvantage) return refuse(`${range}: every advantage in the loss is 0`);
      if (high - low < tolerance)
        return refuse(`${range}: the difference is below the tolerance of ${tolerance}`);
      return { admitted: true };
    },
  };
}
