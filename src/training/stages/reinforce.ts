import type { ScoredGroup } from '../../algorithms/scored-group.ts';
import { afterStep } from '../../curriculum/curriculum.ts';
import type { StageConfig } from '../../curriculum/stage.ts';
import { reinforceStages } from '../../curriculum/stages.ts';
import type { StepRecord } from '../../runs/files/records.ts';
import type { StoredBatch } from '../../runs/files/started-batches.ts';
import { flagsOf } from '../../verifiers/suspicions.ts';
import { type ShownVerdict, shownVerdicts } from '../events.ts';
import { isFromPrompt } from '../../core/rollout.ts';
import { observeGroups } from './observe-groups.ts';
import { openStage, selectStage, withOrigin } from '../stage-entry/enter-stage.ts';
import type { ControllerState, PoolState } from '../state.ts';
import { type BatchSource, openBatchSource } from '../step/batch-source.ts';
import { type LiveStage, type RolledBatch, restoreBatch } from '../step/collect-batch.ts';
import { countingRolls } from '../step/count-rolls.ts';
import { type Learned, learnFrom } from '../step/learn.ts';
import { collapsedNote, countStuck, skippedNote, unjudgedNote } from '../step/policy-health.ts';
import { startMetrics } from '../step/start-metrics.ts';
import {
  ageMetrics,
  batchMetrics,
  engineMetrics,
  levelMetrics,
  type Metrics,
  metricWord,
  rolloutMetrics,
} from '../step/step-metrics.ts';
import { WorthMonitor, type WorthRecord } from '../step/worth-monitor.ts';
import type { TrainingContext } from '../training-context.ts';
import { keepStageReference, openStageReference } from './stage-reference.ts';
import type { StageRun, StepOutcome } from './stage-run.ts';

/** Selects the stage's problems and records the selection. */
export async function beginReinforce(
  context: TrainingContext,
  stage: StageConfig,
  state: ControllerState,
): Promise<ControllerState> {
  const { run, report } = context;
  const { name } = stage;
  const index = state.curriculum.stage;
  const { pool, candidates, summary, remeasured } = await selectStage(
    context,
    index,
    stage,
    state.remeasured,
  );
  await keepStageReference(context, stage);
  const selected = new Set(pool.map(({ id }) => id));
  const message = `stage "${name}" begins with ${summary}`;
  await run.recordEvent(
    { step: run.step, stage: name, type: 'stage-start', message, data: { problems: pool.length } },
    candidates.map((problem) => ({ ...problem, isSelected: selected.has(problem.id) })),
  );
  report({ type: 'stage-start', stage: name, message });
  return { ...state, remeasured, stage: { pool, sampler: null } };
}

/**
 * Opens a stage that has begun, with its pool, sampler, gates and batches.
 *
 * @param restored batches from the checkpoint, in order.
 */
export async function openReinforce(
  context: TrainingContext,
  config: StageConfig,
  { stage: index, step: stepInStage }: ControllerState['curriculum'],
  saved: PoolState,
  restored: readonly StoredBatch[],
): Promise<StageRun> {
  const { run } = context;
  const opened = openStage(context, index, config, saved);
  const worth = await WorthMonitor.open(
    run.directory,
    { settings: opened.settings, pool: withOrigin(saved.pool, opened.problems) },
    { step: run.step, stepInStage },
  );
  const reference = await openStageReference(context, config);
  const source = openBatchSource({
    engine: context.engine,
    stage: opened,
    partsFor: countingRolls(context, opened),
    started: restored.map((batch, i) =>
      restoreBatch(
        opened,
        { step: batch.step, stepInStage: stepInStage + i, seed: context.recipe.seed },
        batch,
      ),
    ),
  });
  const stage = { ...opened, source, worth, ...(reference && { reference: reference.weights }) };
  return {
    name: config.name,
    step: (state) => runStep(context, stage, state),
    save: () => ({
      pool: saved.pool,
      sampler: stage.sampler.save(),
      ...(stage.starts !== undefined && { starts: stage.starts.save() }),
    }),
    get started() {
      return source.started;
    },
    [Symbol.asyncDispose]: async () => {
      try {
        await source[Symbol.asyncDispose]();
      } finally {
        await reference?.[Symbol.asyncDispose]();
      }
    },
  };
}

/** Minimum number of steps between two events that report collapsed answers. */
const collapseEvery = 10;

/** A stage, the source of its batches, and the monitor of the worth of its selection. */
type MonitoredStage = LiveStage & { readonly source: BatchSource; readonly worth: WorthMonitor };

/** Runs one step: chooses, rolls out, judges, admits, learns, records and observes. */
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
  const isAhead = stage.settings.batchSource.type === 'ahead';
  const batch = await stage.source.take(moment, context.signal);
  const rolled = performance.now();
  const rateStep = step - state.imitated;
  const learned = await learnFrom(engine, stage, batch.admitted, {
    step,
    rateStep,
    lastStep: lastStepOf(context),
  });
  const monitored = stage.worth.take(moment, batch, learned?.metrics ?? {}, stage.sampler.metrics());
  const metrics = {
    ...rolloutMetrics(batch.groups),
    ...levelMetrics(batch.groups.filter(isFromPrompt), stage.levels),
    ...startMetrics(batch.groups, stage.starts),
    ...batchMetrics(batch),
    ...(isAhead && ageMetrics(batch)),
    ...learned?.metrics,
    ...samplerMetrics(stage),
    ...monitored.metrics,
  };
  const sampled = isAhead ? performance.now() : rolled;
  const timings = {
    'time/rollout': (rolled - started) / 1000,
    'time/learn': (performance.now() - rolled) / 1000,
    'throughput/sampledTokensPerSecond': (1000 * metrics['rollout/tokens']!) / (sampled - started),
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
  observeGroups(context, stage, batch.groups, step);
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
    offPolicySteps: group.offPolicySteps,
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

function shownVerdict({ problem, rollouts }: ScoredGroup): ShownVerdict {
  const { outcome, reason } = rollouts[0]!.verdict;
  return { problemId: problem.id, outcome, reason };
}

const lastStepOf = ({ recipe }: TrainingContext): number =>
  reinforceStages(recipe.stages).reduce((sum, { maxSteps }) => sum + maxSteps, 0);

const samplerMetrics = ({ sampler }: LiveStage): Metrics =>
  Object.fromEntries(
    Object.entries(sampler.metrics()).map(([name, value]) => [`sampler/${metricWord(name)}`, value]),
  );

function levelOf({ problem }: ScoredGroup, levels: LiveStage['levels']): { level?: string } {
  const level = levels.get(problem.id);
  return level === undefined ? {} : { level };
}
