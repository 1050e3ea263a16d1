import { existsSync } from 'node:fs';
import { ConfigError, DataError } from '../core/errors.ts';
import type { Problem } from '../core/problem.ts';
import type {
  Conditions,
  ObservationFilter,
  PassRateReader,
} from '../difficulty/pass-rates/pass-rate-store.ts';
import { readPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import type { PassRates } from '../difficulty/pass-rates/trials.ts';
import { fromBase, type Recipe } from '../recipe/recipe.ts';
import { editionsOf } from './observation.ts';

type Known = Recipe['knownPassRates'][number];

/**
 * Reads the other models' pass rates that a recipe names.
 *
 * @returns trials, by model label and problem id.
 * @throws {ConfigError} if a store is missing or a model ambiguous; {DataError} if a store has none of the problems.
 */
export function readKnownPassRates(
  recipe: Pick<Recipe, 'knownPassRates' | 'baseDir'>,
  problems: readonly Problem[],
): ReadonlyMap<string, PassRates> {
  return new Map(recipe.knownPassRates.map((known) => [known.label, readKnown(known, recipe, problems)]));
}

function readKnown(known: Known, recipe: Pick<Recipe, 'baseDir'>, problems: readonly Problem[]): PassRates {
  const path = fromBase(recipe, known.store);
  if (!existsSync(path)) {
    throw new ConfigError(
      `pass rates "${known.label}": expected a pass-rate store at ${path}, found no file`,
      { tryNext: 'gradus difficulty estimate --help' },
    );
  }
  using store = readPassRateStore(path);
  const conditions = conditionsOf(known, store);
  const recordedBy = (filter: ObservationFilter) =>
    new Map(conditions.flatMap((one) => [...store.passRates(one, { source: { type: 'base' }, ...filter })]));
  const recorded = recordedBy({ editions: editionsOf(problems) });
  if (recorded.size > 0)
    return new Map(Array.from(recorded, ([id, { successes, trials }]) => [id, { successes, trials }]));
  throw new DataError(
    `pass rates "${known.label}": expected pass rates of the recipe's problems in their current wording, found none; ` +
      `a problem of the recipe is "${problems[0]?.id}", a problem of the store is "${[...recordedBy({}).keys()][0] ?? 'nothing'}"`,
  );
}

/** Returns the conditions under which the named model was measured: with one sampling and any verifiers. */
function conditionsOf({ label, store: file, model }: Known, store: PassRateReader): Conditions[] {
  const all = store.conditions();
  const models = [...new Set(all.map((conditions) => conditions.model))];
  const chosen = model ?? (models.length === 1 ? models[0] : undefined);
  if (chosen === undefined || !models.includes(chosen)) {
    throw new ConfigError(
      `pass rates "${label}" from ${file}: expected ${model === undefined ? 'one model' : `model "${model}"`}, ` +
        `the store has ${models.map((name) => `"${name}"`).join(', ') || 'none'}`,
    );
  }
  const found = all.filter((one) => one.model === chosen);
  const samplings = new Set(found.map(({ verifier: _, ...sampling }) => JSON.stringify(sampling)));
  if (samplings.size === 1) return found;
  throw new ConfigError(
    `pass rates "${label}" from ${file}: expected one sampling, the store has ${samplings.size}; ` +
      'pass rates under different sampling are never mixed: use one store per sampling',
    { tryNext: `gradus difficulty show ${file}` },
  );
}
