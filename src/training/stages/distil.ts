import { buildDistillationBatch, distillationLoss } from '../../algorithms/distillation.ts';
import { learningRateAt } from '../../algorithms/optimizer.ts';
import { RunError } from '../../core/errors.ts';
import type { Problem } from '../../core/problem.ts';
import { hashKey } from '../../core/rng.ts';
import { finishReasonOf, type RolloutGroup, writtenTokens } from '../../core/rollout.ts';
import { afterStep } from '../../curriculum/curriculum.ts';
import type { DistilConfig } from '../../curriculum/distil.ts';
import type { LocalEngine, ModelWeights } from '../../engines/engine.ts';
import { samplingIn } from '../../recipe/resolve-stage.ts';
import { rollAll } from '../../rollout/roll-groups.ts';
import { mean, sum } from '../../statistics/summary.ts';
import { type BatchPlan, planBatches } from '../../supervised/supervised.ts';
import { flagsOf } from '../../verifiers/suspicions.ts';
import { selectExamples } from '../stage-entry/enter-stage.ts';
import type { ControllerState, DistilState } from '../state.ts';
import { countStuck, skippedNote, unjudgedNote } from '../step/policy-health.ts';
import { engineMetrics, type Metrics } from '../step/step-metrics.ts';
import type { TrainingContext } from '../training-context.ts';
import type { StageRun, StepOutcome } from './stage-run.ts';

/** Selects the stage's problems and records the selection. */
export async function beginDistil(
  context: TrainingContext,
  stage: DistilConfig,
  state: ControllerState,
): Promise<ControllerState> {
  const { run, report } = context;
  const { name } = stage;
  const index = state.curriculum.stage;
  const teacher = teacherOf(context);
  const { pool, candidates, summary, remeasured } = await selectExamples(
    context,
    index,
    stage,
    state.remeasured,
  );
  const selected = new Set(pool.map(({ id }) => id));
  const message = `stage "${name}" begins with ${summary}; teacher ${teacher.sampler.info.model}`;
  await run.recordEvent(
    { step: run.step, stage: name, type: 'stage-start', message, data: { problems: pool.length } },
    candidates.map((problem) => ({ ...problem, isSelected: selected.has(problem.id) })),
  );
  report({ type: 'stage-start', stage: name, message });
  const { modelHash } = teacher.sampler.info;
  return { ...state, remeasured, stage: { problems: [...selected], teacher: modelHash } };
}

/**
 * Opens a stage that has begun.
 *
 * @throws RunError if the teacher's weights differ from those at the beginning of the stage.
 */
export function openDistil(
  context: TrainingContext,
  stage: DistilConfig,
  index: number,
  saved: DistilState,
): StageRun {
  const teacher = teacherOf(context);
  const { modelHash, model } = teacher.sampler.info;
  if (modelHash !== saved.teacher) {
    throw new RunError(
      `${model}: expected the teacher that stage "${stage.name}" began with (${saved.teacher.slice(0, 12)}), got other weights (${modelHash.slice(0, 12)}); restore the folder to resume`,
      { code: 'RUN_DATA_CHANGED', tryNext: `gradus runs show ${context.run.directory}` },
    );
  }
  const { recipe, problems } = context;
  const ids = new Set(saved.problems);
  const { batch } = planBatches(
    problems.filter(({ id }) => ids.has(id)),
    {
      batchSize: stage.problemsPerStep ?? recipe.batch.problems,
      epochs: Infinity,
      maxSteps: stage.maxSteps,
      seed: hashKey(recipe.seed, 'distil', index),
    },
  );
  const live = { stage, batch, teacher: teacher.weights };
  return {
    name: stage.name,
    step: (state) => runStep(context, live, state),
    save: () => saved,
    started: [],
    [Symbol.asyncDispose]: async () => {},
  };
}

function teacherOf({ teacher }: TrainingContext): Pick<LocalEngine, 'sampler' | 'weights'> {
  if (teacher?.weights !== undefined) return { ...teacher, weights: teacher.weights };
  throw new RangeError('expected an open teacher, got none; checkRecipe requires it');
}

/** A stage in progress. */
interface LiveDistillation {
  readonly stage: DistilConfig;
  readonly batch: BatchPlan<Problem>['batch'];
  readonly teacher: Pick<ModelWeights, 'logprobs'>;
}

