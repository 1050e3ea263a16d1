import type { RunReader } from '../../../runs/reading/run-reader.ts';

/** `GET /api/runs/:run/progress`: the cost of a run up to each step; entry i of every list belongs to the same step. */
export interface ProgressView {
  /** Numbers of at most 1000 steps, including the last one. */
  readonly steps: readonly number[];
  /** Training rollouts so far; null if not recorded. */
  readonly rollouts: readonly number[] | null;
  /** Tokens that the policy wrote in these rollouts; null if not recorded. */
  readonly tokens: readonly number[] | null;
  /** Seconds so far during which a process worked on the run. */
  readonly seconds: readonly number[];
}

const mostSteps = 1000;

/** Returns the cost of a run up to each step, which charts use for axes other than steps. */
export function progressView(run: RunReader): ProgressView {
  const rows = run.lists('SELECT step, recorded_at FROM steps ORDER BY step') as [number, string][];
  const steps = rows.map(([step]) => step);
  const every = Math.ceil(steps.length / mostSteps);
  const shown = [...steps.keys()].filter((at) => (steps.length - 1 - at) % every === 0);
  const pick = (values: readonly number[]): number[] => shown.map((at) => values[at]!);
  const spent = (metric: string): number[] | null => {
    const { steps: measured, values } = run.metric(metric);
    if (measured.length === 0) return null;
    const byStep = new Map(Array.from(measured, (step, at) => [step, values[at]!]));
    return pick(cumulative(steps.map((step) => byStep.get(step) ?? 0)));
  };
  return {
    steps: pick(steps),
    rollouts: spent('rollout/count'),
    tokens: spent('rollout/tokens'),
    seconds: pick(cumulative(stepSeconds(run, rows))),
  };
}

function cumulative(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => (sum += value));
}

/**
 * Returns the seconds that each step took, including measurements before a stage but not the time between two
 * processes.
 */
function stepSeconds(run: RunReader, rows: readonly (readonly [number, string])[]): number[] {
  const starts = run.sessions().map(({ startedAt }) => Date.parse(startedAt));
  let before = -Infinity;
  return rows.map(([, recordedAt]) => {
    const now = Date.parse(recordedAt);
    const start = starts.findLast((at) => at <= now) ?? now;
    const from = Math.max(before, start);
    before = now;
    return Math.max(0, now - from) / 1000;
  });
}
