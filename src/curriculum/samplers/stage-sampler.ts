import { hashKey } from '../../core/rng.ts';
import type { StageConfig } from '../stage.ts';
import { createSampler } from './create-sampler.ts';
import { createMixedSampler } from './mixed.ts';
import type { PoolProblem, ProblemSampler } from './problem-sampler.ts';

/**
 * Creates the sampler of a stage over the problems it selected, with one sampler per domain if the stage has a mix. The
 * stage's name is part of the seed, so two stages draw the same problems in different orders.
 *
 * @param groupSize rollouts per group.
 * @throws {DataError} if the pool is empty or contains a problem twice.
 * @throws {ConfigError} if the mix or the sampler names a domain or level that no problem of the pool has.
 */
export function createStageSampler(
  { name, mix, sampler }: Pick<StageConfig, 'name' | 'mix' | 'sampler'>,
  pool: readonly PoolProblem[],
  seed: number,
  groupSize: number,
): ProblemSampler {
  const stageSeed = hashKey(seed, 'stage', name);
  return mix === undefined
    ? createSampler(sampler, pool, stageSeed, groupSize)
    : createMixedSampler(mix, sampler, pool, stageSeed, groupSize);
}
