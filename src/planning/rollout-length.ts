import { existsSync } from 'node:fs';
import type { ObservedGroup } from '../difficulty/pass-rates/pass-rate-store.ts';
import { readPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import type { EngineInfo } from '../engines/engine.ts';
import { fromBase, type Recipe } from '../recipe/recipe.ts';
import { sum } from '../statistics/summary.ts';
import type { Range } from './range.ts';

/** Mean number of tokens written per rollout, and the source of this value. */
export interface MeanLength {
  readonly mean: number;
  readonly from: string;
}

/**
 * Returns this model's attempts in the recipe's store that were sampled with the settings of `difficulty`; empty if the
 * recipe has no store.
 */
export function storedAttempts(recipe: Recipe, { modelHash }: EngineInfo): readonly ObservedGroup[] {
  const { difficulty } = recipe;
  if (difficulty?.store === undefined) return [];
  const file = fromBase(recipe, difficulty.store);
  if (!existsSync(file)) return [];
  using store = readPassRateStore(file);
  const { temperature, topP, topK, maxTokens } = difficulty;
  return store
    .conditions()
    .filter((one) => one.model === modelHash && one.temperature === temperature && one.topP === topP)
    .filter((one) => one.topK === topK && one.maxTokens === maxTokens)
    .flatMap((one) => store.groups(one, { source: { type: 'base' } }));
}

/** Returns the mean length of recorded attempts; `undefined` if no attempt has recorded tokens. */
export function measuredLength(attempts: readonly ObservedGroup[], store: string): MeanLength | undefined {
  const counted = sum(attempts.map(({ countedAttempts }) => countedAttempts));
  if (counted === 0) return undefined;
  const mean = sum(attempts.map(({ tokens }) => tokens)) / counted;
  return { mean, from: `${counted.toLocaleString('en')} attempts in ${store}` };
}

/**
 * Change in mean length during training, as a factor of the known mean: answers become shorter when guessing
 * stops, and longer when step-by-step solutions pay off. This is an assumption, not a bound; to check it, compare a
 * plan with its run.
 */
const drift = { low: 0.75, high: 1.4 };

/** Returns the range of the mean length over a run, at most `maxTokens`; from 1 to `maxTokens` if it is unknown. */
export function lengthDuringTraining(known: MeanLength | undefined, maxTokens: number): Range {
  if (known === undefined) return { low: 1, expected: maxTokens, high: maxTokens };
  const { mean } = known;
  const capped = (tokens: number): number => Math.min(maxTokens, tokens);
  return { low: capped(drift.low * mean), expected: capped(mean), high: capped(drift.high * mean) };
}
