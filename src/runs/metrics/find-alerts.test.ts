import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RunVitals } from './alert-types.ts';
import { alertsOf } from './find-alerts.ts';

/** Returns the vitals of a run in progress whose metrics have the given values, one per step. */
function vitals(
  metrics: Readonly<Record<string, readonly number[]>>,
  more: Partial<RunVitals> = {},
): RunVitals {
  const step = Math.max(0, ...Object.values(metrics).map(({ length }) => length));
  const between = (name: string, from: number, to: number) => {
    const steps = [...(metrics[name] ?? []).keys()]
      .map((at) => at + 1)
      .filter((at) => at >= from && at <= to);
    return {
      steps: Float64Array.from(steps),
      values: Float64Array.from(steps, (at) => metrics[name]![at - 1]!),
    };
  };
  return {
    status: 'running',
    reason: null,
    step,
    metric: (name, last) => between(name, step - last + 1, step),
    start: (name, first) => between(name, 1, first),
    secondsSinceStep: 1,
    stepSeconds: 1,
    ...more,
  };
}

const repeated = (value: number, times: number): number[] => Array.from({ length: times }, () => value);
const ids = (asked: RunVitals): string[] => alertsOf(asked).map(({ id }) => id);

test('raises no alert for a healthy run with noisy metrics', () => {
  const jitter = (centre: number) =>
    fc.array(fc.double({ min: 0.8 * centre, max: 1.2 * centre, noNaN: true }), {
      minLength: 1,
      maxLength: 200,
    });
  const healthy = fc.record({
    'reward/mean': jitter(0.5),
    'policy/entropy': jitter(0.8),
    'group/zeroAdvantage': jitter(0.4),
    'rollout/truncated': jitter(0.05),
    'verdict/unparsed': jitter(0.1),
    'policy/mismatchKl': jitter(1e-4),
    'optim/gradNorm': jitter(1),
  });
  fc.assert(
    fc.property(healthy, (metrics) => {
      expect(ids(vitals(metrics))).toEqual([]);
    }),
  );
  expect(ids(vitals({}))).toEqual([]);
});

test('alerts about a domain without reward, unless no domain has any', () => {
  const rewards = (math: number, code: number) => ({
    'reward/math/mean': repeated(math, 12),
    'reward/code/mean': repeated(code, 12),
  });
  const domains = ['math', 'code'];
  expect(alertsOf(vitals(rewards(0.4, 0), { domains }))).toMatchObject([
    { id: 'domain-unsolved', title: expect.stringContaining('"code"') },
  ]);
  expect(ids(vitals(rewards(0.4, 0.01), { domains }))).toEqual([]);
  expect(ids(vitals(rewards(0, 0), { domains }))).toEqual([]);
  const few = { ...rewards(0.4, 0.4), 'reward/code/mean': repeated(0, 9) };
  expect(ids(vitals(few, { domains }))).toEqual([]);
});

test.each([
  ['zero-signal', { 'group/zeroAdvantage': repeated(0.9, 10) }],
  ['truncation-rising', { 'rollout/truncated': [...repeated(0.1, 10), ...repeated(0.3, 10)] }],
  ['mostly-truncated', { 'rollout/truncated': repeated(0.6, 10) }],
  ['ungradable', { 'verdict/ungradable': repeated(0.05, 10) }],
  ['mismatch', { 'policy/mismatchKl': repeated(0.02, 10) }],
  ['entropy-collapsed', { 'policy/entropy': [...repeated(1, 10), ...repeated(0.05, 10)] }],
  ['gradient-spike', { 'optim/gradNorm': [...repeated(1, 30), 25, 1] }],
  ['reward-lost', { 'reward/mean': [...repeated(0.6, 40), ...repeated(0.2, 10)] }],
  ['nothing-learnt', { 'rollout/count': repeated(8, 10) }],
  ['updates-skipped', { 'optim/skippedUpdates': [0, 1, 0, 0, 2] }],
  ['worker-lost', { 'engine/restarts': [0, 1, 1] }],
  ['worker-lost', { 'engine/restarts': [1, 0, 0] }],
] as const)('%s', (id, metrics) => {
  const found = alertsOf(vitals(metrics)).find((alert) => alert.id === id);
  expect(found).toMatchObject({ step: expect.any(Number), whatToDo: expect.stringMatching(/\.$/u) });
  const { value, threshold } = found!.evidence!;
  expect(value === threshold).toBe(false);
});

