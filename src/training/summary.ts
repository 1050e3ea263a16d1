import { sum } from '../statistics/summary.ts';
import type { Comparison } from '../evaluation/compare.ts';
import type { Evaluation } from '../evaluation/evaluate.ts';
import { type RlStart, rlStart } from '../evaluation/rl-start.ts';
import { suiteEnds } from '../evaluation/run-progress.ts';
import { exportedModel } from '../runs/files/layout.ts';
import type { Alert } from '../runs/metrics/alert-types.ts';
import { alertsOf } from '../runs/metrics/find-alerts.ts';
import { vitalsOf } from '../runs/metrics/run-vitals.ts';
import { openRunReader, type RunReader } from '../runs/reading/run-reader.ts';

/** Result of a stage. */
export interface StageSummary {
  readonly name: string;
  readonly steps: number;
  /** Number of problems that the stage selected; 0 for a stage that imitates. */
  readonly problems: number;
  /** Examples and losses of a stage that imitates; absent for other stages. */
  readonly imitation?: ImitationSummary;
  /** Why the stage ended. */
  readonly reason: string;
}

/** Examples and losses of a stage that imitates. Losses are in nats per completion token. */
export interface ImitationSummary {
  readonly examples: number;
  /** Number of completion tokens on which the stage trained. */
  readonly tokens: number;
  /** Loss at the last step. */
  readonly loss: number;
  /** Held-out loss after the last step; absent if there are no held-out examples. */
  readonly heldOutLoss?: number;
}

/** Results of a suite before and after training, problem by problem. */
export interface SuiteSummary {
  readonly name: string;
  readonly before: Evaluation;
  readonly after: Evaluation;
  /** Readiness for reinforcement learning before and after; absent for runs that imitated nothing. */
  readonly rlStart?: { readonly before: RlStart; readonly after: RlStart };
  /** Absent if no problem was judged in both evaluations. */
  readonly comparison?: Comparison;
}

/** Summary of a finished run and its effect. */
export interface RunResult {
  readonly run: string;
  /** Folder of the trained model; absent before the end of the run. */
  readonly model?: string;
  readonly stages: readonly StageSummary[];
  readonly suites: readonly SuiteSummary[];
  /** Messages about the worth of selection after the first steps of a stage, one per stage. */
  readonly worth: readonly string[];
  /** Number of tokens written in training rollouts. */
  readonly tokens: number;
  readonly rollouts: number;
  /** Alerts of the run at its end, most urgent first. */
  readonly alerts: readonly Alert[];
}

/** Reads the result of a run from its directory. The result does not depend on whether the run was resumed. */
export async function readRunResult(directory: string): Promise<RunResult> {
  using reader = await openRunReader(directory);
  const total = (metric: string): number => sum(reader.metric(metric).values);
  const model = exportedModel(directory);
  return {
    run: directory,
    ...(model !== undefined && { model }),
    stages: readStages(reader),
    suites: readSuites(reader),
    worth: reader
      .events()
      .filter(({ type }) => type === 'staging-worth')
      .map(({ message }) => message),
    tokens: total('rollout/tokens'),
    rollouts: total('rollout/count'),
    alerts: alertsOf(vitalsOf(reader)),
  };
}

function readStages(reader: RunReader): StageSummary[] {
  const events = reader.events();
  return reader.stages().map(({ stage, firstStep, lastStep }) => {
    const about = (type: string) => events.find((event) => event.type === type && event.stage === stage);
    const data = (about('stage-start')?.data ?? {}) as { problems?: number; examples?: number };
    const values = (metric: string) => reader.metric(metric, { from: firstStep, to: lastStep }).values;
    const heldOutLoss = values('sft/heldOutLoss').at(-1);
    return {
      name: stage,
      steps: lastStep - firstStep + 1,
      problems: data.problems ?? 0,
      ...(data.examples !== undefined && {
        imitation: {
          examples: data.examples,
          tokens: sum(values('batch/tokens')),
          loss: values('sft/loss').at(-1)!,
          ...(heldOutLoss !== undefined && { heldOutLoss }),
        },
      }),
      reason: about('stage-end')?.message.replace(/^stage ".*" ends: /, '') ?? '',
    };
  });
}

/** Reads the results of the suites; for a run that imitated, adds the readiness for reinforcement learning. */
function readSuites(reader: RunReader): SuiteSummary[] {
  const isImitating = reader.metricNames().some(({ name }) => name === 'sft/loss');
  return suiteEnds(reader).map(({ suite: name, before, after, comparison }) => {
    const [start, end] = isImitating ? [rlStart(before), rlStart(after)] : [null, null];
    return {
      name,
      before,
      after,
      ...(start !== null && end !== null && { rlStart: { before: start, after: end } }),
      ...(comparison !== undefined && { comparison }),
    };
  });
}
