import { readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { algorithmConfig, createAlgorithm } from '../../src/algorithms/algorithm.ts';
import { rewardConfig } from '../../src/algorithms/reward.ts';
import { scoreGroup } from '../../src/algorithms/scored-group.ts';
import { buildTrainingBatch } from '../../src/algorithms/training-batch.ts';
import type { Problem } from '../../src/core/problem.ts';
import type { RolloutGroup } from '../../src/core/rollout.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import type { Engine, LearningEngine, SampleRequest } from '../../src/engines/engine.ts';
import { openTorchEngine } from '../../src/engines/torch/engine.ts';
import { generateProblems, generated, generatedConfig } from '../../src/problems/generated-source.ts';
import { hasTorch } from '../worker/environment.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';
import { type SampledTurn, sampleTurns, singleTurn } from '../../src/testing/single-turn.ts';

/*
 * Takes ten steps of the bundled model on stored rollouts, for three algorithms, to prove that a change does not alter
 * numbers. GRADUS_UPDATE_GOLDEN=1 deliberately writes new numbers.
 */

const file = fileURLToPath(new URL('./ten-steps.json', import.meta.url));
const model = fileURLToPath(new URL('../../models/gradus-tiny', import.meta.url));
const maxTokens = 24;

const algorithms = {
  grpo: { type: 'grpo', kl: { estimator: 'k3', coefficient: 0.05 } },
  dapo: { type: 'dapo', entropy: 0.01 },
  gspo: { type: 'gspo', clipLow: 0.2, clipHigh: 0.2 },
} as const;

const problems = [
  ...generateProblems(
    generatedConfig.parse(
      generated({ families: ['brackets', 'max-min'], knobs: [1, 2], split: 'train', perCell: 2, seed: 5 }),
    ),
  ),
];

/**
 * Returns four attempts at each problem: its worked solution, the same solution truncated, and two with a different
 * last digit.
 */
async function writtenGroups(engine: LearningEngine): Promise<RolloutGroup[]> {
  const sequences = problems.flatMap((problem) => attempts(problem).map((text) => ({ problem, text })));
  const tokenised = sequences.map(({ problem, text }) => {
    const prompt = engine.renderer.render(problem.prompt);
    const written = Int32Array.from([...engine.renderer.encode(text), engine.renderer.endTokens[0]!]);
    return { prompt, written, tokens: Int32Array.from([...prompt, ...written]) };
  });
  const scores = await engine.weights.logprobs({ sequences: tokenised }, 'policy');
  return problems.map((problem, p) => ({
    problem,
    rollouts: attempts(problem).map((text, index) => {
      const at = p * 4 + index;
      const { prompt, written } = tokenised[at]!;
      return {
        problemId: problem.id,
        index,
        transcripts: [
          singleTurn({
            promptTokens: prompt,
            tokens: written,
            logprobs: scores[at]!.slice(prompt.length),
            text,
          }),
        ],
        verdict: {
          outcome: index === 0 ? 'correct' : 'incorrect',
          score: Number(index === 0),
          reason: '',
          verifier: 'golden@1',
        },
      };
    }),
  }));
}

function attempts({ solution = '' }: Problem): string[] {
  const withDigit = (digit: string): string => solution.replace(/\d(?=\D*$)/, digit);
  return [solution, solution.slice(0, Math.ceil(solution.length / 2)), withDigit('3'), withDigit('7')];
}

async function tenSteps(
  engine: LearningEngine,
  type: keyof typeof algorithms,
): Promise<{ loss: number; gradNorm: number }[]> {
  const algorithm = createAlgorithm(algorithmConfig.parse(algorithms[type]));
  const reward = rewardConfig.parse({ type: 'outcome' });
  const groups = await writtenGroups(engine);
  const steps = [];
  for (let step = 0; step < 10; step++) {
    const scored = groups.map((group) => scoreGroup(group, algorithm, { reward, maxTokens }));
    const { sequences } = buildTrainingBatch(scored, algorithm, { maxTokens });
    const reference = await engine.weights.logprobs({ sequences }, 'reference');
    const batch = {
      sequences: sequences.map((one, i) => ({
        ...one,
        referenceLogprobs: reference[i]!,
        policyLogprobs: one.rolloutLogprobs,
      })),
    };
    const { loss } = await engine.learner.forwardBackward(batch, algorithm.lossSpec({ temperature: 1 }));
    const { gradNorm } = await engine.learner.optimStep({
      learningRate: 1e-4,
      weightDecay: 0.01,
      maxGradNorm: 1,
    });
    steps.push({ loss, gradNorm: gradNorm! });
  }
  return steps;
}

type Steps = Awaited<ReturnType<typeof tenSteps>>;

/** Returns the largest differences from the golden numbers: absolute for losses, relative for gradient norms. */
async function gapToGolden(type: string, steps: Steps): Promise<{ loss: number; gradNorm: number }> {
  const golden = JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as Record<string, Steps>;
  if (isUpdating) await writeFile(file, `${JSON.stringify({ ...golden, [type]: steps }, null, 1)}\n`);
  const expected = isUpdating ? steps : golden[type]!;
  const largest = (gap: (one: Steps[number], i: number) => number): number => Math.max(...steps.map(gap));
  return {
    loss: largest(({ loss }, i) => Math.abs(loss - expected[i]!.loss)),
    gradNorm: largest(({ gradNorm }, i) => Math.abs(gradNorm / expected[i]!.gradNorm - 1)),
  };
}

const isUpdating = process.env['GRADUS_UPDATE_GOLDEN'] === '1';
const types = Object.keys(algorithms) as (keyof typeof algorithms)[];

test.for(types)('reproduces the golden losses in ten steps of %s', async (type) => {
  await using engine = await openEmbeddedEngine({ model, lanes: 1, threads: 1 });
  const gap = await gapToGolden(type, await tenSteps(engine, type));
  expect(gap.loss).toBeLessThan(5e-5);
  expect(gap.gradNorm).toBeLessThan(5e-4);
});

describe.skipIf(!hasTorch)('PyTorch (skipped without a Python environment: npx gradus doctor --fix)', () => {
  let start: string;
  let theirs: LearningEngine;
  beforeAll(async () => {
    start = makeFastFolder('ten-steps');
    theirs = await openTorchEngine({ model, device: 'cpu' });
    await theirs.learner.saveState(start);
  }, 120_000);
  // Every test begins with the model as loaded.
  beforeEach(() => theirs.learner.loadState(start), 60_000);
  afterAll(async () => {
    await theirs[Symbol.asyncDispose]();
    await rm(start, { recursive: true });
  });

  // Golden numbers are written only by the embedded engine.
  test.skipIf(isUpdating).for(types)(
    'gives the golden losses of the embedded engine in ten steps of %s',
    async (type) => {
      const gap = await gapToGolden(type, await tenSteps(theirs, type));
      expect(gap.loss).toBeLessThan(5e-5);
      expect(gap.gradNorm).toBeLessThan(5e-4);
    },
  );

  test('has the hash, tokens and log-probabilities of the embedded engine', async () => {
    await using ours = await openEmbeddedEngine({ model, lanes: 1, threads: 1 });
    const { modelHash, vocabSize, parameters, maxSequenceTokens } = ours.sampler.info;
    expect(theirs.sampler.info).toMatchObject({ modelHash, vocabSize, parameters, maxSequenceTokens });
    expect(theirs.renderer.endTokens).toEqual(ours.renderer.endTokens);
    const prompts = problems.map(({ id, prompt }) => ({ key: id, prompt, count: 4 }));
    for (const how of [{}, { temperature: 0.7, topP: 0.9 }, { topK: 5, stop: ['='] }, { temperature: 0 }]) {
      const request = { prompts, maxTokens: 48, seed: 3, ...how };
      const [a, b] = [await turnsOf(ours, request), await turnsOf(theirs, request)];
      expect(b.map(({ text, finishReason }) => [text, finishReason])).toEqual(
        a.map(({ text, finishReason }) => [text, finishReason]),
      );
      for (const [i, { tokens, logprobs, entropies }] of a.entries()) {
        expect(b[i]!.tokens).toEqual(tokens);
        for (const [t, value] of logprobs.entries())
          expect(Math.abs(b[i]!.logprobs[t]! - value)).toBeLessThan(1e-4);
        for (const [t, value] of entropies!.entries())
          expect(Math.abs(b[i]!.entropies![t]! - value)).toBeLessThan(1e-4);
      }
    }
  });
});

async function turnsOf(engine: Engine, request: SampleRequest): Promise<SampledTurn[]> {
  const all: SampledTurn[] = [];
  for await (const one of sampleTurns(engine, request)) all.push(one);
  return all.toSorted((a, b) => a.key.localeCompare(b.key) || a.index - b.index);
}
