import { expect, test } from 'vitest';
import type { RunReader } from '../../../runs/reading/run-reader.ts';
import { progressView } from './progress.ts';

/** Creates a run whose processes started at `starts` and whose steps ended at `stepTimes`, both in seconds. */
function runOf(starts: readonly number[], stepTimes: readonly number[]): RunReader {
  const iso = (seconds: number): string => new Date(1000 * seconds).toISOString();
  return {
    lists: () => stepTimes.map((time, at) => [at + 1, iso(time)]),
    sessions: () => starts.map((time) => ({ startedAt: iso(time) })),
    metric: (name: string) =>
      name === 'rollout/count'
        ? { steps: Float64Array.of(1, 3), values: Float64Array.of(8, 4) }
        : { steps: new Float64Array(0), values: new Float64Array(0) },
  } as unknown as RunReader;
}

test('sums the cost of all steps so far, without the time between two processes', () => {
  expect(progressView(runOf([0, 100], [1, 2, 101]))).toEqual({
    steps: [1, 2, 3],
    rollouts: [8, 8, 12],
    tokens: null,
    seconds: [1, 2, 3],
  });
});

test('downsamples long runs and keeps the last step', () => {
  const times = Array.from({ length: 2500 }, (_, at) => at + 1);
  const { steps, seconds } = progressView(runOf([0], times));
  expect(steps.length).toBeLessThanOrEqual(1000);
  expect(steps.at(-1)).toBe(2500);
  expect(seconds.at(-1)).toBe(2500);
});
