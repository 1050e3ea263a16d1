import { expect, test } from 'vitest';
import type { Problem } from '../core/problem.ts';
import type { RolloutGroup } from '../core/rollout.ts';
import type { Verifier } from '../verifiers/verifier.ts';
import { mathProblem, scriptedEngine } from '../testing/index.ts';
import { createPendingWork } from './pending.ts';
import { rollAll, rollGroups } from './roll-groups.ts';
import type { Sampler } from '../engines/engine.ts';

const problems = ['a', 'b', 'c'].map((id) => mathProblem({ id, answer: id }));
const sampling = { maxTokens: 8, temperature: 1, seed: 0 };

/** Returns a verifier that accepts exactly the gold answer. */
function exactVerifier(verify?: (problem: Problem) => Promise<void>): Verifier {
  return {
    name: 'exact',
    version: '1',
    check() {},
    async verify(problem, completion) {
      await verify?.(problem);
      const isRight = completion === problem.answer;
      return {
        outcome: isRight ? 'correct' : 'incorrect',
        score: Number(isRight),
        reason: '',
        verifier: 'exact@1',
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}

const outcomesOf = (group: RolloutGroup): string[] => group.rollouts.map(({ verdict }) => verdict.outcome);

test('yields one group of judged rollouts per problem, in index order', async () => {
  const engine = scriptedEngine({ complete: (key, index) => (index === 3 ? key : 'no') });
  const parts = { engine, verifierFor: () => exactVerifier() };
  const groups = await rollAll(parts, { problems, rollouts: 2, firstIndex: 2, ...sampling });
  expect(groups.map(({ problem }) => problem.id)).toEqual(['a', 'b', 'c']);
  for (const group of groups) {
    expect(group.rollouts.map(({ index }) => index)).toEqual([2, 3]);
    expect(outcomesOf(group)).toEqual(['incorrect', 'correct']);
  }
});

test('yields finished groups without waiting for a slow verdict', async () => {
  const slow = Promise.withResolvers<void>();
  const verifier = exactVerifier((problem) => (problem.id === 'a' ? slow.promise : Promise.resolve()));
  const engine = scriptedEngine({ complete: (key) => key });
  const order: string[] = [];
  for await (const group of rollGroups(
    { engine, verifierFor: () => verifier },
    { problems, rollouts: 2, ...sampling },
  )) {
    order.push(group.problem.id);
    slow.resolve();
  }
  expect(order).toHaveLength(3);
  expect(order[0]).toBe('b');
});

test('makes a rollout ungradable if its verifier throws, and continues', async () => {
  const verifier = exactVerifier(async (problem) => {
    if (problem.id === 'b') throw new Error('no disk');
  });
  const engine = scriptedEngine({ complete: (key) => key });
  const groups = await rollAll(
    { engine, verifierFor: () => verifier },
    { problems, rollouts: 1, ...sampling },
  );
  expect(groups.map((group) => outcomesOf(group)[0])).toEqual(['correct', 'ungradable', 'correct']);
  expect(groups[1]!.rollouts[0]!.verdict.reason).toContain('no disk');
});

test('makes a rollout ungradable if its completion is missing', async () => {
  const full = scriptedEngine({ complete: (key) => key });
  const sampler: Sampler = {
    info: full.info,
    async *sample(request, signal) {
      for await (const completion of full.sample(request, signal)) {
        if (completion.index !== 1) yield completion;
      }
    },
  };
  const [group] = await rollAll(
    { engine: { sampler }, verifierFor: () => exactVerifier() },
    { problems: problems.slice(0, 1), rollouts: 3, ...sampling },
  );
  expect(outcomesOf(group!)).toEqual(['correct', 'ungradable', 'correct']);
  expect(group!.rollouts[1]).toMatchObject({ index: 1, transcripts: [] });
});

test('throws the abort reason instead of yielding half a batch', async () => {
  const abort = new AbortController();
  const engine = scriptedEngine({
    complete: (key) => {
      if (key === 'b') abort.abort(new Error('stop now'));
      return key;
    },
  });
  const parts = { engine, verifierFor: () => exactVerifier() };
  await expect(rollAll(parts, { problems, rollouts: 1, ...sampling }, abort.signal)).rejects.toThrow(
    'stop now',
  );
});

test('lists all work while it is pending, and none afterwards', async () => {
  const pending = createPendingWork();
  const seen: string[] = [];
  const verifier = exactVerifier(async () => {
    seen.push(...pending.oldest(10));
  });
  const engine = scriptedEngine({ complete: (key) => key });
  await rollAll({ engine, verifierFor: () => verifier, pending }, { problems, rollouts: 1, ...sampling });
  expect(seen).toContain('verifying a #0');
  expect(seen).toContain('decoding c');
  expect(pending.size).toBe(0);
});
