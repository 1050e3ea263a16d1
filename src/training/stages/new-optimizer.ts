import type { TrainingContext } from '../training-context.ts';

/**
 * Gives a stage a new optimizer on the current weights, because moments from a different loss would scale its
 * first updates. A `stage()` after a `stage()` keeps the optimizer. Loads the last checkpoint of the previous
 * stage.
 *
 * @param index index of the stage that begins.
 */
export async function renewOptimizer({ recipe, run, engine }: TrainingContext, index: number): Promise<void> {
  const [before, stage] = [recipe.stages[index - 1], recipe.stages[index]!];
  if (before === undefined || (before.type === 'stage' && stage.type === 'stage')) return;
  const checkpoint = await run.latestCheckpoint();
  if (checkpoint?.step !== run.step)
    throw new RangeError(
      `expected a checkpoint of step ${run.step}, the end of stage "${before.name}", found none`,
    );
  await engine.learner.loadState(checkpoint.engineState, { optimizer: 'new' });
}
