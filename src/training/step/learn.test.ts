import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { algorithmConfig, createAlgorithm } from '../../algorithms/algorithm.ts';
import { dapo } from '../../algorithms/dapo.ts';
import { rewardConfig } from '../../algorithms/reward.ts';
import { type ScoredGroup, scoreGroup } from '../../algorithms/scored-group.ts';
import { ConfigError } from '../../core/errors.ts';
import type { Rollout } from '../../core/rollout.ts';
import { openEmbeddedEngine } from '../../engines/embedded/engine.ts';
import type { LossStats } from '../../engines/engine.ts';
import { generated, generatedConfig, generateProblems } from '../../problems/generated-source.ts';
import { rollAll } from '../../rollout/roll-groups.ts';
import { stage } from '../../curriculum/stage.ts';
import { defineRecipe } from '../../recipe/define-recipe.ts';
import type { RecipeInput } from '../../recipe/recipe.ts';
import { resolvedStages } from '../../recipe/resolve-stage.ts';
import { mathProblem, scriptedEngine } from '../../testing/index.ts';
import { openVerifier, verifierConfig } from '../../verifiers/config.ts';
import { mathAnswer } from '../../verifiers/math/verifier.ts';
import { describeBatches } from '../../recipe/batch-arithmetic.ts';
import { learnFrom } from './learn.ts';
import { learningMetrics } from './step-metrics.ts';
import type { LiveStage } from './collect-batch.ts';
import { singleTurn } from '../../testing/single-turn.ts';

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

/** Creates a stage with the given numbers of updates and problems per step. */
function liveStage(updates: number, problems = updates): LiveStage {
  const recipe = recipeOf({ problems, groupSize: 2, updates });
  const settings = resolvedStages(recipe)[0]!;
  const sampler = { choose: () => [], observe() {}, save: () => null, restore() {}, metrics: () => ({}) };
  return { settings, algorithm, problems: new Map(), levels: new Map(), sampler, gates: [] };
}

/**
 * Creates a group of two rollouts, one of which is correct if the group is mixed. The prompt's token identifies the
 * group.
 */
function groupOf(number: number, isMixed = true): ScoredGroup {
  const rollout = (index: number): Rollout => ({
    problemId: `p${number}`,
    index,
    transcripts: [
      singleTurn({
        promptTokens: Int32Array.of(number),
        tokens: new Int32Array(1 + (number % 3)).fill(7),
      }),
    ],
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

test('makes one on-policy update per batch unless more are configured', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const metrics = (await learnFrom(engine, liveStage(1, 5), groupsUpTo(5), moment))?.metrics;
  expect(engine.trained).toHaveLength(1);
  const { sequences } = engine.trained[0]!.batch;
  expect(sequences).toHaveLength(10);
  expect(sequences.every(({ policyLogprobs }) => policyLogprobs === undefined)).toBe(true);
  expect(metrics).toMatchObject({ 'optim/updates': 1, 'optim/skippedUpdates': 0, 'batch/sequences': 10 });
});

test('splits groups evenly into mini-batches; later ones use the first policy as the old policy', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 24 }), fc.nat(), fc.nat(), async (wanted, fewer, some) => {
      const [count, updates] = [1 + (fewer % wanted), 1 + (some % wanted)];
      const engine = scriptedEngine({ complete: () => '', tokenLogprob: -0.25 });
      const metrics = (await learnFrom(engine, liveStage(updates, wanted), groupsUpTo(count), moment))
        ?.metrics;
      // Half as many groups give half as many updates, each on the same number of groups.
      const made = Math.ceil((updates * count) / wanted);
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
        // The loss is averaged over the tokens of the mini-batch, not of the step.
        const weights = sequences.flatMap((sequence) => [...sequence.weights]);
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
        const old = sequences.map(({ policyLogprobs }) => policyLogprobs && [...policyLogprobs]);
        const scored = sequences.map(({ tokens }) => [0, ...Array.from(tokens.subarray(1), () => -0.25)]);
        expect(old).toEqual(at === 0 ? sequences.map(() => undefined) : scored);
      }
    }),
  );
});

test('makes no update for a mini-batch without a signal', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const groups = [groupOf(0), groupOf(1, false), groupOf(2), groupOf(3, false)];
  const metrics = (await learnFrom(engine, liveStage(2, 4), groups, moment))?.metrics;
  expect(engine.steps).toHaveLength(1);
  expect(metrics).toMatchObject({ 'optim/updates': 1, 'optim/skippedUpdates': 0 });
  expect(await learnFrom(engine, liveStage(2), [groupOf(1, false)], moment)).toBeNull();
});

test('skips an update with a non-finite gradient and applies the others', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const optimStep = engine.optimStep.bind(engine);
  engine.optimStep = async (step) => {
    const update = await optimStep(step);
    return engine.steps.length === 2 ? { ...update, applied: false, gradNorm: NaN } : update;
  };
  const metrics = (await learnFrom(engine, liveStage(3, 6), groupsUpTo(6), moment))?.metrics;
  expect(metrics).toMatchObject({ 'optim/updates': 2, 'optim/skippedUpdates': 1, 'batch/sequences': 8 });
  expect(Object.values(metrics!).every(Number.isFinite)).toBe(true);
});

test('throws if the policy assigns non-finite log-probabilities to its own rollouts', async () => {
  const engine = scriptedEngine({ complete: () => '', tokenLogprob: NaN });
  await expect(learnFrom(engine, liveStage(2), groupsUpTo(2), moment)).rejects.toThrow(
    /gives non-finite probabilities to its own rollouts/u,
  );
  expect(engine.steps).toEqual([]);
});

