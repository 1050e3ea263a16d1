import { type Alert, alertsOf } from '../../../runs/metrics/alerts.ts';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import type { RunSession } from '../../../runs/reading/run-views.ts';
import { type EvaluationPoint, evaluationPoints } from './evaluations.ts';
import { latestNotes, type RunNote } from './notes.ts';
import { type PlannedStage, plannedStages } from './planned-stages.ts';
import { readRecipe, type RunHead, runHead } from './run-list.ts';

/** A span of recorded steps. */
export interface StageSpan {
  readonly stage: string;
  readonly firstStep: number;
  readonly lastStep: number;
}

/** Where the current stage stands. */
export interface StageProgress {
  readonly stage: string;
  readonly stepInStage: number;
  readonly maxSteps: number;
  /** What its exit rule says now, with numbers; null where the run was recorded without. */
  readonly reason: string | null;
}

/** `GET /api/runs/:run`: what the pages of one run share. */
export interface RunDetail {
  readonly head: RunHead;
  /** In the recipe's order. */
  readonly plan: readonly PlannedStage[];
  /** As trained so far. */
  readonly stages: readonly StageSpan[];
  /** Null before the first step and once the run has finished. */
  readonly now: StageProgress | null;
  /** Until the last stage's last step at the pace of the last steps: an upper bound, stages may end earlier. Null: it is not training. */
  readonly eta: { readonly seconds: number; readonly stepSeconds: number } | null;
  /** The stages' beginnings and ends, and the last 100 others; every one is at `/notes`. */
  readonly events: readonly RunNote[];
  readonly evaluations: readonly EvaluationPoint[];
  readonly metrics: readonly { readonly name: string; readonly isTiming: boolean }[];
  /** Most pressing first. */
  readonly alerts: readonly Alert[];
  /** Processes that wrote to it, first to last: one more than resumes. */
  readonly sessions: readonly RunSession[];
  /** Resolved, as it was validated. */
  readonly recipe: unknown;
  readonly can: {
    /** Single rollouts were recorded since version 2 of a run's tables only. */
    readonly filterRollouts: boolean;
    readonly play: boolean;
  };
}

/** @param at now: what has stood still too long depends on it. */
export async function runDetailView(
  run: RunReader,
  { at, canPlay }: { readonly at: Date; readonly canPlay: boolean },
): Promise<RunDetail> {
  const head = await runHead(run);
  const recipe = await readRecipe(run.directory);
  const plan = plannedStages(recipe);
  const now = progressOf(run, head, plan);
  const stepSeconds = lastStepSeconds(run);
  return {
    head,
    plan,
    stages: run.stages(),
    now,
    eta: etaOf(head, plan, now, stepSeconds),
    events: latestNotes(run),
    evaluations: evaluationPoints(run),
    metrics: run.metricNames(),
    alerts: alertsOf({
      status: head.status,
      reason: head.reason,
      step: head.step,
      metric: (name, last) => run.metric(name, { from: head.step - last + 1 }),
      start: (name, first) => run.metric(name, { to: first }),
      secondsSinceStep: head.updatedAt === null ? null : (at.getTime() - Date.parse(head.updatedAt)) / 1000,
      stepSeconds,
    }),
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
  const place = plan.findIndex(({ stage }) => stage === now.stage);
  const later = plan.slice(place + 1).reduce((sum, { maxSteps }) => sum + maxSteps, 0);
  const left = now.maxSteps - now.stepInStage + later;
  return { seconds: left * stepSeconds, stepSeconds };
}

const recentSteps = 30;

/** Mean seconds between the last steps, evaluations among them included; null before there are two. */
function lastStepSeconds(run: RunReader): number | null {
  const times = run
    .lists(`SELECT recorded_at FROM steps ORDER BY step DESC LIMIT ${recentSteps}`)
    .map(([time]) => Date.parse(String(time)));
  if (times.length < 2) return null;
  return (times[0]! - times.at(-1)!) / 1000 / (times.length - 1);
}

function hasIndex(run: RunReader): boolean {
  const [[groups, rollouts]] = run.lists(
    'SELECT EXISTS (SELECT 1 FROM groups), EXISTS (SELECT 1 FROM rollouts)',
  ) as [[number, number]];
  return groups === 0 || rollouts === 1;
}
