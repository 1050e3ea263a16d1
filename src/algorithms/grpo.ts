import * as z from 'zod';
import { noun } from '../core/config-builder.ts';
import { clipBounds, clippedAlgorithm, standardised } from './clipped.ts';
import { advantageEpsilon, clipSettings, commonSettings, settings, type Algorithm } from './settings.ts';

/**
 * GRPO (Shao et al. 2024, 2402.03300): rewards standardised within their group, PPO's clip, every rollout weighing the
 * same. Compared with the peers: clip 0.2 as in both; no KL, as in TRL (β 0) and verl; TRL's default loss is `dapo`,
 * verl aggregates by token mean and clips dually at 3; the defaults here are the paper's.
 */
export const grpoConfig = z.strictObject({
  type: z.literal('grpo'),
  ...commonSettings,
  aggregation: settings.aggregation.default('sequence-mean-token-mean'),
  advantageEpsilon,
  ...clipBounds({ clipLow: 0.2, clipHigh: 0.2 }),
  dualClip: clipSettings.dualClip.default(null),
});

/** GRPO with the given options. */
export const grpo = noun(grpoConfig);

/** See {@link grpoConfig}. */
export const grpoAlgorithm = (config: z.output<typeof grpoConfig>): Algorithm =>
  clippedAlgorithm(config, { advantages: standardised(config) });
