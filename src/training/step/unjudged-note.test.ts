import { expect, test } from 'vitest';
import type { RolloutGroup } from '../../core/rollout.ts';
import type { Outcome } from '../../core/verdict.ts';
import { unjudgedNote } from './unjudged-note.ts';

const group = (...outcomes: Outcome[]): RolloutGroup =>
  ({ rollouts: outcomes.map((outcome, i) => ({ verdict: { outcome, reason: `reason ${i}` } })) }) as never;

test('half of a step that nobody could judge is worth a sentence, with the first reason; less is not', () => {
  expect(unjudgedNote([])).toBeNull();
  expect(unjudgedNote([group('correct', 'incorrect')])).toBeNull();
  expect(unjudgedNote([group('ungradable', 'correct', 'incorrect')])).toBeNull();
  expect(unjudgedNote([group('correct', 'ungradable'), group('ungradable', 'timeout')])).toBe(
    '2 of 4 rollouts could not be judged and teach nothing, e.g. reason 1',
  );
});
