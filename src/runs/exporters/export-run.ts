import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { runLayout } from '../files/layout.ts';
import { describeMetric } from '../metrics/metric-catalogue.ts';
import { readRecipeFile } from '../files/recipe-file.ts';
import { openRunReader, type RunReader } from '../reading/run-reader.ts';
import type { ExportedRun, RunSink } from './sink.ts';

/**
 * Naming schemes for exported metrics: Gradus's own names, or those of TRL or verl for the metrics that they also have.
 */
export const nameProfiles = ['gradus', 'trl', 'verl'] as const;

/** See `nameProfiles`. */
export type NameProfile = (typeof nameProfiles)[number];

/** Options of `exportRun`. */
export interface ExportOptions {
  readonly names: NameProfile;
  /** Continue until the run has ended. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
  /** Polling interval with `follow`, in milliseconds. Default 2,000. */
  readonly everyMs?: number;
}

/**
 * Exports the numbers of a run to another tool, step by step: metrics, timings, and the accuracy of each suite as
 * `evaluation/<suite>/accuracy`.
 *
 * @returns the number of steps written.
 * @throws RunError if the run is missing or its recipe was edited.
 */
export async function exportRun(
  directory: string,
  openSink: (run: ExportedRun) => Promise<RunSink>,
  { names, follow = false, signal, everyMs = 2000 }: ExportOptions,
): Promise<{ readonly steps: number }> {
  using run = await openRunReader(directory);
  const { id, folder, name, createdAt, recipeHash } = run.summary();
  const { recipe } = await readRecipeFile(runLayout(directory).recipe, recipeHash);
  const sink = await openSink({ id, name: folder, project: name, recipe, startedAt: new Date(createdAt) });
  let next = 0;
  let steps = 0;
  for (;;) {
    // Read the status before the steps, because a run that has ended adds no more steps.
    const { status, step } = run.summary();
    const isOver = status !== 'running' || !follow || signal?.aborted === true;
    // A step may be evaluated after it is recorded, so it is complete only once the next step exists.
    const last = isOver ? step : step - 1;
    for (const moment of recordedTimes(run, next, last)) {
      const values = valuesAt(run, moment.step, names);
      if (Object.keys(values).length === 0) continue;
      await sink.write({ ...moment, values });
      steps++;
    }
    next = Math.max(next, last + 1);
    if (isOver) {
      await sink.close(status === 'running' ? null : status);
      return { steps };
    }
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * Returns the steps in a range with the times at which they were recorded. Step 0 is the evaluation before training.
 */
function recordedTimes(run: RunReader, from: number, to: number): { step: number; at: Date }[] {
  const start = { step: 0, at: new Date(run.summary().createdAt) };
  const rows = run.rows(
    'SELECT step, recorded_at FROM steps WHERE step BETWEEN ? AND ? ORDER BY step',
    from,
    to,
  );
  const recorded = rows.map((row) => ({
    step: Number(row['step']),
    at: new Date(String(row['recorded_at'])),
  }));
  return from === 0 && to >= 0 ? [start, ...recorded] : recorded;
}

function valuesAt(run: RunReader, step: number, names: NameProfile): Record<string, number> {
  const metrics = Object.entries(run.metricsAt(step)).map(
    ([name, value]) => [nameIn(names, name), value] as const,
  );
  return Object.fromEntries([...metrics, ...evaluationsAt(run, step, names)]);
}

function nameIn(names: NameProfile, name: string): string {
  return (names === 'gradus' ? undefined : describeMetric(name)?.[names]) ?? name;
}

/** The fields of an evaluation that are exported. */
const evaluated = z.object({
  sampling: z.object({ rollouts: z.number() }),
  overall: z.object({ accuracy: z.object({ mean: z.number() }) }),
});

/**
 * Returns the accuracies measured after a step, under their exported names; verl calls the mean over k attempts
 * `val-core/<source>/mean@k`.
 */
function evaluationsAt(run: RunReader, step: number, names: NameProfile): [string, number][] {
  return run.rows('SELECT name, result FROM evaluations WHERE step = ?', step).flatMap((row) => {
    const found = evaluated.safeParse(JSON.parse(String(row['result'])));
    if (!found.success) return [];
    const { sampling, overall } = found.data;
    const suite = String(row['name']);
    const name =
      names === 'verl' ? `val-core/${suite}/mean@${sampling.rollouts}` : `evaluation/${suite}/accuracy`;
    return [[name, overall.accuracy.mean] as [string, number]];
  });
}
