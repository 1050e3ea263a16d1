import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { clipBounds, clippedAlgorithm, standardised } from './clipped.ts';
import { advantageEpsilon, commonSettings, settings, type Algorithm } from './settings.ts';

/**
 * GSPO (Zheng et al. 2025, 2507.18071): one ratio per rollout, the geometric mean of its token ratios, clipped to the
 * paper's [1 − 3e-4, 1 + 4e-4]. Keep the aggregation by sequence, which the derivation assumes.
 */
export const gspoConfig = z.strictObject({
  type: z.literal('gspo'),
  ...commonSettings,
  aggregation: settings.aggregation.default('sequence-mean-token-mean'),
  advantageEpsilon,
  ...clipBounds({ clipLow: 3e-4, clipHigh: 4e-4 }),
});

/** Configures GSPO. */
export const gspo = noun(gspoConfig);

/** See {@link gspoConfig}. */
export const gspoAlgorithm = (config: z.output<typeof gspoConfig>): Algorithm =>
  clippedAlgorithm(config, { advantages: standardised(config), ratio: 'sequence' });
