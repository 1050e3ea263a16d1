import * as z from 'zod';
import { hashKey } from '../../core/rng.ts';
import { ConfigError } from '../../core/errors.ts';
import { createSampler, type SamplerConfig } from './create-sampler.ts';
import type { PoolProblem, ProblemSampler } from './problem-sampler.ts';
import { readState } from './read-state.ts';
import { Shares } from './shares.ts';

/**
 * Domain → weight, e.g. `{ math: 2, code: 1 }`: each domain's share of every batch, exact over time. Problems of other
 * domains are never drawn. For a mix of levels, use the `level-weighted` sampler; the two can be combined.
 */
export const mixConfig = z
  .record(z.string(), z.number().positive())
  .refine((mix) => Object.keys(mix).length > 0, {
    error: 'expected at least one domain, e.g. { math: 2, code: 1 }',
  });

const mixedState = z.strictObject({
  owed: z.record(z.string(), z.number()),
  samplers: z.record(z.string(), z.unknown()),
});

/**
 * Creates one sampler of the same kind per domain, and divides each batch exactly among them. A domain with fewer
 * problems than its share contributes all of them. Other domains do not fill in, so the mix never changes silently.
 *
 * @throws {ConfigError} if no problem of the pool has a domain of the mix.
 */
export function createMixedSampler(
  mix: z.infer<typeof mixConfig>,
  config: SamplerConfig,
  pool: readonly PoolProblem[],
  seed: number,
  groupSize: number,
): ProblemSampler {
  const domains = Object.keys(mix);
  const samplers = new Map(
    domains.map((domain) => [
      domain,
      createSampler(config, problemsOf(domain, pool), hashKey(seed, 'mix', domain), groupSize),
    ]),
  );
  const domainOf = new Map(pool.map((problem) => [problem.id, problem.domain]));
  const shares = new Shares(domains);
  return {
    choose(count, step, without, perDomain) {
      const counts = perDomain ?? shares.allot(count, mix);
      return [...samplers].flatMap(([domain, sampler]) => sampler.choose(counts[domain] ?? 0, step, without));
    },
    observe(outcomes) {
      for (const [domain, sampler] of samplers) {
        sampler.observe(outcomes.filter(({ problemId }) => domainOf.get(problemId) === domain));
      }
    },
    save: () => ({ owed: shares.save(), samplers: mapValues(samplers, (sampler) => sampler.save()) }),
    restore(state) {
      const saved = readState(mixedState, state, 'mix of samplers');
      shares.restore(saved.owed);
      for (const [domain, sampler] of samplers) sampler.restore(saved.samplers[domain]);
    },
    metrics() {
      const named = [...samplers].flatMap(([domain, sampler]) =>
        Object.entries(sampler.metrics()).map(([name, value]) => [`${domain}/${name}`, value] as const),
      );
      return Object.fromEntries(named);
    },
  };
}

function problemsOf(domain: string, pool: readonly PoolProblem[]): PoolProblem[] {
  const problems = pool.filter((problem) => problem.domain === domain);
  if (problems.length > 0) return problems;
  const present = [...new Set(pool.map((problem) => problem.domain))].join(', ') || 'none';
  throw new ConfigError(
    `mix: expected selected problems of domain "${domain}", found none; domains selected: ${present}. ` +
      `Remove the domain from the mix, or select problems of this domain.`,
    { tryNext: 'gradus difficulty show' },
  );
}

function mapValues<T, U>(map: ReadonlyMap<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries([...map].map(([key, value]) => [key, change(value)]));
}
