import { rm } from 'node:fs/promises';
import { RunError } from '../../core/errors.ts';
import type { StageConfig } from '../../curriculum/stage.ts';
import type { LocalEngine } from '../../engines/engine.ts';
import { runLayout } from '../../runs/files/layout.ts';
import { exists, writeFolderAtomic } from '../../storage/atomic.ts';
import type { TrainingContext } from '../training-context.ts';

/*
 * A stage with reference: 'stage' measures KL against the weights that it began with. The run keeps the engine's state
 * of that moment, and a second engine scores tokens with it. This works with any engine, but needs memory for a second
 * copy of the weights.
 */

/** Saves the weights that a stage begins with, if they are its reference. */
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
 * Opens the weights that a stage began with; undefined for a stage whose reference is the run's base model.
 *
 * @throws RunError when the state is missing.
 */
export async function openStageReference(
  { run, openFrozen }: TrainingContext,
  { name, reference }: StageConfig,
): Promise<LocalEngine | undefined> {
  if (reference !== 'stage') return undefined;
  const { referenceState } = runLayout(run.directory);
  if (await exists(referenceState)) return openFrozen!(referenceState);
  throw new RunError(
    `${referenceState}: expected the reference state of stage "${name}", found nothing; restore it from a copy or start a new run`,
    { code: 'RUN_CORRUPT', tryNext: `gradus runs show ${run.directory}` },
  );
}

/** Removes the state, which no later stage needs. */
export async function removeStageReference({ run }: TrainingContext): Promise<void> {
  await rm(runLayout(run.directory).referenceState, { recursive: true, force: true });
}
