import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { clipBounds, clippedAlgorithm, standardised } from './clipped.ts';
import { advantageEpsilon, clipSettings, commonSettings, settings, type Algorithm } from './settings.ts';

/**
 * GRPO (Shao et al. 2024, 2402.03300): standardises rewards within their group, clips the ratio as PPO does, and gives
 * every rollout the same weight. Two defaults match TRL and verl: clip 0.2 and no KL term (TRL: β 0). Two
 * follow the paper instead: the aggregation (TRL: the loss `dapo`; verl: token mean) and no dual clip (verl:
 * 3).
 */
export const grpoConfig = z.strictObject({
  type: z.literal('grpo'),
  ...commonSettings,
  aggregation: settings.aggregation.default('sequence-mean-token-mean'),
  advantageEpsilon,
  ...clipBounds({ clipLow: 0.2, clipHigh: 0.2 }),
  dualClip: clipSettings.dualClip.default(null),
});

/** Configures GRPO. */
export const grpo = noun(grpoConfig);

/** See {@link grpoConfig}. */
export const grpoAlgorithm = (config: z.output<typeof grpoConfig>): Algorithm =>
  clippedAlgorithm(config, { advantages: standardised(config) });
