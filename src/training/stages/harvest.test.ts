import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Rollout } from '../../core/rollout.ts';
import { mathProblem } from '../../testing/index.ts';
import { openAttemptStore } from './attempt-store.ts';
import { missingAttempts } from './harvest.ts';

test('requests exactly the attempts that are not recorded', () => {
  const known = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 7 })), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(known, fc.integer({ min: 1, max: 8 }), (recorded, rollouts) => {
      const problems = recorded.map((_, n) => mathProblem({ id: `p${n}` }));
      const attempts = new Map(recorded.map((some, n) => [`p${n}`, some.map((index) => ({ index }))]));
      const asked = missingAttempts(attempts, problems, rollouts).flatMap(
        ({ problems: some, first, count }) =>
          some.flatMap(({ id }) => Array.from({ length: count }, (_, i) => `${id} ${first + i}`)),
      );
      const wanted = recorded.flatMap((some, n) =>
        Array.from({ length: rollouts }, (_, index) => index)
          .filter((index) => !some.includes(index))
          .map((index) => `p${n} ${index}`),
      );
      expect(asked.toSorted()).toEqual(wanted.toSorted());
    }),
  );
});

test('splits many problems into requests of at most 256', () => {
  const problems = Array.from({ length: 600 }, (_, n) => mathProblem({ id: `p${n}` }));
  const spans = missingAttempts(new Map(), problems, 4);
  expect(spans.map(({ problems: some, first, count }) => [some.length, first, count])).toEqual([
    [256, 0, 4],
    [256, 0, 4],
    [88, 0, 4],
  ]);
});

test('returns recorded attempts, and keeps the first record of each attempt', () => {
  const floats = fc.float({ noNaN: true, noDefaultInfinity: true });
  const rollout = fc
    .record({
      index: fc.nat(5),
      tokens: fc.array(fc.nat(70_000)),
      values: fc.array(floats),
      text: fc.string(),
    })
    .map(({ index, tokens, values, text }): Rollout => {
      const logprobs = Float32Array.from(tokens, (_, i) => values[i] ?? -0.5);
      const written = [{ start: 0, end: tokens.length, policyVersion: 3, finishReason: 'stop' as const }];
      const messages = [{ role: 'assistant' as const, content: text, author: 'policy' as const }];
      const shared = { tokens: Int32Array.from(tokens), logprobs, written, messages };
      return {
        problemId: 'p',
        index,
        transcripts: [shared, { ...shared, entropies: logprobs.map((value) => -value) }],
        verdict: { outcome: 'correct', score: 1, reason: text, verifier: 'v', evidence: { extracted: text } },
      };
    });
  fc.assert(
    fc.property(fc.array(rollout, { maxLength: 6 }), (rollouts) => {
      using store = openAttemptStore(':memory:');
      store.write(2, rollouts);
      store.write(2, rollouts);
      expect(store.read(1).size).toBe(0);
      const first = new Map(rollouts.toReversed().map((one) => [one.index, one]));
      const expected = [...first.values()].toSorted((a, b) => a.index - b.index);
      expect(store.read(2).get('p') ?? []).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});
