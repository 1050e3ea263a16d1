import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { algorithmConfig, createAlgorithm } from '../algorithms/algorithm.ts';
import { rewardConfig } from '../algorithms/reward.ts';
import { type ScoredGroup, scoreGroup } from '../algorithms/scored-group.ts';
import { ConfigError } from '../core/errors.ts';
import type { Rollout } from '../core/rollout.ts';
import type { LossStats } from '../engines/engine.ts';
import { stage } from '../curriculum/stage.ts';
import { defineRecipe, type RecipeInput } from '../recipe/recipe.ts';
import { resolveStage } from '../recipe/resolve-stage.ts';
import { mathProblem, scriptedEngine } from '../testing/index.ts';
import { describeBatches } from './batch-arithmetic.ts';
import { learnFrom } from './learn.ts';
import { learningMetrics } from './metrics.ts';
import type { LiveStage } from './roll-batch.ts';

const algorithm = createAlgorithm(algorithmConfig.parse({ type: 'dapo' }));
const moment = { step: 1, lastStep: 10 };

const recipeOf = (batch: RecipeInput['batch'], updatesPerStep?: number) =>
  defineRecipe({
    name: 'mini-batches',
    policy: { model: 'none' },
    problems: [{ type: 'generated', split: 'train', perCell: 1 }],
    verifiers: {},
    algorithm: { type: 'dapo' },
    optimizer: { learningRate: 1e-3 },
    sampling: { maxTokens: 8 },
    batch,
    stages: [stage('one', { maxSteps: 10, ...(updatesPerStep !== undefined && { updatesPerStep }) })],
  });

function liveStage(updates: number): LiveStage {
  const recipe = recipeOf({ problems: 64, groupSize: 2, updates });
  const settings = resolveStage(recipe, recipe.stages[0]!);
  const sampler = { choose: () => [], observe() {}, save: () => null, restore() {}, metrics: () => ({}) };
  return { settings, algorithm, problems: new Map(), levels: new Map(), sampler, gates: [] };
}

/** One of two rollouts is right; the prompt's token says which group a sequence is of. */
function groupOf(number: number, isMixed = true): ScoredGroup {
  const rollout = (index: number): Rollout => ({
    problemId: `p${number}`,
    index,
    promptTokens: Int32Array.of(number),
    tokens: new Int32Array(1 + (number % 3)).fill(7),
    rolloutLogprobs: new Float32Array(1 + (number % 3)).fill(-0.5),
    text: '',
    finishReason: 'stop',
    policyVersion: 0,
    verdict: {
      outcome: isMixed && index === 0 ? 'correct' : 'incorrect',
      score: isMixed && index === 0 ? 1 : 0,
      reason: '',
      verifier: 'v@1',
    },
  });
  const group = { problem: mathProblem({ id: `p${number}` }), rollouts: [rollout(0), rollout(1)] };
  return scoreGroup(group, algorithm, { reward: rewardConfig.parse({ type: 'outcome' }), maxTokens: 8 });
}
const groupsUpTo = (count: number): ScoredGroup[] => Array.from({ length: count }, (_, at) => groupOf(at));

test('a batch is learnt from whole, on-policy, unless more updates are asked for', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const metrics = await learnFrom(engine, liveStage(1), groupsUpTo(5), moment);
  expect(engine.trained).toHaveLength(1);
  const { sequences } = engine.trained[0]!.batch;
  expect(sequences).toHaveLength(10);
  expect(sequences.every(({ policyLogprobs }) => policyLogprobs === undefined)).toBe(true);
  expect(metrics).toMatchObject({ 'optim/updates': 1, 'optim/skippedUpdates': 0, 'batch/sequences': 10 });
});

