import { sum } from '../statistics/summary.ts';
import { comparePaired, type Comparison } from '../evaluation/compare.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import { exportedModel } from '../runs/files/layout.ts';
import type { Alert } from '../runs/metrics/alert.ts';
import { alertsOf } from '../runs/metrics/alerts.ts';
import { vitalsOf } from '../runs/metrics/run-vitals.ts';
import { openRunReader, type RunReader } from '../runs/reading/run-reader.ts';

/** How a stage went. */
export interface StageSummary {
  readonly name: string;
  readonly steps: number;
  /** Problems it selected. */
  readonly problems: number;
  /** Why it ended. */
  readonly reason: string;
}

/** What a suite showed before and after training, problem by problem. */
export interface SuiteSummary {
  readonly name: string;
  readonly before: Evaluation;
  readonly after: Evaluation;
  readonly comparison: Comparison;
}

/** What a finished run did and what it bought. */
export interface RunResult {
  readonly run: string;
  /** The folder of the trained model; absent before the run's end. */
  readonly model?: string;
  readonly stages: readonly StageSummary[];
  readonly suites: readonly SuiteSummary[];
  /** Tokens written for training. */
  readonly tokens: number;
  readonly rollouts: number;
  /** What stands against the run at its end, most pressing first. */
  readonly alerts: readonly Alert[];
}

/** Reads the result of a run from its directory: the same after a resume as without one. */
export async function readRunResult(directory: string): Promise<RunResult> {
  using reader = await openRunReader(directory);
  const total = (metric: string): number => sum(reader.metric(metric).values);
  const model = exportedModel(directory);
  return {
    run: directory,
    ...(model !== undefined && { model }),
    stages: readStages(reader),
    suites: readSuites(reader),
    tokens: total('rollout/tokens'),
    rollouts: total('rollout/count'),
    alerts: alertsOf(vitalsOf(reader)),
  };
}

function readStages(reader: RunReader): StageSummary[] {
  const events = reader.events();
  return reader.stages().map(({ stage, firstStep, lastStep }) => {
    const about = (type: string) => events.find((event) => event.type === type && event.stage === stage);
    const { problems = 0 } = (about('stage-start')?.data ?? {}) as { problems?: number };
    return {
      name: stage,
      steps: lastStep - firstStep + 1,
      problems,
      reason: about('stage-end')?.message.replace(/^stage ".*" ends: /, '') ?? '',
    };
  });
}

/** First and last evaluation of each suite; a suite evaluated once has nothing to compare. */
function readSuites(reader: RunReader): SuiteSummary[] {
  const bySuite = Map.groupBy(reader.evaluations(), ({ name }) => name);
  return [...bySuite]
    .filter(([, records]) => records.length > 1)
    .map(([name, records]) => {
      const before = records[0]!.result as Evaluation;
      const after = records.at(-1)!.result as Evaluation;
      return { name, before, after, comparison: comparePaired(before, after) };
    });
}
