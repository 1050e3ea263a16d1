import * as z from 'zod';
import { DataError } from '../../core/errors.ts';
import { autoConfig, createAuto } from './auto.ts';
import { createE2h, e2hConfig } from './e2h.ts';
import { createLevelWeighted, levelWeightedConfig } from './level-weighted.ts';
import { createPrioritised, prioritisedConfig } from './prioritised.ts';
import type { PoolProblem, ProblemSampler } from './problem-sampler.ts';
import { createTargetDifficulty, targetDifficultyConfig } from './target-difficulty.ts';
import { createThompsonLiveShare, thompsonLiveShareConfig } from './thompson-live-share.ts';
import { createThompsonPassRate, thompsonPassRateConfig } from './thompson-pass-rate.ts';
import { createUcb, ucbConfig } from './ucb.ts';
import { createUniform, uniformConfig } from './uniform.ts';

/** Configuration of any sampler. */
export const samplerConfig = z.discriminatedUnion('type', [
  uniformConfig,
  levelWeightedConfig,
  prioritisedConfig,
  targetDifficultyConfig,
  ucbConfig,
  e2hConfig,
  autoConfig,
  thompsonPassRateConfig,
  thompsonLiveShareConfig,
]);

/** A validated sampler configuration. */
export type SamplerConfig = z.infer<typeof samplerConfig>;

/** Returns the levels that a configuration names. */
export function levelsNamedBy(config: SamplerConfig): readonly string[] {
  switch (config.type) {
    case 'level-weighted':
      return Object.keys(config.weights);
    case 'ucb':
      return config.levels ?? [];
    case 'e2h':
      return config.levels;
    case 'auto':
    case 'thompson-pass-rate':
    case 'thompson-live-share':
    case 'uniform':
    case 'prioritised':
    case 'target-difficulty':
      return [];
  }
}

/**
 * Creates the sampler that a configuration describes, over the problems that a stage selected.
 *
 * @param seed the run's seed; samplers of different stages should get different seeds.
 * @param groupSize rollouts per group.
 * @throws {DataError} if the pool is empty or contains a problem twice.
 * @throws {ConfigError} if the configuration names a level that no problem of the pool has.
 */
export function createSampler(
  config: SamplerConfig,
  pool: readonly PoolProblem[],
  seed: number,
  groupSize: number,
): ProblemSampler {
  checkPool(pool);
  switch (config.type) {
    case 'uniform':
      return createUniform(pool, seed);
    case 'level-weighted':
      return createLevelWeighted(config, pool, seed);
    case 'prioritised':
      return createPrioritised(config, pool, seed);
    case 'target-difficulty':
      return createTargetDifficulty(config, pool, seed);
    case 'ucb':
      return createUcb(config, pool, seed);
    case 'e2h':
      return createE2h(config, pool, seed);
    case 'auto':
      return createAuto(config, pool, seed, groupSize);
    case 'thompson-pass-rate':
      return createThompsonPassRate(config, pool, seed);
    case 'thompson-live-share':
      return createThompsonLiveShare(config, pool, seed);
  }
}

function checkPool(pool: readonly PoolProblem[]): void {
  if (pool.length === 0) {
    throw new DataError(
      'expected at least one problem to sample from, got none; widen the selection of the stage',
      {
        tryNext: 'gradus difficulty show',
      },
    );
  }
  const seen = new Set<string>();
  for (const { id } of pool) {
    if (seen.has(id))
      throw new DataError(`expected every problem once, got "${id}" twice; ids must be unique`);
    seen.add(id);
  }
}