/** Runs one step: rolls out, scores with the teacher, learns and records. */
async function runStep(
  context: TrainingContext,
  { stage, batch, teacher }: LiveDistillation,
  state: ControllerState,
): Promise<StepOutcome> {
  const { run, engine, recipe, report, signal } = context;
  const [step, stepInStage] = [run.step + 1, state.curriculum.step + 1];
  const started = performance.now();
  const sampling = samplingIn(recipe, stage);
  // A batch that spans two passes may contain a problem twice: attempt it only once.
  const problems = [...new Set(batch(stepInStage))];
  const request = {
    ...sampling,
    problems,
    rollouts: stage.rollouts,
    seed: hashKey(recipe.seed, 'rollout', step),
  };
  const groups = await rollAll({ ...context, environments: undefined }, request, signal);
  const rolled = performance.now();
  const transcripts = groups.flatMap(({ rollouts }) => rollouts.flatMap((rollout) => rollout.transcripts));
  const { temperature } = sampling;
  const scored = await teacher.logprobs({ sequences: transcripts, temperature }, 'policy');
  const { sequences, kl, tokens } = buildDistillationBatch(transcripts, scored, stage.clip);
  const learned = await update(context, stage, stepInStage, { sequences, temperature });
  const metrics = {
    'distil/kl': kl,
    ...rolloutFigures(groups),
    ...learned.metrics,
    'batch/tokens': tokens,
    'batch/sequences': sequences.length,
  };
  const timings = {
    'time/rollout': (rolled - started) / 1000,
    'time/learn': (performance.now() - rolled) / 1000,
    ...engineMetrics((await engine.figures?.()) ?? {}),
  };
  const outcome = afterStep(recipe.stages, state.curriculum, metrics);
  const { name, maxSteps } = stage;
  await run.recordStep({
    step,
    stage: name,
    metrics,
    timings,
    decision: outcome.decision.reason,
    groups: groups.map((group) => ({ group, flags: flagsOf(group) })),
  });
  for (const [type, message] of [
    ['unjudged', unjudgedNote(groups)],
    ['skipped-update', skippedNote(learned)],
  ] as const) {
    if (message === null) continue;
    await run.recordEvent({ step, stage: name, type, message });
    report({ type: 'warning', message: `step ${step}: ${message}` });
  }
  report({ type: 'step', step, stage: name, stepInStage, maxSteps, metrics, timings, verdicts: [] });
  return { ...outcome, stuckSteps: countStuck(state.stuckSteps, step, learned) };
}

/** Makes one optimizer update; skips and counts it if the gradient is not finite. */
async function update(
  { engine, recipe }: TrainingContext,
  stage: DistilConfig,
  stepInStage: number,
  {
    sequences,
    temperature,
  }: Pick<ReturnType<typeof buildDistillationBatch>, 'sequences'> & { temperature: number },
) {
  const optimizer = stage.optimizer ?? recipe.optimizer;
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = optimizer;
  const learningRate = learningRateAt(optimizer, stepInStage, stage.maxSteps);
  const { loss, entropy } = await engine.learner.forwardBackward(
    { sequences },
    distillationLoss(temperature),
  );
  const clip = maxGradNorm === null ? {} : { maxGradNorm };
  const adam = { learningRate, beta1, beta2, epsilon, weightDecay, ...clip };
  const { gradNorm, applied } = await engine.learner.optimStep(adam);
  const metrics: Metrics = {
    'optim/learningRate': learningRate,
    ...(applied && { 'optim/loss': loss }),
    ...(applied && gradNorm !== undefined && { 'optim/gradNorm': gradNorm }),
    ...(applied && entropy !== undefined && { 'policy/entropy': entropy }),
  };
  return { made: Number(applied), skipped: Number(!applied), metrics };
}

function rolloutFigures(groups: readonly RolloutGroup[]): Metrics {
  const rollouts = groups.flatMap((group) => group.rollouts);
  const lengths = rollouts.map(writtenTokens);
  const share = (test: (rollout: (typeof rollouts)[number]) => boolean): number =>
    mean(rollouts.map((rollout) => Number(test(rollout))));
  return {
    'rollout/count': rollouts.length,
    'rollout/tokens': sum(lengths),
    'rollout/length/mean': mean(lengths),
    'rollout/truncated': share((rollout) => finishReasonOf(rollout) === 'length'),
    'verdict/correct': share(({ verdict }) => verdict.outcome === 'correct'),
  };
}
