import * as z from 'zod';
import { compositeConfig, openComposite } from './composite.ts';
import { openSingle, singleVerifierConfig } from './single.ts';
import type { Verifier } from './verifier.ts';

/** How answers are judged: what a recipe's `verifiers` accept. */
export const verifierConfig = z.discriminatedUnion('type', [
  ...singleVerifierConfig.options,
  compositeConfig,
]);

/** A validated verifier config. */
export type VerifierConfig = z.output<typeof verifierConfig>;

/**
 * Opens the verifier a config names; the caller disposes of it.
 *
 * @param baseDir where relative paths to a user's own verifier start: the recipe's folder.
 */
export function openVerifier(config: VerifierConfig, baseDir = '.'): Verifier {
  return config.type === 'composite' ? openComposite(config, baseDir) : openSingle(config, baseDir);
}
