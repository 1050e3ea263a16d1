import { parseConfig } from './parse-config.ts';
import { type Recipe, recipeConfig, type RecipeInput } from './recipe.ts';
import { checkRecipe } from './resolve-stage.ts';

/**
 * Validates a recipe. Called once, at the boundary; all other code trusts the result.
 *
 * @throws ConfigError that lists every error with its path and, for an unknown key, the nearest known key.
 * @example
 * export default defineRecipe({
 *   name: 'staged-math',
 *   policy: { model: 'models/gradus-tiny' },
 *   problems: [generated({ domain: 'math', split: 'train', perCell: 100 })],
 *   verifiers: { math: mathAnswer({ extraction: 'boxed' }) },
 *   difficulty: passRate({ rollouts: 8, maxTokens: 32 }),
 *   levels: simpleLevels(),
 *   algorithm: grpo(),
 *   optimizer: adamw({ learningRate: 1e-4 }),
 *   sampling: { maxTokens: 32 },
 *   stages: [stage('medium', { select: 'medium', maxSteps: 100 }), stage('hard', { select: 'hard', maxSteps: 100 })],
 * });
 */
export function defineRecipe(input: RecipeInput): Recipe {
  const recipe = parseConfig(recipeConfig, input, titleOf(input));
  checkRecipe(recipe);
  return recipe;
}

/** Names a recipe in an error, even if it has no name or is not an object. */
function titleOf(input: unknown): string {
  const { name } = Object(input) as { readonly name?: unknown };
  return typeof name === 'string' ? `recipe "${name}"` : 'the recipe';
}
