import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { mathProblem, scriptedEngine } from '../testing/index.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import { rollAll } from './roll-groups.ts';
import { spreadWordings } from './spread-wordings.ts';

const asked = (content: string) => [{ role: 'user' as const, content }];
const worded = (id: string, count: number) =>
  mathProblem({
    id,
    prompt: asked(`${id}0`),
    wordings: Array.from({ length: count }, (_, i) => asked(`${id}${i + 1}`)),
  });
const sampling = { maxTokens: 4, temperature: 1 };

test('covers every index once, evenly over the available wordings', () => {
  const many = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(many, many, fc.nat(3), fc.nat(5), fc.nat(), (rollouts, count, others, firstIndex, seed) => {
      const request = { ...sampling, rollouts, firstIndex, seed };
      const parts = spreadWordings([worded('a', others)], request, count);
      const indices = parts.flatMap(({ request: { firstIndex: first = 0, rollouts: some } }) =>
        Array.from({ length: some }, (_, i) => first + i),
      );
      expect(indices).toEqual(Array.from({ length: rollouts }, (_, i) => firstIndex + i));
      const sizes = parts.map((part) => part.request.rollouts);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      const prompts = new Set(parts.map(({ problems }) => problems[0]!.prompt[0]!.content));
      expect(prompts.size).toBe(Math.min(count, rollouts, others + 1));
    }),
  );
});

test("keeps a problem's original prompt for one wording, and draws different wordings with a different seed", () => {
  const request = { ...sampling, rollouts: 4, seed: 1 };
  const problems = Array.from({ length: 20 }, (_, i) => worded(`p${i}`, 3));
  expect(spreadWordings(problems, request, 1)).toEqual([{ problems, request }]);
  const drawn = (seed: number) =>
    spreadWordings(problems, { ...request, seed }, 2).map((part) =>
      part.problems.map(({ prompt }) => prompt),
    );
  expect(drawn(1)).toEqual(drawn(1));
  expect(drawn(1)).not.toEqual(drawn(2));
});

test('a group contains the attempts at all wordings of its problem, each judged like the original problem', async () => {
  const engine = scriptedEngine({ complete: (key, index) => `${key}${index}` });
  const verifier: Verifier = {
    name: 'own',
    version: '1',
    check() {},
    verify: (problem, text) =>
      Promise.resolve({
        outcome: text.startsWith(problem.id) ? 'correct' : 'incorrect',
        score: 1,
        reason: problem.prompt[0]!.content,
        verifier: 'own@1',
      }),
    async [Symbol.asyncDispose]() {},
  };
  const problems = [worded('a', 1), worded('b', 0)];
  const request = { ...sampling, problems, rollouts: 5, wordings: 2, seed: 3 };
  const [a, b] = await rollAll({ engine, verifierFor: () => verifier }, request);
  expect(a!.problem).toBe(problems[0]);
  const promptsIn = (group: typeof a) =>
    group!.rollouts.map(({ transcripts }) => transcripts[0]!.messages[0]!.content);
  const counts = Object.values(Object.groupBy(promptsIn(a), (text) => text)).map((some) => some!.length);
  expect(counts.toSorted((x, y) => x - y)).toEqual([2, 3]);
  expect(promptsIn(b)).toEqual(Array(5).fill('b0'));
  expect(a!.rollouts.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
  expect(a!.rollouts.every(({ verdict }) => verdict.outcome === 'correct')).toBe(true);
  expect(a!.rollouts.map(({ verdict }) => verdict.reason)).toEqual(promptsIn(a));
});
