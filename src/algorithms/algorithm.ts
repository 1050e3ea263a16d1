import * as z from 'zod';
import { cispoAlgorithm, cispoConfig } from './cispo.ts';
import { dapoAlgorithm, dapoConfig } from './dapo.ts';
import { drGrpoAlgorithm, drGrpoConfig } from './dr-grpo.ts';
import { grpoAlgorithm, grpoConfig } from './grpo.ts';
import { gspoAlgorithm, gspoConfig } from './gspo.ts';
import { reinforceAlgorithm, reinforceConfig } from './reinforce.ts';
import { rlooAlgorithm, rlooConfig } from './rloo.ts';
import { clipSettings, settings, withoutAbsent, type Algorithm } from './settings.ts';

/** Configuration of an algorithm, which turns rewards into a loss. Each algorithm's schema documents its settings. */
export const algorithmConfig = z.discriminatedUnion('type', [
  grpoConfig,
  drGrpoConfig,
  dapoConfig,
  gspoConfig,
  cispoConfig,
  rlooConfig,
  reinforceConfig,
]);
export type AlgorithmConfig = z.output<typeof algorithmConfig>;

/** Settings of the algorithm that a stage may override; an absent key keeps the run's setting. */
export const algorithmOverrides = z.strictObject({ ...settings, ...clipSettings }).partial();
export type AlgorithmOverrides = z.output<typeof algorithmOverrides>;

/**
 * Returns a stage's algorithm: the run's algorithm with the stage's overrides. An override replaces the entire setting.
 *
 * @throws {ZodError} if an override is not a setting of this algorithm, e.g. `clipLow` for `rloo`.
 */
export function overrideAlgorithm(base: AlgorithmConfig, overrides: AlgorithmOverrides): AlgorithmConfig {
  return algorithmConfig.parse({ ...base, ...withoutAbsent(overrides) });
}

/**
 * Returns whether advantages are divided by the standard deviation of their group. If so, an affine change to a group's
 * rewards has no effect; a bonus is such a change if rewards take only two values.
 */
export function isStandardised({ type }: AlgorithmConfig): boolean {
  switch (type) {
    case 'grpo':
    case 'dapo':
    case 'gspo':
    case 'cispo':
      return true;
    case 'dr-grpo':
    case 'rloo':
    case 'reinforce':
      return false;
  }
}

/** Creates the algorithm that a configuration describes. */
export function createAlgorithm(config: AlgorithmConfig): Algorithm {
  switch (config.type) {
    case 'grpo':
      return grpoAlgorithm(config);
    case 'dr-grpo':
      return drGrpoAlgorithm(config);
    case 'dapo':
      return dapoAlgorithm(config);
    case 'gspo':
      return gspoAlgorithm(config);
    case 'cispo':
      return cispoAlgorithm(config);
    case 'rloo':
      return rlooAlgorithm(config);
    case 'reinforce':
      return reinforceAlgorithm(config);
  }
}
