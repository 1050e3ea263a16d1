import { setTimeout as sleep } from 'node:timers/promises';
import type { Evaluation } from '../evaluation/evaluate.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { readRunRecipe } from '../recipe/read-run-recipe.ts';
import type { RunEvent } from '../runs/files/records.ts';
import { openRunReader, type RunReader } from '../runs/reading/run-reader.ts';
import {
  type ShownVerdict,
  shownVerdicts,
  type StagePlan,
  type StepEvent,
  type TrainingEvent,
} from './events.ts';

/** Options for watching a run. */
export interface WatchOptions {
  readonly signal?: AbortSignal;
  /** Poll interval in milliseconds. Default 1,000. */
  readonly everyMs?: number;
}

/** Number of records already yielded, by kind. */
interface Told {
  steps: number;
  events: number;
  evaluations: number;
}

/**
 * Yields the events of a run from its directory, even while another process is writing it: first all recorded events,
 * then new ones, until the run ends or the signal aborts. Does not yield progress within a step or a measurement,
 * because runs do not record it. If the run resumes from an earlier step, starts again from the beginning.
 *
 * @throws RunError if the run is missing or its recipe was edited.
 */
export async function* watchRun(
  directory: string,
  { signal, everyMs = 1000 }: WatchOptions = {},
): AsyncGenerator<TrainingEvent> {
  using run = await openRunReader(directory);
  const { stages } = (await readRunRecipe(directory)).recipe;
  let told: Told | undefined;
  for (;;) {
    // Read the status before the records, so that no record of a run that has ended is missed below.
    const { status, step } = run.summary();
    if (told === undefined || step < told.steps) {
      told = { steps: 0, events: 0, evaluations: 0 };
      yield { type: 'run-start', run: directory, stages: stages.map(stagePlan), step: 0 };
    }
    yield* tellNews(run, stages, told);
    if (status !== 'running' || signal?.aborted === true) return;
    await sleep(everyMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

/** Returns the description of a stage before it begins. */
export const stagePlan = ({ name, maxSteps }: Recipe['stages'][number]): StagePlan => ({
  name,
  maxSteps: maxSteps ?? null,
});

/** Yields everything recorded since `told`, in the order in which it was recorded. */
async function* tellNews(
  run: RunReader,
  stages: Recipe['stages'],
  told: Told,
): AsyncGenerator<TrainingEvent> {
  const evaluations = Map.groupBy(run.evaluations(told.evaluations), ({ step }) => step);
  const events = Map.groupBy(run.events(told.events), ({ step }) => step);
  const upTo = run.summary().step;
  const spans = run.stages();
  for (let step = told.steps; step <= upTo; step++) {
    const shown = (events.get(step) ?? []).map(shownEvent);
    yield* shown.filter(({ type }) => type === 'warning');
    if (step > told.steps) yield await stepEvent(run, stages, spans, step, upTo - step < shownSteps);
    for (const { result } of evaluations.get(step) ?? [])
      yield { type: 'evaluated', step, evaluation: result as Evaluation };
    yield* shown.filter(({ type }) => type !== 'warning');
  }
  told.steps = upTo;
  told.evaluations += sizeOf(evaluations);
  told.events += sizeOf(events);
}

const sizeOf = (groups: ReadonlyMap<number, readonly unknown[]>): number =>
  [...groups.values()].reduce((sum, { length }) => sum + length, 0);

function shownEvent({ type, stage = '', message, step }: RunEvent): TrainingEvent {
  if (type === 'stage-start' || type === 'stage-end' || type === 'staging-worth')
    return { type, stage, message };
  return { type: 'warning', message: step === 0 ? message : `step ${step}: ${message}` };
}

/** Number of most recent steps whose rollouts are read; older steps are yielded without verdicts. */
const shownSteps = 1;

async function stepEvent(
  run: RunReader,
  stages: Recipe['stages'],
  spans: ReturnType<RunReader['stages']>,
  step: number,
  isShown: boolean,
): Promise<StepEvent> {
  const { stage, firstStep } = spans.find((span) => span.firstStep <= step && step <= span.lastStep)!;
  const isTiming = new Set(run.metricNames().flatMap((one) => (one.isTiming ? [one.name] : [])));
  const entries = Object.entries(run.metricsAt(step));
  return {
    type: 'step',
    step,
    stage,
    stepInStage: step - firstStep + 1,
    maxSteps: stepsIn(run, stage) ?? stages.find(({ name }) => name === stage)?.maxSteps ?? 0,
    metrics: Object.fromEntries(entries.filter(([name]) => !isTiming.has(name))),
    timings: Object.fromEntries(entries.filter(([name]) => isTiming.has(name))),
    verdicts: isShown ? await verdictsAt(run, step) : [],
  };
}

/** Returns the number of steps in a stage that imitates; undefined until the stage has begun. */
function stepsIn(run: RunReader, stage: string): number | undefined {
  const start = run.events().find((event) => event.type === 'stage-start' && event.stage === stage);
  return (start?.data as { readonly steps?: number } | undefined)?.steps;
}

async function verdictsAt(run: RunReader, step: number): Promise<ShownVerdict[]> {
  const groups = run.groups({ step, purpose: 'train' }).slice(-shownVerdicts);
  const rows = await run.rollouts(
    groups.map((group) => ({ ...group, rollouts: 1 })),
    ['problem_id', 'outcome', 'reason'],
  );
  return rows.map(({ problem_id: problemId, outcome, reason }) => ({ problemId, outcome, reason }));
}
