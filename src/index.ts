/**
 * Gradus: measure how hard every problem is for a model, select by it, train in stages, show what each choice bought.
 * This is the public API; recipes and programs import it as `gradus`.
 */

// Recipes: what a run is.
export { defineRecipe, type Recipe, type RecipeInput } from './recipe/recipe.ts';
export { loadRecipe } from './recipe/load.ts';
export { jsonl } from './problems/jsonl.ts';
export { generated } from './problems/generated.ts';
export { boxedMath } from './verifiers/boxed-math.ts';
export { javascriptTests } from './verifiers/javascript-tests.ts';
export { outcomeReward, scoreReward } from './algorithms/reward.ts';
export { cispo } from './algorithms/cispo.ts';
export { dapo } from './algorithms/dapo.ts';
export { drGrpo } from './algorithms/dr-grpo.ts';
export { grpo } from './algorithms/grpo.ts';
export { gspo } from './algorithms/gspo.ts';
export { reinforce } from './algorithms/reinforce.ts';
export { rloo } from './algorithms/rloo.ts';
export { adamw } from './algorithms/optimizer.ts';
export { passRate } from './difficulty/pass-rate.ts';
export { level } from './difficulty/levels.ts';
export { allOf, anyOf, band, inDomain, inLevel, not, thin } from './difficulty/level-rules.ts';
export { paperLevels, simpleLevels } from './difficulty/level-presets.ts';
export { stage } from './curriculum/stage.ts';
export { maxSteps, plateau, targetRate, whenAll, whenAny } from './curriculum/advance-rules.ts';
export { e2h } from './curriculum/samplers/e2h.ts';
export { levelWeighted } from './curriculum/samplers/level-weighted.ts';
export { prioritised } from './curriculum/samplers/prioritised.ts';
export { targetDifficulty } from './curriculum/samplers/target-difficulty.ts';
export { ucb } from './curriculum/samplers/ucb.ts';
export { uniform } from './curriculum/samplers/uniform.ts';
export { truncation } from './curriculum/gates/truncation.ts';
export { zeroAdvantage } from './curriculum/gates/zero-advantage.ts';
export { suite } from './evaluation/suite.ts';
export { checkpoints } from './runs/checkpoint.ts';
export { embedded } from './engines/embedded/engine.ts';
