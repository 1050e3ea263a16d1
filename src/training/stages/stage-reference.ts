import { rm } from 'node:fs/promises';
import { RunError } from '../../core/errors.ts';
import type { StageConfig } from '../../curriculum/stage.ts';
import type { LocalEngine } from '../../engines/engine.ts';
import { runLayout } from '../../runs/files/layout.ts';
import { exists, writeFolderAtomic } from '../../storage/atomic.ts';
import type { TrainingContext } from '../training-context.ts';

/*
 * A stage with `reference: 'stage'` measures the KL divergence from its initial weights. The run keeps the
 * engine's state at the start of the stage, and a second engine scores tokens with it. This works with any
 * engine, but needs memory for a second copy of the weights.
 */

/** Saves the initial weights of a stage, if they are the stage's reference. */
export async function keepStageReference(
  { run, engine }: TrainingContext,
  { reference }: StageConfig,
): Promise<void> {
  if (reference !== 'stage') return;
  await writeFolderAtomic(runLayout(run.directory).referenceState, (draft) =>
    engine.learner.saveState(draft),
  );
}

/**
 * Opens the initial weights of a stage; returns undefined for a stage whose reference is the run's base
 * model.
 *
 * @throws RunError if the state is missing.
 */
export async function openStageReference(
  { run, openFrozen }: TrainingContext,
  { name, reference }: StageConfig,
): Promise<LocalEngine | undefined> {
  if (reference !== 'stage') return undefined;
  const { referenceState } = runLayout(run.directory);
  if (await exists(referenceState)) return openFrozen!(referenceState);
  throw new RunError(
    `${referenceState}: the reference state of stage "${name}" is missing; restore it from a copy or start a new run`,
    { code: 'RUN_CORRUPT', tryNext: `gradus runs show ${run.directory}` },
  );
}

/** Removes the saved state. Call it when no later stage needs the state. */
export async function removeStageReference({ run }: TrainingContext): Promise<void> {
  await rm(runLayout(run.directory).referenceState, { recursive: true, force: true });
}
