import type { CurriculumDecision } from '../curriculum/curriculum.ts';
import type { StoredBatch } from '../runs/files/started-batches.ts';
import { checkpoint, haveEnded, type Position } from './checkpoint.ts';
import { evaluateSuites } from './evaluate-suites.ts';
import { keepBaseState, removeBaseState } from './stages/base-state.ts';
import { removeStageReference } from './stages/stage-reference.ts';
import { beginDistil, openDistil } from './stages/distil.ts';
import { beginImitate, openImitate } from './stages/imitate.ts';
import { renewOptimizer } from './stages/new-optimizer.ts';
import { beginReinforce, openReinforce } from './stages/reinforce.ts';
import type { StageRun, StepOutcome } from './stages/stage-run.ts';
import { type ControllerState, isDistilState, isExampleState, isPoolState } from './state.ts';
import type { TrainingContext } from './training-context.ts';

/*
 *   evaluate                        held-out suites, before anything is learned
 *   for each stage
 *   │  begin                        stage(): measure and select problems; imitate(): read or harvest examples
 *   │  until its exit rule fires
 *   │  │  step                      stages/reinforce.ts: choose, roll, judge, admit, learn, record, observe;
 *   │  │                            with `ahead()` it also starts the batches of later steps
 *   │  │                            stages/imitate.ts: take the next examples, learn, record;
 *   │  │                            stages/distil.ts: roll, score with the teacher, learn, record
 *   │  │  evaluate                  when a suite is due
 *   │  └  checkpoint                when one is due; always at the stage's end
 *   evaluate, export, finish
 *
 * `state`, the batches started for later steps and the engine's checkpoint form the complete state. A resumed
 * run drops all records after the last checkpoint and computes them again, bit for bit.
 */

/**
 * Trains from a state to the end of the last stage; returns the final state.
 *
 * @param started batches from the checkpoint, in order.
 */
export async function train(
  context: TrainingContext,
  start: ControllerState,
  started: readonly StoredBatch[] = [],
): Promise<ControllerState> {
  const { recipe, run } = context;
  let [state, restored] = [start, started];
  await keepBaseState(context);
  if (run.step === 0) await evaluateSuites(context, 0, () => true);
  while (state.curriculum.stage < recipe.stages.length) {
    context.signal?.throwIfAborted();
    state = await beginStage(context, state);
    state = await runStage(context, state, restored);
    restored = [];
  }
  await evaluateSuites(context, run.step, ({ every }) => every === null || run.step % every !== 0);
  await run.exportModel((folder) => context.engine.weights.exportModel(folder));
  await removeBaseState(context);
  await removeStageReference(context);
  const { length } = recipe.stages;
  await run.finish('finished', length === 1 ? 'its stage is done' : `all ${length} stages done`);
  return state;
}

/** Begins the next stage, unless the state is from the middle of a stage. */
async function beginStage(context: TrainingContext, state: ControllerState): Promise<ControllerState> {
  if (state.stage !== null) return state;
  const stage = context.recipe.stages[state.curriculum.stage]!;
  await renewOptimizer(context, state.curriculum.stage);
  switch (stage.type) {
    case 'stage':
      return beginReinforce(context, stage, state);
    case 'imitate':
      return beginImitate(context, stage, state);
    case 'distil':
      return beginDistil(context, stage, state);
  }
}

/** Opens a stage that has begun, whether it is new or resumed. */
async function openStageRun(
  context: TrainingContext,
  { curriculum, stage: saved }: ControllerState,
  restored: readonly StoredBatch[],
): Promise<StageRun> {
  const stage = context.recipe.stages[curriculum.stage]!;
  if (stage.type === 'imitate' && saved !== null && isExampleState(saved))
    return openImitate(context, stage, curriculum.stage, saved);
  if (stage.type === 'distil' && saved !== null && isDistilState(saved))
    return openDistil(context, stage, curriculum.stage, saved);
  if (stage.type === 'stage' && saved !== null && isPoolState(saved))
    return openReinforce(context, stage, curriculum, saved, restored);
  throw new RangeError(`expected the state of stage "${stage.name}", got that of a different stage`);
}

/** Runs steps until the stage's exit rule fires. */
async function runStage(
  context: TrainingContext,
  begun: ControllerState,
  restored: readonly StoredBatch[],
): Promise<ControllerState> {
  const { recipe, run, report } = context;
  await using stage = await openStageRun(context, begun, restored);
  const isReinforcing = recipe.stages[begun.curriculum.stage]!.type === 'stage';
  let state = begun;
  for (;;) {
    const { state: curriculum, decision, stuckSteps } = await runStepOrSave(context, stage, state);
    const hasEnded = decision.type !== 'continue';
    state = {
      ...state,
      curriculum,
      stuckSteps,
      imitated: state.imitated + Number(!isReinforcing),
      stage: hasEnded ? null : stage.save(),
    };
    if (hasEnded) await stage[Symbol.asyncDispose]();
    await evaluateSuites(context, run.step, ({ every }) => every !== null && run.step % every === 0);
    if (hasEnded) await endStage(context, stage.name, decision);
    if (hasEnded || run.step % recipe.checkpoints.everySteps === 0)
      await checkpoint(context, { state, started: hasEnded ? [] : stage.started }, hasEnded);
    if (hasEnded) {
      report({ type: 'stage-end', stage: stage.name, message: decision.reason });
      return state;
    }
  }
}

/**
 * Runs one step. If it is stopped before it has changed the policy, saves the state after the previous step. Rethrows
 * the reason.
 */
async function runStepOrSave(
  context: TrainingContext,
  stage: StageRun,
  state: ControllerState,
): Promise<StepOutcome> {
  const { run, engine, signal } = context;
  const [done, { policyVersion }] = [run.step, engine.weights];
  const before: Position = { state, started: stage.started };
  try {
    signal?.throwIfAborted();
    return await stage.step(state);
  } catch (error) {
    // Once a step has updated the policy, the state after the previous step is lost.
    const isWhole = run.step === done && engine.weights.policyVersion === policyVersion;
    if (signal?.aborted === true && isWhole && done > 0 && (await haveEnded(before.started)))
      await checkpoint(context, before, false);
    throw error;
  }
}

async function endStage(
  { run }: TrainingContext,
  name: string,
  { reason }: CurriculumDecision,
): Promise<void> {
  await run.recordEvent({ step: run.step, stage: name, type: 'stage-end', message: reason });
}
