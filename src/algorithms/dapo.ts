import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { clipBounds, clippedAlgorithm, standardised } from './clipped.ts';
import { advantageEpsilon, clipSettings, commonSettings, settings, type Algorithm } from './settings.ts';

/**
 * DAPO (Yu et al. 2025, 2503.14476): GRPO with clip-higher and a token mean. Its dynamic sampling is the zero-advantage
 * gate of the curriculum; its soft over-long punishment is `truncated: { softOverlong: { cache } }`, which is
 * off by default because its cache depends on the token limit (4,096 of 20,480 in the paper).
 */
export const dapoConfig = z.strictObject({
  type: z.literal('dapo'),
  ...commonSettings,
  aggregation: settings.aggregation.default('token-mean'),
  advantageEpsilon,
  ...clipBounds({ clipLow: 0.2, clipHigh: 0.28 }),
  dualClip: clipSettings.dualClip.default(null),
});

/** Configures DAPO. */
export const dapo = noun(dapoConfig);

/** See {@link dapoConfig}. */
export const dapoAlgorithm = (config: z.output<typeof dapoConfig>): Algorithm =>
  clippedAlgorithm(config, { advantages: standardised(config) });
