import * as z from 'zod';
import { noun } from '../../core/noun.ts';
import type { Gate } from './gate.ts';

/**
 * Turns away groups whose rewards are all equal: their advantages are 0, they cost compute and teach nothing (DAPO's
 * dynamic sampling, Yu et al., arXiv 2503.14476, §3.2). The stage's `maxRefills` says how often others are sought.
 */
export const zeroAdvantageConfig = z.strictObject({
  type: z.literal('zero-advantage'),
  /** Rewards at most this far apart count as equal. */
  tolerance: z.number().min(0).default(1e-9),
});

/** Only groups with something to learn from. */
export const zeroAdvantage = noun(zeroAdvantageConfig);

export function createZeroAdvantage({ tolerance }: z.infer<typeof zeroAdvantageConfig>): Gate {
  const name = 'zero-advantage';
  return {
    name,
    admit({ rewards }) {
      if (rewards.length === 0) {
        return { admitted: false, gate: name, reason: 'no rollout of the group could be graded' };
      }
      const low = Math.min(...rewards);
      if (Math.max(...rewards) - low > tolerance) return { admitted: true };
      return {
        admitted: false,
        gate: name,
        reason: `all ${rewards.length} rewards are ${low}: every advantage is 0`,
      };
    },
  };
}
