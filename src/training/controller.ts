import { afterStep, type CurriculumDecision } from '../curriculum/curriculum.ts';
import type { ScoredGroup } from '../algorithms/scored-group.ts';
import type { StepRecord } from '../runs/files/records.ts';
import { openStage, selectStage, withOrigin } from './stage-entry/enter-stage.ts';
import { evaluateSuites } from './evaluate-suites.ts';
import { requireFinitePolicy } from '../engines/require-finite.ts';
import { type Learned, learnFrom } from './step/learn.ts';
import {
  engineMetrics,
  levelMetrics,
  type Metrics,
  metricWord,
  rolloutMetrics,
} from './step/step-metrics.ts';
import { WorthMonitor, type WorthRecord } from './step/worth-monitor.ts';
import { observePassRates } from './observe-pass-rates.ts';
import type { RolloutParts } from '../rollout/roll-groups.ts';
import { type ShownVerdict, shownVerdicts } from './events.ts';
import type { TrainingContext } from './training-context.ts';
import { problemOutcome } from './step/problem-outcome.ts';
import { type LiveStage, rollBatch, type RolledBatch } from './step/collect-batch.ts';
import { collapsedNote, countStuck, skippedNote, unjudgedNote } from './step/policy-health.ts';
import type { ControllerState } from './state.ts';
import { flagsOf } from '../verifiers/suspicions.ts';

/*
 *   evaluate                        held-out suites, before anything is learned
 *   for each stage
 *   │  measure, select              pass rates of the current policy → the stage's pool
 *   │  until its exit rule fires
 *   │  │  choose, roll, judge, admit   sampler → engine → verifiers → gates
 *   │  │  learn                        rewards → advantages → weights and a loss as data → one update or several
 *   │  │  record                       metrics and rollouts, in one transaction
 *   │  │  observe                      the sampler, the pass-rate store and the exit rule see what happened
 *   │  │  evaluate                     when a suite is due
 *   │  └  checkpoint                   when one is due; always at the stage's end
 *   evaluate, export, finish
 *
 * `state` and the engine's checkpoint are the complete state: a resume drops all records after the last checkpoint
 * and computes them again, bit for bit.
 */

/** Trains from `state` to the end of the last stage and returns the final state. */
export async function train(context: TrainingContext, start: ControllerState): Promise<ControllerState> {
  const { recipe, run } = context;
  let state = start;
  if (run.step === 0) await evaluateSuites(context, 0, () => true);
  while (state.curriculum.stage < recipe.stages.length) {
    context.signal?.throwIfAborted();
    state = await beginStage(context, state);
    state = await runStage(context, state);
  }
  await evaluateSuites(context, run.step, ({ every }) => every === null || run.step % every !== 0);
  await run.exportModel((folder) => context.engine.weights.exportModel(folder));
  const { length } = recipe.stages;
  await run.finish('finished', length === 1 ? 'its stage is done' : `all ${length} stages done`);
  return state;
}

/** Selects the stage's problems, unless the state is from the middle of the stage. */
async function beginStage(context: TrainingContext, state: ControllerState): Promise<ControllerState> {
  if (state.stage !== null) return state;
  const { run, recipe, report } = context;
  const index = state.curriculum.stage;
  const { name } = recipe.stages[index]!;
  const { pool, candidates, summary, remeasured } = await selectStage(context, index, state.remeasured);
  const selected = new Set(pool.map(({ id }) => id));
  const message = `stage "${name}" begins with ${summary}`;
  await run.recordEvent(
    { step: run.step, stage: name, type: 'stage-start', message, data: { problems: pool.length } },
    candidates.map((problem) => ({ ...problem, isSelected: selected.has(problem.id) })),
  );
  report({ type: 'stage-start', stage: name, message });
  return { ...state, remeasured, stage: { pool, sampler: null } };
}

