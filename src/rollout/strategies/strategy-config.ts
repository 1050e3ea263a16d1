import * as z from 'zod';
import { noun } from '../../core/config-builder.ts';
import { ConfigError } from '../../core/errors.ts';
import { waySettings } from '../../core/text/ways-of-asking.ts';
import type { SearchShape } from './search-plan.ts';

/** Independent answers; the most frequent wins (2203.11171). */
const majorityConfig = z.strictObject({ type: z.literal('majority') });
/** Independent answers, chosen by their scores. */
const bestOfNConfig = z.strictObject({ type: z.literal('best-of-n') });
/** Independent answers to a problem that is asked in a given way; the most frequent wins. */
const askedConfig = waySettings.extend({ type: z.literal('asked') });
/** One tree: N candidates per step, of which the best N / width are kept (2408.03314). */
const beamConfig = z.strictObject({
  type: z.literal('beam'),
  /** M: number of candidates per kept path. */
  width: z.int().min(2).default(4),
  /** Maximum number of steps; the last one extends to the end of the answer. */
  depth: z.int().positive().default(40),
  /** Maximum number of tokens in a step; a longer step is split there. */
  maxStepTokens: z.int().positive().optional(),
});
/** N / width independent trees that keep one path each (diverse verifier tree search). */
const dvtsConfig = beamConfig.extend({ type: z.literal('dvts') });

/** A strategy for spending tokens on one problem. */
export const strategyConfig = z.discriminatedUnion('type', [
  majorityConfig,
  bestOfNConfig,
  askedConfig,
  beamConfig,
  dvtsConfig,
]);
export type StrategyConfig = z.output<typeof strategyConfig>;

/** Chooses the most frequent of N answers. Needs no scorer. */
export const majority = noun(majorityConfig);
/** Chooses the best of N answers by the scores of their steps. */
export const bestOfN = noun(bestOfNConfig);
/**
 * Chooses the most frequent of N answers to a problem that is asked in a given way, e.g. `asked({ way: 'decomposition'
 * })`.
 */
export const asked = noun(askedConfig);
/** Beam search over steps. */
export const beam = noun(beamConfig);
/** Beam searches in N / width separate trees, to keep answers diverse. */
export const dvts = noun(dvtsConfig);

/** Returns the name of a strategy in tables: `beam(4)`, `asked(decomposition)`. */
export function strategyName(strategy: StrategyConfig): string {
  if ('width' in strategy) return `${strategy.type}(${strategy.width})`;
  return strategy.type === 'asked' ? `asked(${strategy.way})` : strategy.type;
}

/** Returns whether a strategy chooses the most frequent answer, which needs no scorer. */
export const isByVote = ({ type }: StrategyConfig): boolean => type === 'majority' || type === 'asked';

/**
 * Returns the shape of a search for a budget of N answers.
 *
 * @throws ConfigError unless N is a multiple of the width.
 */
export function searchShape(strategy: StrategyConfig, answers: number): SearchShape {
  if (!('width' in strategy)) return { trees: 1, width: answers, kept: answers, depth: 1 };
  const { type, width, depth } = strategy;
  const kept = answers / width;
  if (!Number.isInteger(kept))
    throw new ConfigError(
      `${strategyName(strategy)}: expected budgets that are multiples of its width ${width}, got ${answers}`,
    );
  return type === 'beam' ? { trees: 1, width: answers, kept, depth } : { trees: kept, width, kept: 1, depth };
}
