import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import type { Gate } from './gate.ts';

/** Rejects groups with many truncated rollouts: their rewards measure length, not reasoning. */
export const truncationConfig = z.strictObject({
  type: z.literal('truncation'),
  /** Maximum share of truncated rollouts in an admitted group. */
  maxShare: z.number().min(0).max(1).default(0.5),
});

/** Configures a gate that admits only groups with enough complete rollouts. */
export const truncation = noun(truncationConfig);

export function createTruncation({ maxShare }: z.infer<typeof truncationConfig>): Gate {
  const name = 'truncation';
  return {
    name,
    admit({ rewards, truncated }) {
      if (truncated <= maxShare * rewards.length) return { admitted: true };
      return {
        admitted: false,
        gate: name,
        reason: `${truncated} of ${rewards.length} rollouts were truncated, more than maxShare ${maxShare}`,
      };
    },
  };
}