/** Steps until the stage's exit rule fires. */
async function runStage(context: TrainingContext, begun: ControllerState): Promise<ControllerState> {
  const { recipe, run, report } = context;
  const index = begun.curriculum.stage;
  const { step: stepInStage } = begun.curriculum;
  const opened = openStage(context, index, begun.stage!);
  const pool = withOrigin(begun.stage!.pool, opened.problems);
  const worth = await WorthMonitor.open(
    run.directory,
    { settings: opened.settings, pool },
    { step: run.step, stepInStage },
  );
  const stage = { ...opened, worth };
  const { name } = stage.settings.config;
  let state = begun;
  for (;;) {
    const { state: curriculum, decision, stuckSteps } = await runStepOrSave(context, stage, state);
    const hasEnded = decision.type !== 'continue';
    state = {
      ...state,
      curriculum,
      stuckSteps,
      stage: hasEnded ? null : { ...state.stage!, sampler: stage.sampler.save() },
    };
    await evaluateSuites(context, run.step, ({ every }) => every !== null && run.step % every === 0);
    if (hasEnded) await endStage(context, name, decision);
    if (hasEnded || run.step % recipe.checkpoints.everySteps === 0)
      await checkpoint(context, state, hasEnded);
    if (hasEnded) {
      report({ type: 'stage-end', stage: name, message: decision.reason });
      return state;
    }
  }
}

/** Runs one step; when stopped in the middle, saves the previous step first. */
async function runStepOrSave(
  context: TrainingContext,
  stage: MonitoredStage,
  state: ControllerState,
): Promise<StepOutcome> {
  const { run, engine, signal } = context;
  const [done, { policyVersion }] = [run.step, engine.weights];
  try {
    signal?.throwIfAborted();
    return await runStep(context, stage, state);
  } catch (error) {
    // A policy changed by a partial step is not the previous step's.
    const isWhole = run.step === done && engine.weights.policyVersion === policyVersion;
    if (signal?.aborted === true && isWhole && done > 0) await checkpoint(context, state, false);
    throw error;
  }
}

/** Steps between two events about the same collapse. */
const collapseEvery = 10;

/** A stage with the monitor of its signal. */
type MonitoredStage = LiveStage & { readonly worth: WorthMonitor };

/** Position of the training after a step. */
type StepOutcome = ReturnType<typeof afterStep> & Pick<ControllerState, 'stuckSteps'>;

/** Choose, roll, judge, admit, learn, record, observe. */
async function runStep(
  context: TrainingContext,
  stage: MonitoredStage,
  state: ControllerState,
): Promise<StepOutcome> {
  const { recipe, run, engine } = context;
  const step = run.step + 1;
  const stepInStage = state.curriculum.step;
  const started = performance.now();
  const moment = { step, stepInStage, seed: recipe.seed };
  const batch = await rollBatch(countingRolls(context, stage, step), stage, moment, context.signal);
  const rolled = performance.now();
  const learned = await learnFrom(engine, stage, batch.admitted, { step, lastStep: lastStepOf(context) });
  const monitored = stage.worth.take(moment, batch, learned?.metrics ?? {}, stage.sampler.metrics());
  const metrics = {
    ...rolloutMetrics(batch.groups),
    ...levelMetrics(batch.groups, stage.levels),
    ...batchMetrics(batch),
    ...learned?.metrics,
    ...samplerMetrics(stage),
    ...monitored.metrics,
  };
  const timings = {
    'time/rollout': (rolled - started) / 1000,
    'time/learn': (performance.now() - rolled) / 1000,
    'throughput/sampledTokensPerSecond': (1000 * metrics['rollout/tokens']!) / (rolled - started),
    ...engineMetrics((await engine.figures?.()) ?? {}),
  };
  const outcome = afterStep(recipe.stages, state.curriculum, metrics);
  await recordStep(context, stage, {
    step,
    metrics,
    timings,
    batch,
    learned,
    decision: outcome.decision.reason,
  });
  await recordWorth(context, monitored);
  stage.sampler.observe(batch.groups.map(problemOutcome));
  observePassRates(context, stage, batch.groups, step);
  const { name, maxSteps } = stage.settings.config;
  context.report({
    type: 'step',
    step,
    stage: name,
    stepInStage: stepInStage + 1,
    maxSteps,
    metrics,
    timings,
    verdicts: batch.groups.slice(-shownVerdicts).map(shownVerdict),
  });
  return { ...outcome, stuckSteps: countStuck(state.stuckSteps, step, learned) };
}

