import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GradusError, RunError } from '../../core/errors.ts';
import type { Evaluation } from '../../evaluation/evaluate.ts';
import { evaluateModel } from '../../evaluation/evaluate-model.ts';
import { locateModel, type ModelSource } from '../../models/open-model.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { openRunReader } from '../../runs/reading/run-reader.ts';
import { mean, sum } from '../../statistics/summary.ts';
import { writeFileAtomic } from '../../storage/atomic.ts';
import { makeFolder } from '../../storage/make-folder.ts';
import type { Measures } from '../../supervised/race/outcome.ts';
import type { TrialRunner } from '../../supervised/race/race.ts';
import type { Trial } from '../../supervised/race/race-config.ts';
import type { EarlySignals } from '../../supervised/race/rung.ts';
import { resumeTraining, startTraining, type TrainingWatch } from '../start.ts';

/** Context shared by the trials of a race. */
export interface TrialParts {
  /** Folder of the race, which contains the trials' runs and evaluations. */
  readonly folder: string;
  /** Returns the recipe for a trial, without suites. */
  readonly recipeOf: (trial: Trial) => Recipe;
  /** Recipe with the suites, which are named `target …` and `retain …`. */
  readonly suites: Recipe;
  /** Number of steps of a complete trial. */
  readonly stepsOf: (trial: Trial) => number;
  /** Returns the step at which a share of a trial's training is complete. */
  readonly stepAt: (trial: Trial, share: number) => number;
  /** Whether rungs also measure accuracies. */
  readonly measuresEarly: boolean;
  readonly watch: TrainingWatch;
}

/**
 * Number of tokens on which the trials were trained, and an estimate of the number needed to train all trials to the
 * end.
 */
export interface RaceCost {
  readonly tokens: number;
  readonly gridTokens: number;
}

/**
 * Trains each trial as a run: pauses a trial at a rung by stopping its run after the rung's step, and resumes
 * it later. All state is on disk, so a later call continues where an earlier one stopped.
 */
export function trialRunner(parts: TrialParts): TrialRunner {
  return {
    async reach(trial, share) {
      const step = parts.stepAt(trial, share);
      await trainTo(parts, trial, step);
      const early = parts.measuresEarly
        ? await measure(parts, `${trial.name}-step-${step}`, () => locateModel(runOf(parts, trial)))
        : {};
      return { ...(await signalsOf(parts, trial, step)), ...early };
    },
    async finish(trial) {
      await trainTo(parts, trial, Infinity);
      return measure(parts, trial.name, () => locateModel(runOf(parts, trial)));
    },
  };
}

/** Returns the folder of a trial's run. */
export const runOf = ({ folder }: Pick<TrialParts, 'folder'>, { name }: Trial): string =>
  join(folder, 'trials', `${name}-0001`);

/** Starts or continues the run of a trial until a step is done or the run ends. */
async function trainTo(parts: TrialParts, trial: Trial, step: number): Promise<void> {
  const { folder, recipeOf, watch } = parts;
  const directory = runOf(parts, trial);
  const done = existsSync(directory) ? await progressOf(directory) : undefined;
  if (done !== undefined && (done.hasFinished || done.step >= step)) return;
  const pause = new AbortController();
  const either = AbortSignal.any([pause.signal, ...(watch.signal === undefined ? [] : [watch.signal])]);
  const paused: TrainingWatch = {
    ...watch,
    signal: either,
    report: (event) => {
      watch.report?.(event);
      if (event.type === 'step' && event.step >= step && event.stepInStage < event.maxSteps) pause.abort();
    },
  };
  try {
    if (done === undefined) await startTraining(recipeOf(trial), join(folder, 'trials'), paused);
    else await resumeTraining(directory, paused);
  } catch (error) {
    if (!GradusError.isInstance(error) || error.code !== 'INTERRUPTED') throw error;
    if (watch.signal?.aborted === true)
      throw new RunError(`${folder}: stopped; the race continues where it stopped`, {
        code: 'INTERRUPTED',
        tryNext: 'the same command',
        cause: error,
      });
  }
}

async function progressOf(
  directory: string,
): Promise<{ readonly step: number; readonly hasFinished: boolean }> {
  using run = await openRunReader(directory);
  const { step, status } = run.summary();
  return { step, hasFinished: status === 'finished' };
}

async function signalsOf(parts: TrialParts, trial: Trial, step: number): Promise<EarlySignals> {
  using run = await openRunReader(runOf(parts, trial));
  const upTo = (metric: string) => run.metric(metric, { to: step }).values;
  const heldOutLoss = upTo('sft/heldOutLoss').at(-1);
  const norms = upTo('optim/gradNorm');
  return {
    loss: mean(upTo('sft/loss')),
    rateToBatch: Math.log(trial.learningRate / trial.batchSize),
    ...(norms.length > 0 && { gradNorm: mean(norms) }),
    ...(heldOutLoss !== undefined && { heldOutLoss }),
  };
}

/**
 * Evaluates a model on the suites of the race, or reads the result of an earlier call.
 *
 * @param label name under which the result is stored.
 */
export async function measure(
  { folder, suites, watch }: Pick<TrialParts, 'folder' | 'suites' | 'watch'>,
  label: string,
  source: () => Promise<ModelSource>,
): Promise<Measures> {
  const file = join(folder, 'evaluations', `${label}.json`);
  if (!existsSync(file)) {
    const { report, signal } = watch;
    const evaluations = await evaluateModel(await source(), suites, [], {
      onProgress: (suite, done, total) =>
        report?.({ type: 'evaluate', suite: `${suite} of ${label}`, done, total }),
      ...(signal !== undefined && { signal }),
    });
    await makeFolder(join(folder, 'evaluations'));
    await writeFileAtomic(file, JSON.stringify(evaluations));
  }
  const evaluations = JSON.parse(await readFile(file, 'utf8')) as Evaluation[];
  const accuracyOf = (kind: string): number => {
    const some = evaluations.filter(({ suite }) => suite.startsWith(`${kind} `));
    return mean(some.map(({ overall }) => overall.accuracy?.mean ?? 0));
  };
  return { target: accuracyOf('target'), retained: accuracyOf('retain') };
}

/** Sums the tokens of all trials, and estimates the tokens of the complete grid. */
export async function costOf(parts: TrialParts, trials: readonly Trial[]): Promise<RaceCost> {
  const costs: { readonly tokens: number; readonly whole: number }[] = [];
  for (const trial of trials) {
    using run = await openRunReader(runOf(parts, trial));
    const tokens = run.metric('batch/tokens').values;
    costs.push({
      tokens: sum(tokens),
      whole: mean(tokens) * Math.max(tokens.length, parts.stepsOf(trial)),
    });
  }
  return { tokens: sum(costs.map(({ tokens }) => tokens)), gridTokens: sum(costs.map(({ whole }) => whole)) };
}
