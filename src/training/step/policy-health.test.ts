import { expect, test } from 'vitest';
import type { RolloutGroup } from '../../core/rollout.ts';
import type { Outcome } from '../../core/verdict.ts';
import { countStuck, skippedNote, unjudgedNote } from './policy-health.ts';

const group = (...outcomes: Outcome[]): RolloutGroup =>
  ({ rollouts: outcomes.map((outcome, i) => ({ verdict: { outcome, reason: `reason ${i}` } })) }) as never;

test('warns, with the first reason, if at least half of the rollouts could not be judged', () => {
  expect(unjudgedNote([])).toBeNull();
  expect(unjudgedNote([group('correct', 'incorrect')])).toBeNull();
  expect(unjudgedNote([group('ungradable', 'correct', 'incorrect')])).toBeNull();
  expect(unjudgedNote([group('correct', 'ungradable'), group('ungradable', 'timeout')])).toBe(
    '2 of 4 rollouts could not be judged and teach nothing, e.g. reason 1',
  );
});

const learned = (made: number, skipped: number) => ({ made, skipped, metrics: {} });

test('counts consecutive steps without a finite gradient, and ends the run at the fifth', () => {
  expect(countStuck(3, 7, learned(0, 2))).toBe(4);
  expect(countStuck(3, 7, null)).toBe(3);
  expect(countStuck(3, 7, learned(1, 1))).toBe(0);
  expect(() => countStuck(4, 7, learned(0, 1))).toThrow('step 7: expected finite gradients');
});

test('reports how many updates of a step were skipped', () => {
  expect(skippedNote(null)).toBeNull();
  expect(skippedNote(learned(2, 0))).toBeNull();
  expect(skippedNote(learned(1, 2))).toContain('2 of 3 updates skipped');
});
