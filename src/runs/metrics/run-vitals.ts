import { differenceEstimate } from '../../statistics/intervals.ts';
import { quantile, sum } from '../../statistics/summary.ts';
import type { RunReader } from '../reading/run-reader.ts';
import type { HeldOutChange, PoolUse, RunVitals } from './alert-types.ts';

/**
 * Reads the values that alerts need from a run.
 * @param at the current time, for alerts about stalled runs; omit it for a run that has ended.
 */
export function vitalsOf(reader: RunReader, at?: Date): RunVitals {
  const { status, reason, step, updatedAt } = reader.summary();
  return {
    status,
    reason,
    step,
    metric: (name, last) => reader.metric(name, { from: step - last + 1 }),
    start: (name, first) => reader.metric(name, { to: first }),
    domains: domainsIn(reader.metricNames().map(({ name }) => name)),
    secondsSinceStep:
      updatedAt === null || at === undefined ? null : (at.getTime() - Date.parse(updatedAt)) / 1000,
    stepSeconds: stepSecondsOf(reader),
    heldOut: heldOutChanges(reader),
    pools: poolUses(reader),
  };
}

/** Returns the domains of the metrics `reward/<domain>/mean`; a domain may contain slashes. */
export const domainsIn = (metrics: readonly string[]): string[] =>
  metrics.flatMap((name) => /^reward\/(?<domain>.+)\/mean$/u.exec(name)?.groups?.['domain'] ?? []);

const recentSteps = 30;

/**
 * Returns the median time between recent steps in seconds; a pause before a resume barely affects a median. Null before
 * the second step.
 */
export function stepSecondsOf(reader: RunReader): number | null {
  const times = reader
    .lists(`SELECT recorded_at FROM steps ORDER BY step DESC LIMIT ${recentSteps}`)
    .map(([time]) => Date.parse(String(time)));
  if (times.length < 2) return null;
  const gaps = times.slice(1).map((time, i) => (times[i]! - time) / 1000);
  return quantile(gaps, 0.5);
}

interface StoredEvaluation {
  readonly problems?: readonly { readonly id: string; readonly trials: number; readonly correct: number }[];
}

/** Returns the change from the first to the last evaluation of each suite, paired by problem. */
function heldOutChanges(reader: RunReader): HeldOutChange[] {
  const bySuite = Map.groupBy(reader.evaluations(), ({ name }) => name);
  return [...bySuite].flatMap(([suite, records]) => {
    const rates = (result: unknown): ReadonlyMap<string, number> =>
      new Map(
        ((result as StoredEvaluation).problems ?? [])
          .filter(({ trials }) => trials > 0)
          .map(({ id, trials, correct }) => [id, correct / trials]),
      );
    const [before, after] = [rates(records[0]!.result), rates(records.at(-1)!.result)];
    const changes = [...after].flatMap(([id, rate]) => {
      const earlier = before.get(id);
      return earlier === undefined ? [] : [rate - earlier];
    });
    if (records.length < 2 || changes.length < 2) return [];
    return [
      {
        suite,
        step: records.at(-1)!.step,
        change: differenceEstimate(changes, { seed: 0, resamples: 1000 }),
      },
    ];
  });
}

/** Returns the number of passes of each stage over its pool. */
function poolUses(reader: RunReader): PoolUse[] {
  const sizes = new Map(
    reader
      .events()
      .filter(({ type }) => type === 'stage-start')
      .map(({ stage, data }) => [stage, (data as { problems?: number } | undefined)?.problems ?? 0]),
  );
  return reader.stages().flatMap(({ stage, firstStep, lastStep }) => {
    const problems = sizes.get(stage) ?? 0;
    const tried = sum(reader.metric('batch/triedProblems', { from: firstStep, to: lastStep }).values);
    return problems === 0 ? [] : [{ stage, step: lastStep, problems, passes: tried / problems }];
  });
}