/** The context, with an event for each judged rollout. */
function countingRolls(
  context: TrainingContext,
  { settings }: LiveStage,
  step: number,
): TrainingContext & RolloutParts {
  let done = 0;
  const asked = settings.problemsPerStep * settings.groupSize;
  const onRollout = (): void => {
    done++;
    context.report({ type: 'roll', step, done, total: Math.max(asked, done) });
  };
  return { ...context, onRollout };
}

async function recordStep(
  { run, report }: TrainingContext,
  { settings, levels }: LiveStage,
  {
    batch,
    learned,
    ...record
  }: Omit<StepRecord, 'stage' | 'groups'> & { batch: RolledBatch; learned: Learned | null },
): Promise<void> {
  const stage = settings.config.name;
  const groups = batch.groups.map((group) => ({
    group,
    rewards: group.scored.map(({ reward }) => reward),
    advantages: group.scored.map(({ advantage }) => advantage),
    flags: flagsOf(group),
    ...levelOf(group, levels),
  }));
  await run.recordStep({ ...record, stage, groups });
  const { step } = record;
  for (const [type, message] of [
    ['short-batch', batch.note],
    ['unjudged', unjudgedNote(batch.groups)],
    ['answers-collapsed', step % collapseEvery === 0 ? collapsedNote(batch.groups) : null],
    ['skipped-update', skippedNote(learned)],
  ] as const) {
    if (message === null) continue;
    await run.recordEvent({ step, stage, type, message });
    report({ type: 'warning', message: `step ${step}: ${message}` });
  }
}

async function recordWorth({ run, report }: TrainingContext, { event }: WorthRecord): Promise<void> {
  if (event === null) return;
  await run.recordEvent(event);
  report({ type: 'staging-worth', stage: event.stage!, message: event.message });
}

async function endStage(
  { run }: TrainingContext,
  name: string,
  { reason }: CurriculumDecision,
): Promise<void> {
  await run.recordEvent({ step: run.step, stage: name, type: 'stage-end', message: reason });
}

async function checkpoint(
  context: TrainingContext,
  state: ControllerState,
  isStageEnd: boolean,
): Promise<void> {
  const { run, engine, recipe, problems } = context;
  const tryNext = 'gradus train <recipe> --set optimizer.learningRate=…';
  await requireFinitePolicy(engine.weights, engine.renderer.render(problems[0]!.prompt), tryNext);
  await run.saveCheckpoint({
    controllerState: state,
    writeEngineState: (folder) => engine.learner.saveState(folder),
    isStageEnd,
    retention: recipe.checkpoints,
  });
  const kept = await run.latestCheckpoint();
  if (kept !== undefined) engine.learner.restartFrom?.(kept.engineState);
}

function shownVerdict({ problem, rollouts }: ScoredGroup): ShownVerdict {
  const { outcome, reason } = rollouts[0]!.verdict;
  return { problemId: problem.id, outcome, reason };
}

const lastStepOf = ({ recipe }: TrainingContext): number =>
  recipe.stages.reduce((sum, { maxSteps }) => sum + maxSteps, 0);

const batchMetrics = ({ groups, admitted, refills }: RolledBatch): Metrics => ({
  'batch/problems': admitted.length,
  'batch/triedProblems': groups.length,
  'batch/refills': refills,
});

const samplerMetrics = ({ sampler }: LiveStage): Metrics =>
  Object.fromEntries(
    Object.entries(sampler.metrics()).map(([name, value]) => [`sampler/${metricWord(name)}`, value]),
  );

function levelOf({ problem }: ScoredGroup, levels: LiveStage['levels']): { level?: string } {
  const level = levels.get(problem.id);
  return level === undefined ? {} : { level };
}
