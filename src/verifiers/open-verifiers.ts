import { ConfigError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { openVerifier, type VerifierConfig } from './config.ts';
import type { Verifier } from './verifier.ts';

/** The verifier of each domain, as in a recipe. */
export interface VerifierChoice {
  readonly verifiers: Readonly<Record<string, VerifierConfig>>;
  /** Folder against which relative paths are resolved. */
  readonly baseDir?: string | undefined;
}

/**
 * Opens one verifier per domain.
 *
 * @returns a function from a problem to its verifier, which throws ConfigError if the domain has no verifier.
 */
export function openVerifiers(
  { verifiers, baseDir }: VerifierChoice,
  opened: AsyncDisposableStack,
): (problem: Problem) => Verifier {
  const byDomain = new Map(
    Object.entries(verifiers).map(([domain, config]) => [domain, opened.use(openVerifier(config, baseDir))]),
  );
  return ({ id, domain }) => {
    const verifier = byDomain.get(domain);
    if (verifier !== undefined) return verifier;
    throw new ConfigError(
      `problem ${id}: expected a verifier for domain "${domain}" in the recipe, found none; ` +
        `verifiers: ${[...byDomain.keys()].join(', ') || 'none'}`,
    );
  };
}
