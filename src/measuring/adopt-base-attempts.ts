import { existsSync } from 'node:fs';
import {
  type Conditions,
  editionOf,
  type PassRateStore,
  type SamplingConditions,
} from '../difficulty/pass-rates/pass-rate-store.ts';
import { likelihoodVersion } from '../difficulty/probing/likelihood.ts';
import { readPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import { samplingOf } from './measure.ts';
import { templateOf } from './observation.ts';
import type { Problem } from '../core/problem.ts';
import type { Engine } from '../engines/engine.ts';
import { fromBase, type Recipe } from '../recipe/recipe.ts';

/**
 * Copies the base model's likelihoods, and its attempts with the recipe's sampling, from the recipe's own store
 * (`difficulty.store`, written by `gradus difficulty estimate`), so that a run does not measure them again.
 * Idempotent.
 *
 * @returns warnings.
 */
export function adoptKnownBase(
  {
    recipe,
    problems,
    engine,
  }: {
    readonly recipe: Recipe;
    readonly problems: readonly Problem[];
    readonly engine: Engine;
  },
  store: PassRateStore,
): string[] {
  const { difficulty } = recipe;
  if (difficulty?.store === undefined) return [];
  const file = fromBase(recipe, difficulty.store);
  if (!existsSync(file))
    return [`difficulty.store: no file at ${file}; the run measures the base model itself`];
  using known = readPassRateStore(file);
  const wanted = keyOf({ model: engine.sampler.info.modelHash, ...templateOf(engine) }, difficulty);
  const isWanted = (conditions: Conditions): boolean => keyOf(conditions, conditions) === wanted;
  if (!known.conditions().some(isWanted))
    return [
      `difficulty.store: ${file} has no attempts of this model under this sampling; the run measures it again`,
    ];
  const base = problems.flatMap((problem) => {
    const edition = editionOf(problem);
    return known
      .history(problem.id)
      .filter((one) => one.source.type === 'base' && isWanted(one.conditions))
      .filter((one) => one.edition === undefined || one.edition === edition);
  });
  for (const [verifier, observations] of Map.groupBy(base, ({ conditions }) => conditions.verifier))
    store.record({ ...observations[0]!.conditions, verifier }, observations);
  const scoring = { model: engine.sampler.info.modelHash, ...templateOf(engine), version: likelihoodVersion };
  const ids = new Set(problems.map(({ id }) => id));
  store.recordLikelihoods(
    scoring,
    known.likelihoods(scoring).filter(({ problemId }) => ids.has(problemId)),
  );
  return [];
}

const keyOf = (
  { model, template = '' }: Pick<Conditions, 'model' | 'template'>,
  sampling: SamplingConditions,
): string => JSON.stringify([model, template, { ...samplingOf(sampling), stop: sampling.stop.toSorted() }]);
