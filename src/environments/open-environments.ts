import type { Problem } from '../core/problem.ts';
import { type EnvironmentConfig, openEnvironment } from './config.ts';
import type { Environment, Environments } from './environment.ts';
import { openCallResults, recordCalls } from './call-results.ts';

/** The environments that a recipe names, by domain. */
export interface EnvironmentChoice {
  readonly environments?: Readonly<Record<string, EnvironmentConfig>>;
  /** Base of relative paths. */
  readonly baseDir?: string | undefined;
}

/**
 * Opens one environment per domain.
 *
 * @returns a function that returns a problem's environment, or undefined for a domain without one, whose attempts have
 * one turn.
 */
export async function openEnvironments(
  { environments = {}, baseDir }: EnvironmentChoice,
  opened: AsyncDisposableStack,
): Promise<(problem: Pick<Problem, 'domain'>) => Environment | undefined> {
  const byDomain = new Map<string, Environment>();
  for (const [domain, config] of Object.entries(environments))
    byDomain.set(domain, opened.use(await openEnvironment(config, baseDir)));
  return ({ domain }) => byDomain.get(domain);
}

/** Opens the environments of a recipe for attempts outside a run. Keeps the results of calls in memory. */
export const openAnswering = async (
  recipe: EnvironmentChoice,
  opened: AsyncDisposableStack,
): Promise<Environments> => ({
  of: await openEnvironments(recipe, opened),
  call: recordCalls(opened.use(openCallResults(':memory:'))),
});
