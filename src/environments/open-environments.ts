import type { Problem } from '../core/problem.ts';
import { type EnvironmentConfig, openEnvironment } from './config.ts';
import type { Environment, Environments } from './environment.ts';
import { openCallResults, recordCalls } from './call-results.ts';

/** Domain → environment, as a recipe names them. */
export interface EnvironmentChoice {
  readonly environments?: Readonly<Record<string, EnvironmentConfig>>;
  /** Base of relative paths. */
  readonly baseDir?: string | undefined;
}

/**
 * Opens one environment per domain.
 *
 * @returns the environment of a problem; undefined for a domain without one, whose attempts have one turn.
 */
export function openEnvironments(
  { environments = {}, baseDir }: EnvironmentChoice,
  opened: AsyncDisposableStack,
): (problem: Pick<Problem, 'domain'>) => Environment | undefined {
  const byDomain = new Map(
    Object.entries(environments).map(([domain, config]) => [
      domain,
      opened.use(openEnvironment(config, baseDir)),
    ]),
  );
  return ({ domain }) => byDomain.get(domain);
}

/** Opens the environments of a recipe for attempts outside a run: results of calls are kept in memory. */
export const openAnswering = (recipe: EnvironmentChoice, opened: AsyncDisposableStack): Environments => ({
  of: openEnvironments(recipe, opened),
  call: recordCalls(opened.use(openCallResults(':memory:'))),
});
