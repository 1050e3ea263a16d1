import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRng } from '../core/rng.ts';
import {
  advanceRuleConfig,
  maxSteps,
  plateau,
  targetRate,
  whenAll,
  whenAny,
  type AdvanceRuleInput,
} from './advance-rules.ts';
import { evaluateAdvance, windowsOf, type AdvanceFinding } from './advance.ts';

const judge = (rule: AdvanceRuleInput, values: readonly number[], steps = values.length): AdvanceFinding =>
  evaluateAdvance(advanceRuleConfig.parse(rule), {
    steps,
    series: { 'reward/mean': values.map((value, step) => [step, value] as const) },
  });
const rising = Array.from({ length: 40 }, (_, i) => 0.3 + 0.01 * i);
const noise = (seed: number, length = 40): number[] => {
  const rng = createRng(seed, 'noise');
  return Array.from({ length }, () => rng.next() - 0.5);
};

describe('plateau', () => {
  const rule = plateau({ window: 40 });

  test('fires on a flat or falling curve but not on a rising one, and reports the numbers', () => {
    expect(judge(rule, rising)).toEqual({
      fired: false,
      reason: expect.stringContaining('reward/mean over steps 0–39 changes by 0.01 ±'),
    });
    expect(judge(rule, rising.toReversed()).fired).toBe(true);
    expect(
      judge(
        rule,
        rising.map(() => 0.5),
      ),
    ).toEqual({
      fired: true,
      reason: 'reward/mean over steps 0–39 changes by 0 ± 0 per step (2 standard errors): no longer rising',
    });
  });

  test('a constant curve is a plateau', () => {
    fc.assert(
      fc.property(fc.double({ min: -10, max: 10, noNaN: true }), (value) => {
        expect(judge(rule, Array<number>(40).fill(value)).fired).toBe(true);
      }),
    );
  });

  test('never fires before its window is full, and ignores older values', () => {
    expect(judge(rule, rising.map(() => 0.5).slice(1))).toEqual({
      fired: false,
      reason: 'reward/mean: 39 of 40 values measured',
    });
    expect(judge(plateau({ window: 10 }), [...rising, ...Array(10).fill(0.7)]).fired).toBe(true);
  });

  test('at two standard errors, about 97 of 100 windows of pure noise count as a plateau', () => {
    const fired = Array.from({ length: 400 }, (_, seed) => judge(rule, noise(seed)).fired);
    const share = fired.filter(Boolean).length / fired.length;
    expect(share).toBeGreaterThan(0.94);
    expect(share).toBeLessThan(0.995);
  });

  test('does not depend on the unit or the offset of the metric', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        (seed, scale, offset) => {
          const values = noise(seed, 40).map((value, i) => value + 0.008 * i);
          const scaled = values.map((value) => scale * value + offset);
          expect(judge(rule, scaled).fired).toBe(judge(rule, values).fired);
        },
      ),
    );
  });

  test('negligibleGain delays the plateau while noise could hide a gain that matters', () => {
    const guarded = plateau({ window: 40, negligibleGain: 0.02 });
    expect(judge(rule, noise(1)).fired).toBe(true);
    expect(judge(guarded, noise(1))).toEqual({ fired: false, reason: expect.stringContaining('too noisy') });
    expect(
      judge(
        guarded,
        noise(1).map((value) => value / 1000),
      ).fired,
    ).toBe(true);
  });
});

test('target-rate fires on the mean of the last values in its window', () => {
  expect(judge(targetRate({ above: 0.6, window: 4 }), [0, 0, 0.6, 0.6, 0.8, 0.8])).toEqual({
    fired: true,
    reason: 'reward/mean averages 0.7 over 4 steps, above 0.6',
  });
  expect(judge(targetRate({ above: 0.7, window: 2 }), [0.7, 0.7]).fired).toBe(false);
  expect(judge(targetRate({ above: -1, window: 2 }), [0.7]).fired).toBe(false);
});

test('reports the rules that fired if the combination fired, else those that did not', () => {
  const high = targetRate({ above: 0.6, window: 1 });
  expect(judge(whenAny(maxSteps(100), high), [0.9])).toEqual({
    fired: true,
    reason: 'reward/mean averages 0.9 over 1 steps, above 0.6',
  });
  expect(judge(whenAll(maxSteps(100), high), [0.9])).toEqual({
    fired: false,
    reason: '1 of 100 steps done',
  });
  expect(judge(whenAll(maxSteps(100), high), [0.9], 100).fired).toBe(true);
});

test('keeps the longest window of each metric', () => {
  const rule = whenAny(maxSteps(9), whenAll(plateau({ window: 50 }), targetRate({ above: 1, window: 5 })));
  expect(windowsOf(advanceRuleConfig.parse(rule))).toEqual({ 'reward/mean': 50 });
});