test('throws if the loss is not finite but its gradient is', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const forwardBackward = engine.forwardBackward.bind(engine);
  engine.forwardBackward = async (...asked) => ({ ...(await forwardBackward(...asked)), loss: Infinity });
  await expect(learnFrom(engine, liveStage(1), groupsUpTo(2), moment)).rejects.toThrow(
    /the loss is Infinity/u,
  );
});

test('averages the metrics of several updates over tokens, and compares the sampler with the policy before the first update', () => {
  const loss = (tokens: number, value: number): LossStats => ({
    loss: value,
    tokens,
    processedTokens: tokens,
    sequences: 2,
    entropy: value,
    clipHigh: value,
    mismatchKl: value,
    maxProbabilityGap: 0.25,
    logprobs: [],
  });
  const update = { policyVersion: 1, gradNorm: 3, applied: true };
  const later = {
    tokens: Int32Array.of(1, 2, 3),
    weights: Float32Array.of(0, 0.5, 0.5),
    advantages: Float32Array.of(0, 1, 1),
    rolloutLogprobs: Float32Array.of(9, 0, -1),
    policyLogprobs: Float32Array.of(0, -2, -3),
  };
  const updates = [
    { loss: loss(10, 1), update },
    { loss: loss(30, 2), update },
  ];
  expect(learningMetrics(updates, [later], 1e-4)).toEqual({
    'optim/loss': 1.5,
    'optim/learningRate': 1e-4,
    'optim/gradNorm': 3,
    'batch/tokens': 40,
    'batch/sequences': 4,
    'policy/entropy': 1.75,
    'policy/clipHigh': 1.75,
    // Ten tokens differ by 1 and two by 2; the first token of a sequence belongs to the prompt.
    'policy/mismatchKl': 14 / 12,
    'policy/maxProbabilityGap': 1 - Math.exp(-2),
  });
  // The metrics of a single update have exactly the measured bits.
  const single = learningMetrics([{ loss: loss(3, 0.1), update }], [], 1e-4);
  expect([single['policy/entropy'], single['policy/mismatchKl']]).toEqual([0.1, 0.1]);
});

test('a stage can set its number of updates; the error for more updates than groups shows the arithmetic', () => {
  const recipe = recipeOf({ problems: 10, groupSize: 2, updates: 2 }, 4);
  expect(resolvedStages(recipe)[0]!.updatesPerStep).toBe(4);
  expect(describeBatches(recipe)[0]).toContain('4 optimizer updates per step, each on 2 to 3 problems');
  expect(describeBatches(recipeOf({ problems: 10, groupSize: 2 }))[0]).toContain(
    'one optimizer update per step',
  );
  expect(() => recipeOf({ problems: 3, groupSize: 2, updates: 4 })).toThrow(ConfigError);
});

test.each(['rloo', 'reinforce'] as const)(
  '%s, which has no ratio, is rejected for more than one update',
  (type) => {
    const several = { ...recipeOf({ problems: 4, groupSize: 2, updates: 2 }), algorithm: { type } };
    expect(() => defineRecipe(several)).toThrow(`expected one update per step for ${type}, got 2`);
    expect(() => defineRecipe({ ...several, batch: { problems: 4, groupSize: 2 } })).not.toThrow();
  },
);

test('makes later updates off-policy and clipped on a real model; the sampler is the policy before the first one', async () => {
  const model = fileURLToPath(new URL('../../../models/gradus-tiny', import.meta.url));
  await using engine = await openEmbeddedEngine({ model, lanes: 1, threads: 1 });
  await using verifier = openVerifier(verifierConfig.parse(mathAnswer({ extraction: 'boxed' })));
  const source = generated({ families: ['addition'], knobs: [1, 2], split: 'train', perCell: 8 });
  const problems = [...generateProblems(generatedConfig.parse(source))];
  const wanted = { problems, rollouts: 8, maxTokens: 24, temperature: 1.2, seed: 1 };
  const rolled = await rollAll({ engine, verifierFor: () => verifier }, wanted);
  const options = { reward: rewardConfig.parse({ type: 'outcome' }), maxTokens: 24 };
  const settings = dapo({ kl: { estimator: 'k3', coefficient: 0.01 } });
  const withKl = createAlgorithm(algorithmConfig.parse(settings));
  const scored = rolled.map((group) => scoreGroup(group, withKl, options));
  const live = liveStage(4, problems.length);
  const sampling = { ...live.settings.sampling, temperature: 1.2, maxTokens: 24 };
  const stageOf = (updatesPerStep: number): LiveStage => ({
    ...live,
    algorithm: withKl,
    settings: { ...live.settings, sampling, updatesPerStep },
  });
  const once = (await learnFrom(engine, stageOf(1), scored, moment))?.metrics;
  expect([once!['policy/clipLow'], once!['policy/clipHigh'], once!['policy/kl']]).toEqual([0, 0, 0]);
  expect(Math.abs(once!['policy/mismatchKl']!)).toBeLessThan(1e-4);

  const again = await rollAll({ engine, verifierFor: () => verifier }, { ...wanted, seed: 2 });
  const learned = await learnFrom(
    engine,
    stageOf(4),
    again.map((group) => scoreGroup(group, withKl, options)),
    moment,
  );
  const metrics = learned!.metrics;
  expect(metrics['optim/updates']).toBe(4);
  expect(metrics['policy/clipLow']! + metrics['policy/clipHigh']!).toBeGreaterThan(0);
  expect(metrics['policy/kl']).toBeGreaterThan(0);
  // By the later mini-batches, the policy has changed, but the old policy has not.
  expect(Math.abs(metrics['policy/mismatchKl']!)).toBeLessThan(1e-4);
  expect(metrics['policy/maxProbabilityGap']).toBeLessThan(1e-3);
});
