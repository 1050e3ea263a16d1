import { standardisedAdvantages } from './advantages.ts';
import { type Algorithm, clipSettings, describeAlgorithm, type Settings } from './settings.ts';

/** Returns the settings of PPO's clipped surrogate, with an algorithm's own defaults for its bounds. */
export const clipBounds = (defaults: { readonly clipLow: number; readonly clipHigh: number }) => ({
  clipLow: clipSettings.clipLow.default(defaults.clipLow),
  clipHigh: clipSettings.clipHigh.default(defaults.clipHigh),
});

/** The part of an algorithm's configuration that {@link clippedAlgorithm} reads. */
interface ClippedConfig extends Settings {
  readonly clipLow: number;
  readonly clipHigh: number;
  /** Absent if the algorithm has no such bound. */
  readonly dualClip?: number | null;
}

/**
 * Creates an algorithm that optimises PPO's clipped surrogate: GRPO, DAPO, GSPO or Dr. GRPO. They differ in their
 * advantages and defaults, and in whether the ratio is per token or per sequence.
 */
export function clippedAlgorithm(
  config: ClippedConfig,
  { advantages, ratio = 'token' }: Pick<Algorithm, 'advantages'> & { readonly ratio?: 'token' | 'sequence' },
): Algorithm {
  const { clipLow, clipHigh, dualClip = null } = config;
  return describeAlgorithm(config, {
    advantages,
    policy: { type: 'clipped', ratio, clipLow, clipHigh, dualClip },
  });
}

/** Returns rewards standardised within the group, with the configured ε. */
export const standardised =
  ({ advantageEpsilon }: { readonly advantageEpsilon: number }): Algorithm['advantages'] =>
  (rewards) =>
    standardisedAdvantages(rewards, advantageEpsilon);
