import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { createAlgorithm } from '../../algorithms/algorithm.ts';
import { policyVersionOf } from '../../core/rollout.ts';
import { createGate } from '../../curriculum/gates/create-gate.ts';
import { zeroAdvantage } from '../../curriculum/gates/zero-advantage.ts';
import { createStageSampler } from '../../curriculum/samplers/stage-sampler.ts';
import { thompsonPassRate } from '../../curriculum/samplers/thompson-pass-rate.ts';
import { stage } from '../../curriculum/stage.ts';
import { ahead, inStep } from '../../recipe/batch-source.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import { resolvedStages } from '../../recipe/resolve-stage.ts';
import type { RecipeInput } from '../../recipe/recipe.ts';
import { mathProblem, scriptedEngine } from '../../testing/index.ts';
import type { Verifier } from '../../verifiers/verifier.ts';
import { type BatchSource, openBatchSource, requireFreezing } from './batch-source.ts';
import type { LiveStage, RolledBatch } from './collect-batch.ts';
import { problemOutcome } from './problem-outcome.ts';

const verifier: Verifier = {
  name: 'exact',
  version: '1',
  check() {},
  async verify(_problem, completion) {
    const isCorrect = completion === 'yes';
    const outcome = isCorrect ? 'correct' : 'incorrect';
    return { outcome, score: Number(isCorrect), reason: '', verifier: 'exact@1' };
  },
  async [Symbol.asyncDispose]() {},
};

const recipeWith = (batch: RecipeInput['batch'], changes: Partial<RecipeInput> = {}) =>
  defineRecipe({
    name: 'ahead',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: {},
    algorithm: { type: 'dapo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 8 },
    batch: { problems: 3, groupSize: 2, ...batch },
    stages: [stage('one', { maxSteps: 6, sampler: thompsonPassRate(), gates: [zeroAdvantage()] })],
    ...changes,
  });

const liveStage = (source: ReturnType<typeof ahead> | ReturnType<typeof inStep>): LiveStage => {
  const recipe = recipeWith({ source });
  const settings = resolvedStages(recipe)[0]!;
  const problems = Array.from({ length: 12 }, (_, i) => mathProblem({ id: `p${i}` }));
  const pool = problems.map(({ id, domain }) => ({
    id,
    domain,
    levels: [],
    measured: { successes: 0, trials: 0 },
  }));
  return {
    settings,
    algorithm: createAlgorithm(settings.algorithm),
    problems: new Map(problems.map((problem) => [problem.id, problem])),
    levels: new Map(),
    sampler: createStageSampler(settings.config, pool, 3, 4),
    gates: settings.config.gates.map(createGate),
  };
};

/** Opens a source on an engine. Its groups are mixed if the number of the problem plus the policy version is odd. */
function open(live: LiveStage, delay: () => number = () => 0) {
  const engine = scriptedEngine({
    complete: async (key, index, version) => {
      const wait = delay();
      if (wait > 0) await sleep(wait);
      return index === 1 && (Number(key.slice(1)) + version) % 2 === 1 ? 'no' : 'yes';
    },
  });
  const source = openBatchSource({
    engine,
    stage: live,
    partsFor: () => ({ engine, verifierFor: () => verifier }),
  });
  return { engine, source };
}

async function takeAll(live: LiveStage, source: BatchSource, update: () => unknown): Promise<RolledBatch[]> {
  const batches: RolledBatch[] = [];
  for (let step = 0; step < 6; step++) {
    const batch = await source.take({ step: step + 1, stepInStage: step, seed: 5 });
    batches.push(batch);
    await update();
    live.sampler.observe(batch.groups.map(problemOutcome));
  }
  return batches;
}

test.each([1, 2, 5])(
  'learns from groups that are at most %d steps old, and refills with the current policy',
  async (age) => {
    const live = liveStage(ahead({ maxOffPolicySteps: age }));
    const { engine, source } = open(live);
    const batches = await takeAll(live, source, () => engine.optimStep({ learningRate: 1 }));
    let isRefilled = false;
    for (const [step, { groups }] of batches.entries()) {
      for (const { offPolicySteps, rollouts } of groups) {
        expect(policyVersionOf(rollouts[0]!)).toBe(step - offPolicySteps);
        expect([0, Math.min(age, step)]).toContain(offPolicySteps);
        isRefilled ||= step > 0 && offPolicySteps === 0;
      }
    }
    expect(isRefilled).toBe(true);
    expect(source.started).toEqual([]);
  },
);

test('with inStep(), the policy that learns from a batch wrote all of its rollouts', async () => {
  const live = liveStage(inStep());
  const { engine, source } = open(live);
  const batches = await takeAll(live, source, () => engine.optimStep({ learningRate: 1 }));
  for (const [step, { groups }] of batches.entries()) {
    expect(groups.map(({ offPolicySteps }) => offPolicySteps)).toEqual(groups.map(() => 0));
    expect(new Set(groups.map(({ rollouts }) => policyVersionOf(rollouts[0]!)))).toEqual(new Set([step]));
  }
});

test('batches do not depend on the order in which rollouts and updates end', async () => {
  const summary = (batches: readonly RolledBatch[]) =>
    batches.map(({ groups, admitted }) => [
      groups.map(({ problem, rollouts, offPolicySteps }) => [
        problem.id,
        policyVersionOf(rollouts[0]!),
        offPolicySteps,
      ]),
      admitted.length,
    ]);
  const run = async (delay: () => number) => {
    const live = liveStage(ahead({ maxOffPolicySteps: 2 }));
    const { engine, source } = open(live, delay);
    const batches = await takeAll(live, source, async () => {
      await sleep(delay());
      await engine.optimStep({ learningRate: 1 });
    });
    return [summary(batches), live.sampler.save()];
  };
  const expected = await run(() => 0);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 20 }),
      async (delays) => {
        let at = 0;
        expect(await run(() => delays[at++ % delays.length]!)).toEqual(expected);
      },
    ),
    { numRuns: 5 },
  );
});

test('cancels started batches when it is closed', async () => {
  const live = liveStage(ahead({ maxOffPolicySteps: 2 }));
  const { source } = open(live, () => 20);
  const taken = Promise.allSettled([source.take({ step: 1, stepInStage: 0, seed: 5 })]);
  await vi.waitFor(() => expect(source.started.map(({ moment }) => moment.step)).toEqual([2, 3]));
  const started = Promise.allSettled(source.started.map(({ firstRound }) => firstRound));
  await source[Symbol.asyncDispose]();
  const ends = [...(await taken), ...(await started)];
  expect(ends).toHaveLength(3);
  for (const end of ends) expect(String(end.status === 'rejected' && end.reason)).toMatch(/aborted/u);
});

test('with ahead(), rejects engines that can keep only one policy, and losses without importance weights', () => {
  const recipe = recipeWith({ source: ahead() });
  const { freezePolicy: _, ...learner } = scriptedEngine({ complete: () => '' }).learner;
  const engine = { ...scriptedEngine({ complete: () => '' }), learner } as never;
  const settings = resolvedStages(recipe)[0]!;
  expect(settings.batchSource).toEqual({ type: 'ahead', maxOffPolicySteps: 1 });
  expect(() => requireFreezing(engine, settings)).toThrow(
    /expected an engine that samples from an older policy/,
  );
  expect(() => requireFreezing(engine, { ...settings, batchSource: { type: 'in-step' } })).not.toThrow();
  const uncorrected = { algorithm: { type: 'dapo', importance: null } } as const;
  expect(() => recipeWith({ source: ahead() }, uncorrected)).toThrow(
    /expected importance weights for batch.source ahead\(\)/,
  );
});
