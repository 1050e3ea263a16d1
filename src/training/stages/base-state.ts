import { rm } from 'node:fs/promises';
import { RunError } from '../../core/errors.ts';
import { exists, writeFolderAtomic } from '../../storage/atomic.ts';
import { runLayout } from '../../runs/files/layout.ts';
import type { TrainingContext } from '../training-context.ts';

/*
 * Stages with `start: 'base'` need the run's initial weights after the policy has changed. For these stages,
 * the run keeps the engine's first state until no later stage needs it.
 */

/** Saves the engine's state before the first step, if a stage starts from the base. */
export async function keepBaseState({ recipe, run, engine }: TrainingContext): Promise<void> {
  const isNeeded = recipe.stages.some((stage) => stage.type === 'imitate' && stage.start === 'base');
  const { baseState } = runLayout(run.directory);
  if (!isNeeded || run.step > 0 || (await exists(baseState))) return;
  await writeFolderAtomic(baseState, (draft) => engine.learner.saveState(draft));
}

/** Restores the initial weights of the run, with a new optimizer. */
export async function restoreBaseState({ run, engine }: TrainingContext): Promise<void> {
  const { baseState } = runLayout(run.directory);
  if (!(await exists(baseState))) {
    throw new RunError(
      `${baseState}: the state that the run began with is missing, but a stage with start: 'base' needs it; restore it from a copy or start a new run`,
      { code: 'RUN_CORRUPT', tryNext: `gradus runs show ${run.directory}` },
    );
  }
  await engine.learner.loadState(baseState);
}

/** Removes the saved state. Call it when no later stage needs the state. */
export async function removeBaseState({ run }: TrainingContext): Promise<void> {
  await rm(runLayout(run.directory).baseState, { recursive: true, force: true });
}
