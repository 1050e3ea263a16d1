import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { leaveOneOutAdvantages } from './advantages.ts';
import { commonSettings, describeAlgorithm, settings, type Algorithm } from './settings.ts';

/**
 * RLOO (Ahmadian et al. 2024, 2402.14740): REINFORCE against the mean reward of the group's other rollouts. It is
 * unbiased and does not clip, so it is meant for strictly on-policy steps.
 */
export const rlooConfig = z.strictObject({
  type: z.literal('rloo'),
  ...commonSettings,
  aggregation: settings.aggregation.default('sequence-mean-token-mean'),
});

/** Configures RLOO. */
export const rloo = noun(rlooConfig);

/** See {@link rlooConfig}. */
export function rlooAlgorithm(config: z.output<typeof rlooConfig>): Algorithm {
  return describeAlgorithm(config, { advantages: leaveOneOutAdvantages, policy: { type: 'reinforce' } });
}
