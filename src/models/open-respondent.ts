import { ConfigError } from '../core/errors.ts';
import type { Engine } from '../engines/engine.ts';
import { openAnswering } from '../environments/open-environments.ts';
import type { RunRecipe } from '../recipe/read-run-recipe.ts';
import { requireTrust, type TrustOptions } from '../recipe/trust.ts';
import type { Respondent } from './ask.ts';
import { requireReplies } from './check-replies.ts';

/** Options that select which environment of a run answers the model's turns. */
export interface RespondentOptions extends TrustOptions {
  /** Domain of the environment. Required if the recipe has environments for several domains. */
  readonly domain?: string | undefined;
  /** If true, the model answers in one turn, without an environment. */
  readonly closedBook?: boolean | undefined;
}

/**
 * Combines a run's model with the environment in which it was trained.
 *
 * @param stored the run's recipe; undefined for a plain model folder.
 * @throws ConfigError if the domain has no environment, or if there are several environments and no domain is given;
 * RunError if the environment of a run copied from elsewhere would start programs.
 */
export async function openRespondent(
  engine: Engine,
  directory: string,
  stored: RunRecipe | undefined,
  { domain, closedBook = false, trust }: RespondentOptions,
  opened: AsyncDisposableStack,
): Promise<Respondent> {
  const domains = Object.keys(stored?.recipe.environments ?? {});
  if (domain !== undefined && !domains.includes(domain))
    throw new ConfigError(
      `${directory}: expected a domain with an environment (${domains.join(', ') || 'the recipe has none'}), got ${JSON.stringify(domain)}`,
    );
  if (closedBook || stored === undefined || domains.length === 0) return engine;
  if (domain === undefined && domains.length > 1)
    throw new ConfigError(
      `${directory}: the recipe has environments for ${domains.join(', ')}; name one of them with --domain, or add --closed-book`,
    );
  await requireTrust(directory, stored, ['environments'], { trust });
  const chosen = domain ?? domains[0]!;
  const { of, call } = await openAnswering(stored.recipe, opened);
  const environment = of({ domain: chosen })!;
  requireReplies(engine, [environment]);
  return {
    sampler: engine.sampler,
    ...(engine.renderer && { renderer: engine.renderer }),
    turns: { environment, call },
  };
}