test('mini-batches part the groups evenly, each a batch of its own, later ones held against the first policy', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 24 }),
      fc.integer({ min: 1, max: 9 }),
      async (count, updates) => {
        const engine = scriptedEngine({ complete: () => '', tokenLogprob: -0.25 });
        const metrics = await learnFrom(engine, liveStage(updates), groupsUpTo(count), moment);
        const made = Math.min(count, updates);
        expect(engine.steps).toHaveLength(made);
        expect(metrics!['optim/updates']).toBe(made);
        const learnt = engine.trained.map(({ batch }) => batch.sequences);
        const sizes = learnt.map(({ length }) => length / 2);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        const seen = learnt.flat().map(({ tokens }) => tokens[0]!);
        expect(seen.toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: 2 * count }, (_, at) => Math.floor(at / 2)),
        );
        for (const [at, sequences] of learnt.entries()) {
          // Token-mean over the mini-batch, not over the step.
          const weights = sequences.flatMap((sequence) => [...sequence.weights]);
          expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
          const old = sequences.map(({ policyLogprobs }) => policyLogprobs && [...policyLogprobs]);
          const scored = sequences.map(({ tokens }) => [0, ...Array.from(tokens.subarray(1), () => -0.25)]);
          expect(old).toEqual(at === 0 ? sequences.map(() => undefined) : scored);
        }
      },
    ),
  );
});

test('a mini-batch without signal is no update', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const groups = [groupOf(0), groupOf(1, false), groupOf(2), groupOf(3, false)];
  const metrics = await learnFrom(engine, liveStage(2), groups, moment);
  expect(engine.steps).toHaveLength(1);
  expect(metrics).toMatchObject({ 'optim/updates': 1, 'optim/skippedUpdates': 0 });
  expect(await learnFrom(engine, liveStage(2), [groupOf(1, false)], moment)).toBeNull();
});

test('an update whose gradient is not finite is left out and the others are made', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const optimStep = engine.optimStep.bind(engine);
  engine.optimStep = async (step) => {
    const update = await optimStep(step);
    return engine.steps.length === 2 ? { ...update, applied: false, gradNorm: NaN } : update;
  };
  const metrics = await learnFrom(engine, liveStage(3), groupsUpTo(6), moment);
  expect(metrics).toMatchObject({ 'optim/updates': 2, 'optim/skippedUpdates': 1, 'batch/sequences': 8 });
  expect(Object.values(metrics!).every(Number.isFinite)).toBe(true);
});

test('a loss that is not finite though its gradient is ends the step with an error', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const forwardBackward = engine.forwardBackward.bind(engine);
  engine.forwardBackward = async (...asked) => ({ ...(await forwardBackward(...asked)), loss: Infinity });
  await expect(learnFrom(engine, liveStage(1), groupsUpTo(2), moment)).rejects.toThrow(
    /the loss is Infinity/u,
  );
});

test('metrics of several updates are means over tokens; what the sampler is held against is the first', () => {
  const loss = (tokens: number, value: number): LossStats => ({
    loss: value,
    tokens,
    processedTokens: tokens,
    sequences: 2,
    entropy: value,
    clipHigh: value,
    mismatchKl: value,
    logprobs: [],
  });
  const update = { policyVersion: 1, gradNorm: 3, applied: true };
  const both = learningMetrics(
    [
      { loss: loss(10, 1), update },
      { loss: loss(30, 2), update },
    ],
    1e-4,
  );
  expect(both).toEqual({
    'optim/loss': 1.5,
    'optim/learningRate': 1e-4,
    'optim/gradNorm': 3,
    'batch/tokens': 40,
    'batch/sequences': 4,
    'policy/entropy': 1.75,
    'policy/clipHigh': 1.75,
    'policy/mismatchKl': 1,
  });
  // To the bit, as it was measured.
  expect(learningMetrics([{ loss: loss(3, 0.1), update }], 1e-4)['policy/entropy']).toBe(0.1);
});

test('a stage may set its updates; more than it has groups is an error, and the arithmetic is told', () => {
  const recipe = recipeOf({ problems: 10, groupSize: 2, updates: 2 }, 4);
  expect(resolveStage(recipe, recipe.stages[0]!).updatesPerStep).toBe(4);
  expect(describeBatches(recipe)[0]).toContain('4 optimizer updates a step, each on 2 to 3 problems');
  expect(describeBatches(recipeOf({ problems: 10, groupSize: 2 }))[0]).toContain(
    'one optimizer update a step',
  );
  expect(() => recipeOf({ problems: 3, groupSize: 2, updates: 4 })).toThrow(ConfigError);
});
