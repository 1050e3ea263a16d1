import { formatSeconds } from '../core/text/duration.ts';
import { alignColumns } from '../core/text/table.ts';
import type { RunReader } from '../runs/reading/run-reader.ts';
import { sum } from '../statistics/summary.ts';
import { formatRange, labelOf, rounded, whole } from './format-plan.ts';
import type { PlanPart, RunPlan } from './plan.ts';

/** Actual rollouts, tokens and time for a part of a run. */
interface Actual {
  readonly rollouts: number;
  readonly tokens: number;
  /** Seconds of sampling and learning; recorded only for the steps of stages. */
  readonly seconds?: number;
}

/** A planned part with its actual values so far. */
export interface PlanComparison {
  readonly part: PlanPart;
  readonly actual: Actual;
}

/**
 * Compares the stages and evaluations of a plan with the recorded run. Omits measuring, because the run's store does
 * not distinguish the run's own attempts from reused ones.
 */
export function comparePlan({ parts }: RunPlan, run: RunReader): PlanComparison[] {
  return parts
    .filter(({ kind }) => kind !== 'measuring')
    .map((part) => ({ part, actual: actualOf(part, run) }));
}

/** Formats `comparePlan` as a table. */
export function formatComparison(compared: readonly PlanComparison[]): string {
  const header = ['plan', 'rollouts', 'actual', 'tokens written', 'actual', 'time', 'actual'];
  const rows = compared.map(({ part, actual }) => [
    labelOf(part),
    formatRange(part.rollouts, whole),
    whole(actual.rollouts),
    formatRange(part.tokens, rounded),
    whole(actual.tokens),
    part.seconds === undefined ? 'unknown' : formatRange(part.seconds, formatSeconds),
    actual.seconds === undefined ? '' : formatSeconds(actual.seconds),
  ]);
  return alignColumns([header, ...rows]);
}

const purposes = { measuring: 'measure', stage: 'train', evaluation: 'evaluate' } as const;

function actualOf({ kind, name }: PlanPart, run: RunReader): Actual {
  const isStage = kind === 'stage';
  const [row] = run.rows(
    `SELECT coalesce(sum(rollouts), 0) AS rollouts, coalesce(sum(rollouts * mean_tokens), 0) AS tokens
     FROM groups WHERE purpose = ? ${isStage ? 'AND stage = ?' : ''}`,
    purposes[kind],
    ...(isStage ? [name] : []),
  );
  const made = { rollouts: Number(row!['rollouts']), tokens: Number(row!['tokens']) };
  if (!isStage) return made;
  const span = run.stages().find(({ stage }) => stage === name);
  if (span === undefined) return made;
  const within = { from: span.firstStep, to: span.lastStep };
  const seconds = ['time/rollout', 'time/learn'].map((metric) => sum(run.metric(metric, within).values));
  return { ...made, seconds: sum(seconds) };
}
