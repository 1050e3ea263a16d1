import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { standardised } from './clipped.ts';
import { advantageEpsilon, commonSettings, describeAlgorithm, settings, type Algorithm } from './settings.ts';

/**
 * CISPO (MiniMax-M1, 2506.13585, eq. 4): the clipped ratio is a weight without gradient, so no token drops out of the
 * loss. Bounds are absolute ratios (TRL's `epsilon_high` is `maxRatio`; verl writes 1 − low and 1 + high).
 */
export const cispoConfig = z
  .strictObject({
    type: z.literal('cispo'),
    ...commonSettings,
    aggregation: settings.aggregation.default('token-mean'),
    advantageEpsilon,
    minRatio: z.number().min(0).default(0),
    maxRatio: z.number().positive().default(5),
  })
  .refine(({ minRatio, maxRatio }) => minRatio < maxRatio, {
    path: ['minRatio'],
    error: 'expected minRatio below maxRatio',
  });

/** Configures CISPO. */
export const cispo = noun(cispoConfig);

/** See {@link cispoConfig}. */
export function cispoAlgorithm(config: z.output<typeof cispoConfig>): Algorithm {
  const { minRatio, maxRatio } = config;
  return describeAlgorithm(config, {
    advantages: standardised(config),
    policy: { type: 'cispo', minRatio, maxRatio },
  });
}
