import { standardisedAdvantages } from './advantages.ts';
import { type Algorithm, clipSettings, describeAlgorithm, type Settings } from './settings.ts';

/** The settings of PPO's clipped surrogate with an algorithm's own defaults for its bounds. */
export const clipBounds = (defaults: { readonly clipLow: number; readonly clipHigh: number }) => ({
  clipLow: clipSettings.clipLow.default(defaults.clipLow),
  clipHigh: clipSettings.clipHigh.default(defaults.clipHigh),
});

/** What {@link clippedAlgorithm} reads of an algorithm's configuration. */
interface ClippedConfig extends Settings {
  readonly clipLow: number;
  readonly clipHigh: number;
  /** Absent where the algorithm has no such bound. */
  readonly dualClip?: number | null;
}

/**
 * An algorithm that learns by PPO's clipped surrogate: GRPO, DAPO, GSPO and Dr. GRPO, which differ in advantages, defaults
 * and whether the ratio is a token's or a sequence's.
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

/** Rewards standardised within the group, with the configured ε. */
export const standardised =
  ({ advantageEpsilon }: { readonly advantageEpsilon: number }): Algorithm['advantages'] =>
  (rewards) =>
    standardisedAdvantages(rewards, advantageEpsilon);
