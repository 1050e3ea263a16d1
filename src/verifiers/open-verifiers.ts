import { ConfigError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import { openVerifier, type VerifierConfig } from './config.ts';
import type { Verifier } from './verifier.ts';

/** Domain → verifier, as a recipe names them. */
export interface VerifierChoice {
  readonly verifiers: Readonly<Record<string, VerifierConfig>>;
  /** Where relative paths start. */
  readonly baseDir?: string | undefined;
}

/**
 * Opens one verifier per domain.
 *
 * @returns the verifier of a problem; throws ConfigError for a domain without one.
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
      `problem ${id} is of domain "${domain}", for which the recipe names no verifier; ` +
        `verifiers: ${[...byDomain.keys()].join(', ') || 'none'}`,
    );
  };
}
