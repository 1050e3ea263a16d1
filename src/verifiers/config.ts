import * as z from 'zod';
import { compositeConfig, openComposite } from './composite.ts';
import { openSingle, singleVerifierConfig } from './open-single-verifier.ts';
import type { Verifier } from './verifier.ts';

/** Verifier configs that a recipe's `verifiers` accepts. */
export const verifierConfig = z.discriminatedUnion('type', [
  ...singleVerifierConfig.options,
  compositeConfig,
]);

/** A validated verifier config. */
export type VerifierConfig = z.output<typeof verifierConfig>;

/**
 * Opens the verifier a config names; the caller disposes of it.
 *
 * @param baseDir base of relative paths to a custom verifier: the recipe's folder.
 */
export function openVerifier(config: VerifierConfig, baseDir = '.'): Verifier {
  return config.type === 'composite' ? openComposite(config, baseDir) : openSingle(config, baseDir);
}
