import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { learningRateAt } from '../../algorithms/optimizer.ts';
import { countOf } from '../../core/text/count.ts';
import { DataError, RunError } from '../../core/errors.ts';
import { createRng, hashKey } from '../../core/rng.ts';
import { afterStep } from '../../curriculum/curriculum.ts';
import type { ImitateConfig } from '../../curriculum/imitate.ts';
import { examplesFile, runLayout } from '../../runs/files/layout.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import { makeFolder } from '../../storage/make-folder.ts';
import { readExamples } from '../../supervised/examples.ts';
import { fitExamples } from '../../supervised/fit-examples.ts';
import {
  type BatchPlan,
  meanLoss,
  planBatches,
  type SupervisedExample,
  type SupervisedSettings,
  superviseStep,
} from '../../supervised/supervised.ts';
import type { ControllerState, ExampleState } from '../state.ts';
import { engineMetrics, type Metrics } from '../step/step-metrics.ts';
import type { TrainingContext } from '../training-context.ts';
import { restoreBaseState } from './base-state.ts';
import { type GatheredExample, gatherExamples } from './gather-examples.ts';
import type { StageRun, StepOutcome } from './stage-run.ts';

/** Gathers the stage's examples and writes them into the run. Restores the base weights if `start` is `base`. */
export async function beginImitate(
  context: TrainingContext,
  stage: ImitateConfig,
  state: ControllerState,
): Promise<ControllerState> {
  const { run, engine, recipe, report } = context;
  const index = state.curriculum.stage;
  const gathered = await gatherExamples(context, index, stage, state.remeasured);
  const { fitting, warnings } = fitExamples(engine, gathered.examples);
  const { train, heldOut } = split(fitting, stage, hashKey(recipe.seed, 'held-out', index));
  const sha256 = await writeExamples(run.directory, index, train, heldOut);
  if (stage.start === 'base') await restoreBaseState(context);
  const { lastStep: steps } = planBatches(train, settingsOf(context, stage));
  const message =
    `stage "${stage.name}" begins with ${countOf(train.length, 'example')} (${gathered.summary}) for ` +
    `${countOf(steps, 'step')}, from the ${stage.start} weights${await lossBefore(context, heldOut)}`;
  const data = { examples: train.length, heldOut: heldOut.length, steps, sha256 };
  await run.recordEvent({ step: run.step, stage: stage.name, type: 'stage-start', message, data });
  report({ type: 'stage-start', stage: stage.name, message });
  for (const warning of warnings) {
    await run.recordEvent({ step: run.step, stage: stage.name, type: 'warning', message: warning });
    report({ type: 'warning', message: warning });
  }
  return {
    ...state,
    remeasured: gathered.remeasured,
    stage: { examples: train.length, heldOut: heldOut.length, sha256 },
  };
}

/** Opens a stage that has begun; reads its examples from the run. */
export async function openImitate(
  context: TrainingContext,
  stage: ImitateConfig,
  index: number,
  saved: ExampleState,
): Promise<StageRun> {
  const { train, heldOut } = await readBack(context, index, saved);
  const settings = settingsOf(context, stage);
  const plan = planBatches(train, settings);
  return {
    name: stage.name,
    save: () => saved,
    started: [],
    [Symbol.asyncDispose]: () => Promise.resolve(),
    step: (state) => runStep(context, { stage, settings, ...plan, heldOut }, state),
  };
}

/** A stage in progress. */
interface LiveImitation extends BatchPlan<SupervisedExample> {
  readonly stage: ImitateConfig;
  readonly settings: SupervisedSettings;
  readonly heldOut: readonly SupervisedExample[];
}

/** Learns from the next examples, measures the held-out loss if it is due, and records the step. */
async function runStep(
  context: TrainingContext,
  { stage, settings, heldOut, lastStep, batch }: LiveImitation,
  state: ControllerState,
): Promise<StepOutcome> {
  const { run, engine, recipe, report } = context;
  const [step, stepInStage] = [run.step + 1, state.curriculum.step + 1];
  const started = performance.now();
  const rate = learningRateAt(settings.optimizer, stepInStage, lastStep);
  const learned = await superviseStep(engine, batch(stepInStage), rate, settings.optimizer);
  const isDue = heldOut.length > 0 && (stepInStage % stage.heldOutEvery === 0 || stepInStage === lastStep);
  const metrics: Metrics = {
    'sft/loss': learned.loss,
    ...(isDue && { 'sft/heldOutLoss': await meanLoss(engine, heldOut) }),
    ...(learned.gradNorm !== undefined && { 'optim/gradNorm': learned.gradNorm }),
    'optim/learningRate': rate,
    'batch/tokens': learned.tokens,
    'batch/sequences': learned.sequences,
  };
  const timings = {
    'time/learn': (performance.now() - started) / 1000,
    ...engineMetrics((await engine.figures?.()) ?? {}),
  };
  const outcome = afterStep(recipe.stages, state.curriculum, metrics, lastStep);
  const { name } = stage;
  await run.recordStep({ step, stage: name, metrics, timings, decision: outcome.decision.reason });
  report({
    type: 'step',
    step,
    stage: name,
    stepInStage,
    maxSteps: lastStep,
    metrics,
    timings,
    verdicts: [],
  });
  return { ...outcome, stuckSteps: state.stuckSteps };
}

