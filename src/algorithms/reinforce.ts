import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { centredAdvantages } from './advantages.ts';
import { commonSettings, describeAlgorithm, settings, type Algorithm } from './settings.ts';

/** REINFORCE (Williams 1992): the loss is the reward, or the reward minus the group's mean, times −log π. */
export const reinforceConfig = z.strictObject({
  type: z.literal('reinforce'),
  ...commonSettings,
  aggregation: settings.aggregation.default('token-mean'),
  baseline: z.enum(['none', 'group-mean']).default('none'),
});

/** Configures REINFORCE. */
export const reinforce = noun(reinforceConfig);

/** See {@link reinforceConfig}. */
export function reinforceAlgorithm(config: z.output<typeof reinforceConfig>): Algorithm {
  return describeAlgorithm(config, {
    advantages: config.baseline === 'none' ? (rewards) => Float64Array.from(rewards) : centredAdvantages,
    policy: { type: 'reinforce' },
  });
}
