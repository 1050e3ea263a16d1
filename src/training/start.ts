import { messageOf, RunError } from '../core/errors.ts';
import { openPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import { openCallResults, recordCalls } from '../environments/call-results.ts';
import type { LoadingOptions } from '../problems/load-problems.ts';
import { type Recipe, recipeConfig } from '../recipe/recipe.ts';
import { parseConfig } from '../recipe/parse-config.ts';
import { requireTrust, type TrustOptions } from '../recipe/trust.ts';
import { watchForStalls } from '../rollout/pending.ts';
import { runLayout } from '../runs/files/layout.ts';
import { createRun } from '../runs/writing/create-run.ts';
import { writePlan } from '../planning/plan-file.ts';
import type { RunPlan } from '../planning/plan.ts';
import { planRun } from '../planning/plan-run.ts';
import { commitsOf, readDataFile, requireSameData } from '../runs/files/data-file.ts';
import { type Continuation, openRun } from '../runs/writing/open-run.ts';
import type { Checkpoint } from '../runs/writing/checkpoint-folder.ts';
import type { Run } from '../runs/writing/run.ts';
import { verifierLabel } from '../verifiers/verifier.ts';
import { buildParts, type OpenParts } from './build.ts';
import { train } from './controller.ts';
import { adoptKnownBase } from '../measuring/adopt-base-attempts.ts';
import type { TrainingEvent } from './events.ts';
import { readStartedBatches, type StoredBatch } from '../runs/files/started-batches.ts';
import { type ControllerState, controllerStart, controllerState } from './state.ts';
import { stagePlan } from './follow-run.ts';

/** Callbacks and abort signal of a run. */
export interface TrainingWatch {
  readonly report?: (event: TrainingEvent) => void;
  /** Called while files are downloaded from a hub, before the run begins. */
  readonly onDownload?: LoadingOptions['onDownload'];
  /** Aborting ends the run as interrupted; it can be resumed. */
  readonly signal?: AbortSignal;
}

const stallMs = 60_000;

/**
 * Starts a new run of a recipe in `<runsDir>/<name>-<nnnn>/` and trains it to its end.
 * @returns the run's directory.
 */
export async function startTraining(
  recipe: Recipe,
  runsDir: string,
  watch: TrainingWatch = {},
): Promise<string> {
  await using parts = await buildParts(recipe, { onDownload: watch.onDownload, signal: watch.signal });
  const { name, seed } = recipe;
  const plan = await planOf(parts, runsDir, watch);
  await using run = await createRun(runsDir, { name, recipe, seed, data: parts.data });
  if (plan !== undefined) await writePlan(run.directory, plan);
  return await trainIn(run, parts, { state: controllerStart, started: [] }, watch);
}

/**
 * Resumes a run from its newest checkpoint to its end. The result is the same as that of an uninterrupted run.
 * @throws RunError if the run is finished, locked by another process or damaged, or if its recipe or one of its problem
 * files has changed.
 */
export async function resumeTraining(
  directory: string,
  watch: TrainingWatch & TrustOptions = {},
): Promise<string> {
  let parts: OpenParts | undefined;
  let state: ControllerState = controllerStart;
  let started: readonly StoredBatch[] = [];
  await using opened = new AsyncDisposableStack();
  const admit = async ({ id, recipeHash: hash, recipe: stored }: Continuation): Promise<void> => {
    const recipe = parseConfig(recipeConfig, stored, `${directory}: recipe`);
    await requireTrust(
      directory,
      { recipe, id, hash },
      ['engine', 'problems', 'verifiers', 'environments'],
      watch,
    );
    const began = await readDataFile(directory);
    parts = opened.use(
      await buildParts(recipe, {
        commits: commitsOf(began),
        onDownload: watch.onDownload,
        signal: watch.signal,
        onData: (now) => requireSameData(directory, began, now),
      }),
    );
  };
  const restore = async (checkpoint: Checkpoint): Promise<void> => {
    state = parseConfig(controllerState, checkpoint.controllerState, `${directory}: controller state`);
    started = await readStartedBatches(checkpoint.started);
    await parts!.engine.learner.loadState(checkpoint.engineState);
  };
  await using run = await openRun(directory, { admit, restore });
  return await trainIn(run, parts!, { state, started }, watch);
}

/** Plans the run; returns undefined if that fails, because an unreadable earlier run must not prevent a new run. */
async function planOf(
  parts: OpenParts,
  runsDir: string,
  { report = () => {} }: TrainingWatch,
): Promise<RunPlan | undefined> {
  try {
    return await planRun(parts, runsDir);
  } catch (error) {
    report({
      type: 'warning',
      message: `cannot plan this run: ${messageOf(error)}`,
    });
    return undefined;
  }
}

async function trainIn(
  run: Run,
  parts: OpenParts,
  { state, started }: { readonly state: ControllerState; readonly started: readonly StoredBatch[] },
  { report = () => {}, signal }: TrainingWatch,
): Promise<string> {
  await run.recordEngine({ ...parts.engine.sampler.info, verifiers: await verifierEnvironments(parts) });
  const stages = parts.recipe.stages.map(stagePlan);
  report({ type: 'run-start', run: run.directory, stages, step: run.step });
  for (const message of [...parts.warnings, ...run.damage]) report({ type: 'warning', message });
  const files = runLayout(run.directory);
  using store = openPassRateStore(files.passRates);
  using results = openCallResults(files.toolResults);
  const environments = { of: parts.environmentOf ?? (() => undefined), call: recordCalls(results) };
  for (const message of adoptKnownBase(parts, store)) report({ type: 'warning', message });
  const stopWatching = watchForStalls(parts.pending, stallMs, (message) =>
    report({ type: 'warning', message }),
  );
  try {
    await train(
      { ...parts, run, store, environments, report, ...(signal === undefined ? {} : { signal }) },
      state,
      started,
    );
  } catch (error) {
    await endBadly(run, error, signal);
  } finally {
    stopWatching();
  }
  return run.directory;
}

/** Describes the environments of the verifiers on this machine, by name. */
async function verifierEnvironments({ problems, verifierFor }: OpenParts): Promise<Record<string, unknown>> {
  const verifiers = [...new Set(problems.map(verifierFor))];
  const told = verifiers.map(
    async (one) => [verifierLabel(one), (await one.environment?.()) ?? null] as const,
  );
  return Object.fromEntries(await Promise.all(told));
}

/** Records how the run ended, then throws the reason. */
async function endBadly(run: Run, error: unknown, signal: AbortSignal | undefined): Promise<never> {
  const isInterrupt = signal?.aborted === true;
  const reason = isInterrupt ? 'stopped by the user' : messageOf(error);
  // Throw the reason even if it cannot be stored on disk.
  await run.finish(isInterrupt ? 'interrupted' : 'failed', reason).catch(() => undefined);
  if (!isInterrupt) throw error;
  throw new RunError(`${run.directory}: stopped; everything up to its last checkpoint is kept`, {
    code: 'INTERRUPTED',
    tryNext: `gradus resume ${run.directory}`,
    cause: error,
  });
}
