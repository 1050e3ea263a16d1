import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { algorithmConfig, createAlgorithm } from '../../src/algorithms/algorithm.ts';
import { rewardConfig } from '../../src/algorithms/reward.ts';
import { scoreGroup } from '../../src/algorithms/scored-group.ts';
import { buildTrainingBatch } from '../../src/algorithms/training-batch.ts';
import type { RolloutGroup } from '../../src/core/rollout.ts';
import { openEmbeddedEngine } from '../../src/engines/embedded/engine.ts';
import type { LearningEngine } from '../../src/engines/engine.ts';
import { openTorchEngine } from '../../src/engines/torch/engine.ts';
import { generateProblems, generated, generatedConfig } from '../../src/problems/generated-source.ts';
import { rollAll } from '../../src/rollout/roll-groups.ts';
import { scriptedEnvironment } from '../../src/testing/index.ts';
import { mathAnswer, mathConfig, openMathAnswer } from '../../src/verifiers/math/verifier.ts';
import { hasTorch } from '../worker/environment.ts';

/*
 * Two-turn attempts by the bundled model, and three steps on them. They prove that a change alters neither the tokens
 * sampled after an insertion nor the learned numbers. GRADUS_UPDATE_GOLDEN=1 deliberately writes new numbers.
 */

const file = fileURLToPath(new URL('./two-turns.json', import.meta.url));
const model = fileURLToPath(new URL('../../models/gradus-tiny', import.meta.url));
const isUpdating = process.env['GRADUS_UPDATE_GOLDEN'] === '1';
const maxTokens = 24;

const problems = [
  ...generateProblems(
    generatedConfig.parse(
      generated({ families: ['addition', 'brackets'], knobs: [2], split: 'train', perCell: 2, seed: 5 }),
    ),
  ),
];
const verifier = openMathAnswer(mathConfig.parse(mathAnswer({ extraction: 'boxed' })));

/** Inserts text inside the first turn, at its first opening brace; the second turn ends the attempt. */
const environment = scriptedEnvironment({
  stop: ['{'],
  reply: (_written, turn) =>
    turn === 0 ? { reply: { type: 'insert', text: '7' } } : { reply: { type: 'end' }, reward: 1 },
});

/** Returns attempts with verdicts that depend on the index, so that every group has an advantage. */
async function attempts(engine: LearningEngine): Promise<RolloutGroup[]> {
  const environments = { of: () => environment, call: async () => ({ outcome: 'ok', text: '' }) as const };
  const groups = await rollAll(
    { engine, verifierFor: () => verifier, environments },
    { problems, rollouts: 4, maxTokens, temperature: 1, seed: 11 },
  );
  return groups.map((group) => ({
    ...group,
    rollouts: group.rollouts.map((rollout) => ({
      ...rollout,
      verdict: {
        outcome: rollout.index % 2 === 0 ? 'correct' : 'incorrect',
        score: 0,
        reason: '',
        verifier: 'golden@1',
      },
    })),
  }));
}

const algorithm = createAlgorithm(algorithmConfig.parse({ type: 'grpo', entropy: 0.01 }));
const reward = rewardConfig.parse({ type: 'outcome', environment: 0.25 });

async function play(engine: LearningEngine) {
  const groups = await attempts(engine);
  const scored = groups.map((group) => scoreGroup(group, algorithm, { reward, maxTokens }));
  const { sequences } = buildTrainingBatch(scored, algorithm, { maxTokens });
  const steps = [];
  for (let step = 0; step < 3; step++) {
    const { loss } = await engine.learner.forwardBackward(
      { sequences },
      algorithm.lossSpec({ temperature: 1 }),
    );
    const { gradNorm } = await engine.learner.optimStep({ learningRate: 1e-4, maxGradNorm: 1 });
    steps.push({ loss, gradNorm: gradNorm! });
  }
  return {
    attempts: groups.flatMap(({ rollouts }) =>
      rollouts.map(({ transcripts: [first] }, index) => ({
        index,
        tokens: Array.from(first!.tokens),
        written: first!.written.map(({ start, end }) => [start, end]),
        logprobs: Array.from(first!.logprobs, (value) => Number(value.toFixed(6))),
      })),
    ),
    steps,
  };
}

type Played = Awaited<ReturnType<typeof play>>;

async function readGolden(played: Played): Promise<Played> {
  if (isUpdating) await writeFile(file, `${JSON.stringify(played)}\n`);
  return JSON.parse(await readFile(file, 'utf8')) as Played;
}

function expectEqual(played: Played, golden: Played): void {
  expect(golden.attempts.filter(({ written }) => written.length === 2).length).toBeGreaterThan(4);
  expect(played.attempts.map(({ tokens, written }) => ({ tokens, written }))).toEqual(
    golden.attempts.map(({ tokens, written }) => ({ tokens, written })),
  );
  for (const [i, { logprobs }] of played.attempts.entries())
    for (const [t, value] of logprobs.entries())
      expect(Math.abs(value - golden.attempts[i]!.logprobs[t]!)).toBeLessThan(1e-4);
  for (const [i, { loss, gradNorm }] of played.steps.entries()) {
    expect(Math.abs(loss - golden.steps[i]!.loss)).toBeLessThan(5e-5);
    expect(Math.abs(gradNorm / golden.steps[i]!.gradNorm - 1)).toBeLessThan(5e-4);
  }
}

test('the embedded engine writes and learns the golden attempts of two turns', async () => {
  await using engine = await openEmbeddedEngine({ model, lanes: 1, threads: 1 });
  const played = await play(engine);
  const golden = await readGolden(played);
  expect(played.attempts).toHaveLength(golden.attempts.length);
  expectEqual(played, golden);
});

// Golden numbers are written only by the embedded engine.
test.skipIf(isUpdating || !hasTorch)(
  'PyTorch writes and learns the golden attempts of the embedded engine',
  async () => {
    await using engine = await openTorchEngine({ model, device: 'cpu' });
    const played = await play(engine);
    const golden = await readGolden(played);
    expect(played.attempts).toHaveLength(golden.attempts.length);
    expectEqual(played, golden);
  },
);
