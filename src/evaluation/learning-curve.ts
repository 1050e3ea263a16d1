import { existsSync } from 'node:fs';
import { readPassRateStore } from '../difficulty/pass-rates/sqlite-store.ts';
import { runLayout } from '../runs/files/layout.ts';
import type { RunReader } from '../runs/reading/run-reader.ts';
import type { MetricSeries } from '../runs/reading/run-rows.ts';
import { sum } from '../statistics/summary.ts';

/** Cost of a run up to an evaluation. */
export interface TrainingCost {
  /** Number of optimizer steps. */
  readonly step: number;
  /** Number of training rollouts, including those in rejected groups. */
  readonly trained: number;
  /** Number of rollouts made for training, for measuring difficulty and for harvesting examples. */
  readonly rollouts: number;
  /**
   * Number of tokens written in all these rollouts. If the engine did not report the tokens written while measuring,
   * they are estimated from the mean rollout length of the first ten steps.
   */
  readonly tokens: number;
}

/** An evaluation during training. Accuracies are in [0, 1]. */
export interface CurvePoint extends TrainingCost {
  readonly overall: number;
  readonly byDomain: Readonly<Record<string, number>>;
}

/** The evaluations of one suite in one run, by step. */
export type LearningCurve = readonly CurvePoint[];

/** Reads every suite's evaluations with the training cost so far; omits evaluations without a judged attempt. */
export function readCurves(run: RunReader): Map<string, LearningCurve> {
  const rows = run.lists(
    `SELECT name, step, json_extract(result, '$.overall.accuracy.mean'), json_extract(result, '$.byDomain')
     FROM evaluations WHERE json_type(result, '$.overall.accuracy.mean') IN ('real', 'integer') ORDER BY id`,
  ) as [string, number, number, string | null][];
  const costAt = costUntil(run);
  const points = rows.map(([name, step, overall, domains]) => ({
    name,
    point: { ...costAt(step), overall, byDomain: accuracies(domains) },
  }));
  const bySuite = Map.groupBy(points, ({ name }) => name);
  return new Map(Array.from(bySuite, ([name, some]) => [name, some.map(({ point }) => point)]));
}

function accuracies(text: string | null): Record<string, number> {
  const parts = JSON.parse(text ?? '{}') as Record<string, { accuracy?: { mean: number } }>;
  return Object.fromEntries(
    Object.entries(parts).flatMap(([name, { accuracy }]) =>
      accuracy === undefined ? [] : [[name, accuracy.mean]],
    ),
  );
}

/**
 * Returns a function from a step to the cost of a run up to that step. Includes the measuring and harvests of all
 * stages that began before that step.
 */
function costUntil(run: RunReader): (step: number) => TrainingCost {
  const counts = run.metric('rollout/count');
  const tokens = run.metric('rollout/tokens');
  const stageStarts = run.events().filter(({ type }) => type === 'stage-start');
  const measured = readMeasured(run.directory);
  const harvests = readHarvests(run);
  const firstCounts = sum(counts.values.subarray(0, 10));
  const meanLength = firstCounts === 0 ? 0 : sum(tokens.values.subarray(0, 10)) / firstCounts;
  return (step) => {
    const stagesBegun = stageStarts.filter((event) => event.step < step).length;
    const before = measured.filter(({ stage }) => stage < stagesBegun);
    const trained = totalUntil(counts, step);
    const harvested = harvests.filter((one) => one.step < step);
    const uncounted = sum(before.map((one) => one.attempts - one.countedAttempts));
    const measuredTokens = sum(before.map((one) => one.tokens)) + uncounted * meanLength;
    return {
      step,
      trained,
      rollouts: trained + sum([...before, ...harvested].map((one) => one.attempts)),
      tokens: Math.round(totalUntil(tokens, step) + measuredTokens + sum(harvested.map((one) => one.tokens))),
    };
  };
}

/** Reads the attempts of harvests by the number of steps completed before them. */
function readHarvests(run: RunReader): { step: number; attempts: number; tokens: number }[] {
  const rows = run.lists(
    "SELECT step, SUM(rollouts), SUM(rollouts * mean_tokens) FROM groups WHERE purpose = 'measure' GROUP BY step",
  ) as [number, number, number][];
  return rows.map(([step, attempts, tokens]) => ({ step, attempts, tokens }));
}

function totalUntil({ steps, values }: MetricSeries, step: number): number {
  const end = steps.findIndex((one) => one > step);
  return sum(end < 0 ? values : values.subarray(0, end));
}

/** Attempts that measured difficulty before a stage, and their tokens if the engine reports them. */
interface Measured {
  readonly stage: number;
  readonly attempts: number;
  readonly tokens: number;
  readonly countedAttempts: number;
}

function readMeasured(directory: string): Measured[] {
  const path = runLayout(directory).passRates;
  if (!existsSync(path)) return [];
  using store = readPassRateStore(path);
  const bySource = Map.groupBy(
    store.conditions().flatMap((conditions) => store.groups(conditions)),
    ({ source }) => (source.type === 'boundary' ? source.stage : source.type === 'base' ? 0 : null),
  );
  return Array.from(bySource, ([stage, groups]) => ({
    stage: stage ?? Infinity,
    attempts: sum(groups.map((group) => group.attempts)),
    tokens: sum(groups.map((group) => group.tokens)),
    countedAttempts: sum(groups.map((group) => group.countedAttempts)),
  })).filter(({ stage }) => stage < Infinity);
}
