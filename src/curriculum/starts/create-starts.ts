import * as z from 'zod';
import { DataError } from '../../core/errors.ts';
import { createPrompt, promptConfig } from './prompt.ts';
import { createRestart, restartConfig } from './restart.ts';
import { createReveal, revealConfig } from './reveal.ts';
import type { StartProblem, Starts } from './starts.ts';

/** Configuration of where attempts begin. */
export const startsConfig = z.discriminatedUnion('type', [promptConfig, revealConfig, restartConfig]);
export type StartsConfig = z.output<typeof startsConfig>;

/**
 * Creates the starts that a configuration describes, over the problems of a stage.
 *
 * @param seed the run's seed; stages should get different seeds.
 * @throws DataError if `reveal` finds no problem with a solution.
 */
export function createStarts(config: StartsConfig, pool: readonly StartProblem[], seed: number): Starts {
  switch (config.type) {
    case 'prompt':
      return createPrompt();
    case 'reveal':
      if (!pool.some(({ hasSolution }) => hasSolution)) {
        throw new DataError(
          `starts reveal: expected problems with a "solution", found none among ${pool.length}; name the column with columns: { solution: … }`,
        );
      }
      return createReveal(config, pool, seed);
    case 'restart':
      return createRestart(config, pool, seed);
  }
}
