import { isServed } from '../../engines/config.ts';
import { locateModel, type ModelSource } from '../../models/open-model.ts';
import { loadRecipe } from '../../recipe/load.ts';
import { fromBase, type Recipe } from '../../recipe/recipe.ts';

/** Flags of commands that measure a model on a recipe's problems. */
export interface MeasuredFlags {
  readonly model?: string;
  readonly store?: string;
  readonly limit?: number;
  readonly set: readonly string[];
}

/** Loads the recipe, and locates the model and the store given by the flags or the recipe. */
export async function locateMeasured(
  file: string,
  { model, store, set }: MeasuredFlags,
): Promise<{ recipe: Recipe; source: ModelSource; store: string }> {
  const recipe = await loadRecipe(file, set);
  const own = recipe.difficulty?.store;
  const { engine, model: policy } = recipe.policy;
  const source = isServed(engine)
    ? { folder: model ?? policy }
    : await locateModel(model ?? fromBase(recipe, policy));
  return {
    recipe,
    source,
    store: store ?? (own === undefined ? 'difficulty.sqlite' : fromBase(recipe, own)),
  };
}
