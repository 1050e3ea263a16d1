import { requireFinitePolicy } from '../engines/require-finite.ts';
import type { StartedRecord } from '../runs/files/started-batches.ts';
import type { ControllerState } from './state.ts';
import type { StartedBatch } from './step/collect-batch.ts';
import type { TrainingContext } from './training-context.ts';

/** The state of training after a step, without the engine's state. */
export interface Position {
  readonly state: ControllerState;
  /** Batches started for later steps, in order. */
  readonly started: readonly StartedBatch[];
}

/** Saves a checkpoint of everything up to the last step. Waits for rollouts that were started for later steps. */
export async function checkpoint(
  context: TrainingContext,
  { state, started }: Position,
  isStageEnd: boolean,
): Promise<void> {
  const { run, engine, recipe } = context;
  const tryNext = 'the same command with a smaller learning rate';
  await requireFinitePolicy(engine.weights, engine.renderer.render(probe(context)), tryNext);
  const stage = recipe.stages[state.curriculum.stage]?.name ?? '';
  const records = await Promise.all(started.map((batch) => recordOf(batch, stage)));
  await run.saveCheckpoint({
    controllerState: state,
    writeEngineState: (folder) => engine.learner.saveState(folder),
    started: records,
    isStageEnd,
    retention: recipe.checkpoints,
  });
  const kept = await run.latestCheckpoint();
  if (kept !== undefined) engine.learner.restartFrom?.(kept.engineState);
}

/** Returns a prompt to score: that of the first problem, or a fixed question if the recipe has no problems. */
const probe = ({ problems: [first] }: TrainingContext) =>
  first?.prompt ?? [{ role: 'user' as const, content: 'What is asked?' }];

async function recordOf(
  { moment: { step }, offPolicySteps, firstRound }: StartedBatch,
  stage: string,
): Promise<StartedRecord> {
  const groups = (await firstRound).map((group) => ({ group, offPolicySteps }));
  return { step, stage, purpose: 'train', offPolicySteps, groups };
}

/** Returns whether all rollouts of the batches have ended; does not wait for them. */
export async function haveEnded(batches: readonly StartedBatch[]): Promise<boolean> {
  const pending = Symbol('pending');
  const states = batches.map(({ firstRound }) =>
    Promise.race([firstRound, Promise.resolve(pending)]).catch(() => pending),
  );
  return !(await Promise.all(states)).includes(pending);
}
