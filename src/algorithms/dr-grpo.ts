import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { centredAdvantages } from './advantages.ts';
import { clipBounds, clippedAlgorithm } from './clipped.ts';
import { clipSettings, commonSettings, settings, type Algorithm } from './settings.ts';

/**
 * Dr. GRPO (Liu et al. 2025, 2503.20783): GRPO without its two biases. Rewards are centred but not divided by their
 * standard deviation, and the loss is divided by a constant length instead of the length of each rollout.
 */
export const drGrpoConfig = z.strictObject({
  type: z.literal('dr-grpo'),
  ...commonSettings,
  aggregation: settings.aggregation.default('constant'),
  ...clipBounds({ clipLow: 0.2, clipHigh: 0.2 }),
  dualClip: clipSettings.dualClip.default(null),
});

/** Configures Dr. GRPO. */
export const drGrpo = noun(drGrpoConfig);

/** See {@link drGrpoConfig}. */
export const drGrpoAlgorithm = (config: z.output<typeof drGrpoConfig>): Algorithm =>
  clippedAlgorithm(config, { advantages: centredAdvantages });