const settingsOf = ({ recipe }: TrainingContext, stage: ImitateConfig): SupervisedSettings => ({
  batchSize: stage.batchSize,
  epochs: stage.epochs,
  maxSteps: stage.maxSteps,
  optimizer: stage.optimizer ?? recipe.optimizer,
  seed: recipe.seed,
});

async function lossBefore(
  { engine }: TrainingContext,
  heldOut: readonly SupervisedExample[],
): Promise<string> {
  if (heldOut.length === 0) return '';
  const loss = await meanLoss(engine, heldOut);
  return `; held-out loss ${loss.toFixed(4)} on ${countOf(heldOut.length, 'example')}`;
}

/**
 * Splits examples by problem, or by prompt if the problem is unknown: all examples of a problem, whatever their
 * prompts, are on the same side. Keeps at least one prompt for training.
 */
function split<Example extends GatheredExample>(
  examples: readonly Example[],
  { name, heldOut: share }: ImitateConfig,
  seed: number,
): { readonly train: readonly Example[]; readonly heldOut: readonly Example[] } {
  if (share === 0) return { train: examples, heldOut: [] };
  const firstPrompts = new Map<string, string>();
  const promptOf = ({ prompt, problem }: Example): string => {
    const own = JSON.stringify(prompt);
    if (problem === undefined) return own;
    const first = firstPrompts.get(problem) ?? own;
    firstPrompts.set(problem, first);
    return first;
  };
  const prompts = createRng(seed, 'split').shuffle([...new Set(examples.map(promptOf))]);
  if (prompts.length < 2) {
    throw new DataError(
      `stage "${name}": expected examples of at least two prompts, because heldOut is ${share}; ` +
        `got ${countOf(prompts.length, 'prompt')}; set heldOut to 0 or add examples`,
    );
  }
  const count = Math.min(prompts.length - 1, Math.max(1, Math.round(share * prompts.length)));
  const held = new Set(prompts.slice(0, count));
  return {
    train: examples.filter((example) => !held.has(promptOf(example))),
    heldOut: examples.filter((example) => held.has(promptOf(example))),
  };
}

/** Writes the examples as rows that `gradus sft` reads. Returns the SHA-256 of all rows. */
async function writeExamples(
  directory: string,
  index: number,
  train: readonly GatheredExample[],
  heldOut: readonly GatheredExample[],
): Promise<string> {
  await makeFolder(runLayout(directory).examples);
  const [learned, held] = [linesOf(train), linesOf(heldOut)];
  await writeFileAtomic(examplesFile(directory, index, 'train'), learned);
  if (heldOut.length > 0) await writeFileAtomic(examplesFile(directory, index, 'held-out'), held);
  return sha256Of(learned + held);
}

const linesOf = (examples: readonly GatheredExample[]): string =>
  examples.map((example) => `${JSON.stringify(example)}\n`).join('');

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

async function readBack(
  { run }: TrainingContext,
  index: number,
  { sha256, heldOut: heldOutCount }: ExampleState,
): Promise<{ readonly train: SupervisedExample[]; readonly heldOut: SupervisedExample[] }> {
  const train = examplesFile(run.directory, index, 'train');
  const heldOut = heldOutCount === 0 ? undefined : examplesFile(run.directory, index, 'held-out');
  const paths = [train, ...(heldOut === undefined ? [] : [heldOut])];
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => '')));
  if (sha256Of(texts.join('')) === sha256)
    return {
      train: await readExamples(train),
      heldOut: heldOut === undefined ? [] : await readExamples(heldOut),
    };
  throw new RunError(
    `${paths.join(' and ')}: expected the examples that the stage began with (sha256 ${sha256.slice(0, 12)}), got different content; restore the files from a backup`,
    { code: 'RUN_CORRUPT', tryNext: `gradus runs show ${run.directory}` },
  );
}
