import type { Alert } from '../../../runs/metrics/alert-types.ts';
import { alertsOf } from '../../../runs/metrics/find-alerts.ts';
import { stepSecondsOf, vitalsOf } from '../../../runs/metrics/run-vitals.ts';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import type { RunSession } from '../../../runs/reading/run-rows.ts';
import { sum } from '../../../statistics/summary.ts';
import { type EvaluationPoint, evaluationPoints } from './evaluations.ts';
import { latestNotes, type RunNote } from './notes.ts';
import { type PlannedStage, plannedStages } from './planned-stages.ts';
import { readRecipe, type RunHead, runHead, stepsOfStages } from './run-list.ts';

/** A stage and its span of recorded steps. */
export interface StageSpan {
  readonly stage: string;
  readonly firstStep: number;
  readonly lastStep: number;
}

/** Progress of the current stage. */
export interface StageProgress {
  readonly stage: string;
  readonly stepInStage: number;
  readonly maxSteps: number;
  /** The latest decision of the exit rule as text; null if not recorded. */
  readonly reason: string | null;
}

/** Response of `GET /api/runs/:run`, shared by all pages of a run. */
export interface RunDetail {
  readonly head: RunHead;
  /** Stages of the recipe, in order. */
  readonly plan: readonly PlannedStage[];
  /** Stages that have been trained so far. */
  readonly stages: readonly StageSpan[];
  /** Progress of the current stage; null before the first step and once the run has finished. */
  readonly now: StageProgress | null;
  /** Time left at the current pace if no stage ends early; null if the run is not training. */
  readonly eta: { readonly seconds: number; readonly stepSeconds: number } | null;
  /** Starts and ends of stages, and the last 100 other events; `/notes` has all events. */
  readonly events: readonly RunNote[];
  readonly evaluations: readonly EvaluationPoint[];
  readonly metrics: readonly { readonly name: string; readonly isTiming: boolean }[];
  /** Alerts, most severe first. */
  readonly alerts: readonly Alert[];
  /** Processes that wrote to the run, in order: the first one, and one per resume. */
  readonly sessions: readonly RunSession[];
  /** The resolved recipe. */
  readonly recipe: unknown;
  readonly can: {
    /** False for runs without an index of rollouts (tables of version 1). */
    readonly filterRollouts: boolean;
    readonly play: boolean;
  };
}

/**
 * Returns the detail of a run.
 *
 * @param at the current time, for alerts about stalled runs.
 */
export async function runDetailView(
  run: RunReader,
  { at, canPlay }: { readonly at: Date; readonly canPlay: boolean },
): Promise<RunDetail> {
  const head = await runHead(run);
  const recipe = await readRecipe(run.directory);
  const plan = plannedStages(recipe, stepsOfStages(run));
  const now = progressOf(run, head, plan);
  const stepSeconds = stepSecondsOf(run);
  return {
    head,
    plan,
    stages: run.stages(),
    now,
    eta: etaOf(head, plan, now, stepSeconds),
    events: latestNotes(run),
    evaluations: evaluationPoints(run),
    metrics: run.metricNames(),
    alerts: alertsOf(vitalsOf(run, at)),
    sessions: run.sessions(),
    recipe: recipe ?? null,
    can: { filterRollouts: hasIndex(run), play: canPlay },
  };
}

function progressOf(run: RunReader, head: RunHead, plan: readonly PlannedStage[]): StageProgress | null {
  const { stage, status } = head;
  const span = run.stages().find((one) => one.stage === stage);
  if (stage === null || span === undefined || status === 'finished') return null;
  const [[reason]] = run.lists('SELECT decision FROM steps ORDER BY step DESC LIMIT 1') as [[string | null]];
  const planned = plan.find((one) => one.stage === stage);
  const stepInStage = span.lastStep - span.firstStep + 1;
  return { stage, stepInStage, maxSteps: planned?.maxSteps ?? stepInStage, reason };
}

function etaOf(
  { status }: RunHead,
  plan: readonly PlannedStage[],
  now: StageProgress | null,
  stepSeconds: number | null,
): RunDetail['eta'] {
  if (status !== 'running' || now === null || stepSeconds === null) return null;
  const current = plan.findIndex(({ stage }) => stage === now.stage);
  const later = sum(plan.slice(current + 1).map(({ maxSteps }) => maxSteps ?? 0));
  const left = now.maxSteps - now.stepInStage + later;
  return { seconds: left * stepSeconds, stepSeconds };
}

function hasIndex(run: RunReader): boolean {
  const [[groups, rollouts]] = run.lists(
    'SELECT EXISTS (SELECT 1 FROM groups), EXISTS (SELECT 1 FROM rollouts)',
  ) as [[number, number]];
  return groups === 0 || rollouts === 1;
}
