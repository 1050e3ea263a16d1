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
 * Opens the verifier that a config names; the caller must dispose of it.
 *
 * @param baseDir folder against which paths to custom verifiers are resolved: the recipe's folder.
 */
export function openVerifier(config: VerifierConfig, baseDir = '.'): Verifier {
  return config.type === 'composite' ? openComposite(config, baseDir) : openSingle(config, baseDir);
}