test('raises no alert for one non-finite gradient', () => {
  expect(ids(vitals({ 'optim/skippedUpdates': [0, 1, 0, 0, 0] }))).toEqual([]);
});

test('raises no alert for an old worker crash or a restarted counter', () => {
  expect(ids(vitals({ 'engine/restarts': [0, ...repeated(2, 60)] }))).toEqual([]);
  expect(ids(vitals({ 'engine/restarts': [...repeated(2, 60), 0, 0] }))).toEqual([]);
});

test('raises no alert for one bad batch', () => {
  expect(ids(vitals({ 'group/zeroAdvantage': [...repeated(0.2, 20), 1] }))).toEqual([]);
});

test('allows a slow step, reports a stalled one, and reports a failure first', () => {
  expect(ids(vitals({}, { secondsSinceStep: 299 }))).toEqual([]);
  expect(ids(vitals({}, { secondsSinceStep: 301 }))).toEqual(['stalled']);
  expect(ids(vitals({}, { secondsSinceStep: 301, stepSeconds: 100 }))).toEqual([]);
  expect(ids(vitals({}, { secondsSinceStep: 9e9, status: 'interrupted' }))).toEqual([]);
  const failed = vitals({ 'group/zeroAdvantage': repeated(1, 10) }, { status: 'failed', reason: 'NaN' });
  expect(alertsOf(failed).map(({ id, severity }) => [id, severity])).toEqual([
    ['failed', 'error'],
    ['zero-signal', 'warning'],
  ]);
});

test('reports an error if the entire interval of a change is below 0, and no alert if it includes 0', () => {
  const fell = { suite: 'held-out', step: 5, change: { mean: -0.1, low: -0.15, high: -0.05 } };
  const unclear = { suite: 'other', step: 5, change: { mean: -0.1, low: -0.3, high: 0.1 } };
  const found = alertsOf(vitals({}, { heldOut: [fell, unclear] }));
  expect(found).toMatchObject([{ id: 'held-out-fell', severity: 'error', step: 5 }]);
  expect(found[0]!.title).toContain('held-out fell by 10.0 points [-15.0, -5.0]');
});

test('reports a pool used more than ten times', () => {
  const pool = { stage: 'all', step: 60, problems: 31, passes: 17 };
  expect(alertsOf(vitals({}, { pools: [pool] }))).toMatchObject([
    { id: 'pool-exhausted', severity: 'warning' },
  ]);
  expect(ids(vitals({}, { pools: [{ ...pool, passes: 9 }] }))).toEqual([]);
});

test.each([
  ['that doubled since the start', [...repeated(0.04, 10), ...repeated(0.09, 10)], true],
  ['that a data set had from the start', [...repeated(0.2, 10), ...repeated(0.25, 10)], false],
  ['that grew and is still small', [...repeated(0, 10), ...repeated(0.04, 10)], false],
  ['above 30 % from the start', repeated(0.35, 12), true],
  ['of one early step', [1], false],
  ['of one bad step', [...repeated(0, 19), 1], false],
] as const)('with a share of answers in another form %s (%j), raises an alert: %s', (_, values, isAlert) => {
  expect(ids(vitals({ 'verdict/otherForm': values }))).toEqual(isAlert ? ['other-forms'] : []);
});

test('raises no alert if early steps did not measure the share of answers in a different form', () => {
  const late = vitals({}, { step: 40 });
  const metric: RunVitals['metric'] = () => ({
    steps: Float64Array.from([36, 37, 38, 39, 40]),
    values: Float64Array.from(repeated(0.04, 5)),
  });
  const start: RunVitals['start'] = () => ({ steps: new Float64Array(0), values: new Float64Array(0) });
  expect(
    ids({
      ...late,
      metric: (name, n) => (name === 'verdict/otherForm' ? metric(name, n) : start(name, n)),
      start,
    }),
  ).toEqual([]);
});

test('reports an answer given far more often than it is correct, and a finished run that learnt nothing', () => {
  expect(ids(vitals({ 'answer/commonestExcess': repeated(0.4, 10) }))).toEqual(['answers-collapsed']);
  const idle = (steps: number) =>
    ids(vitals({ 'rollout/count': repeated(8, steps) }, { status: 'finished' }));
  expect(idle(12)).toEqual(['nothing-learnt', 'no-signal']);
  expect(idle(5)).toEqual([]);
});
