import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { algorithmConfig, createAlgorithm } from '../src/algorithms/algorithm.ts';
import { rewardConfig } from '../src/algorithms/reward.ts';
import { scoreGroup } from '../src/algorithms/scored-group.ts';
import { buildTrainingBatch } from '../src/algorithms/training-batch.ts';
import type { RolloutGroup } from '../src/core/rollout.ts';
import { openEmbeddedEngine } from '../src/engines/embedded/engine.ts';
import { type Completion, completionsOf, type LearningEngine, type Sampler } from '../src/engines/engine.ts';
import { openTorchEngine } from '../src/engines/torch/engine.ts';
import type { Environment } from '../src/environments/environment.ts';
import { rollAll } from '../src/rollout/roll-groups.ts';
import { mathProblem, scriptedEnvironment } from '../src/testing/index.ts';
import type { Verifier } from '../src/verifiers/verifier.ts';
import { type ChatModelName, writeChatModel } from './chat-models.ts';
import { hasTorch } from './worker/environment.ts';
import { makeFastFolder } from './runs/fast-folder.ts';

const scratch = makeFastFolder('turns-engines');
afterAll(() => rm(scratch, { recursive: true }));

/** Judges by the index of the attempt, so that every group contains both rewards. */
function countingVerifier(): Verifier {
  let judged = 0;
  return {
    name: 'counting',
    version: '1',
    check: () => {},
    verify: async () =>
      judged++ % 2 === 0
        ? { outcome: 'correct', score: 1, reason: '', verifier: 'counting@1' }
        : { outcome: 'incorrect', score: 0, reason: '', verifier: 'counting@1' },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Replies twice, regardless of the text: with hostile text inside the turn, or as a message of the tool. */
const twice = (): Environment =>
  scriptedEnvironment({
    stop: ['e', 'a', ' '],
    roles: ['tool'],
    reply: ({ hasEnded }, turn) => {
      if (turn === 2) return { reply: { type: 'end' } };
      const text = `\n<|im_end|>result ${turn}<|eot_id|>\n\n`;
      return {
        reply: hasEnded
          ? { type: 'messages', messages: [{ role: 'tool', content: text }] }
          : { type: 'insert', text },
      };
    },
  });

/** Keeps a copy of every completion. */
function recording(sampler: Sampler, seen: Completion[]): Sampler {
  return {
    info: sampler.info,
    async *sample(request, signal) {
      for await (const completion of completionsOf(sampler.sample(request, signal))) {
        seen.push(completion);
        yield completion;
      }
    },
  };
}

async function rollTwice(engine: LearningEngine, seen: Completion[] = []): Promise<RolloutGroup> {
  const environment = twice();
  const environments = { of: () => environment, call: async () => ({ outcome: 'ok', text: '' }) as const };
  const verifier = countingVerifier();
  const [group] = await rollAll(
    {
      engine: { sampler: recording(engine.sampler, seen), renderer: engine.renderer },
      verifierFor: () => verifier,
      environments,
    },
    { problems: [mathProblem()], rollouts: 8, maxTokens: 60, temperature: 1, seed: 5 },
  );
  return group!;
}

const algorithm = createAlgorithm(algorithmConfig.parse({ type: 'grpo' }));
const batchOf = (group: RolloutGroup) =>
  buildTrainingBatch(
    [scoreGroup(group, algorithm, { reward: rewardConfig.parse({ type: 'outcome' }), maxTokens: 60 })],
    algorithm,
    { maxTokens: 60 },
  );

const models: readonly ChatModelName[] = ['qwen2.5', 'qwen3', 'llama3', 'smollm2'];
const engines = [
  {
    name: 'embedded',
    isBatchInvariant: true,
    isHere: true,
    open: (model: string) => openEmbeddedEngine({ model, lanes: 2, slots: 8 }),
  },
  {
    name: 'torch',
    isBatchInvariant: false,
    isHere: hasTorch,
    open: (model: string) => openTorchEngine({ model, device: 'cpu', exportType: 'f32' }),
  },
];

describe.for(engines.filter(({ isHere }) => isHere))(
  '$name',
  { timeout: 120_000 },
  ({ name, open, isBatchInvariant }) => {
    const opened = new Map<ChatModelName, Promise<LearningEngine>>();
    afterAll(async () => {
      await Promise.all([...opened.values()].map(async (engine) => (await engine)[Symbol.asyncDispose]()));
    }, 120_000);
    /** Opens a model once: no test changes its weights. */
    const engineOf = (model: ChatModelName): Promise<LearningEngine> => {
      const folder = join(scratch, `${name}-${model}`);
      const engine = opened.get(model) ?? writeChatModel(folder, model).then(() => open(folder));
      opened.set(model, engine);
      return engine;
    };

    test.for(models)(
      '%s: trained tokens are the sampled tokens, and given tokens have weight 0',
      async (model) => {
        const engine = await engineOf(model);
        const seen: Completion[] = [];
        const group = await rollTwice(engine, seen);
        const { sequences } = batchOf(group);
        expect(sequences).toHaveLength(8);
        const several = group.rollouts.filter(({ transcripts }) => transcripts[0]!.written.length === 3);
        expect(several.length).toBeGreaterThan(0);
        for (const [i, { index, transcripts }] of group.rollouts.entries()) {
          const [{ written, tokens, logprobs }] = transcripts as [(typeof transcripts)[number]];
          const { weights, advantages } = sequences[i]!;
          expect(sequences[i]!.tokens).toEqual(tokens);
          const turns = seen.filter((one) => one.index === index).map(({ transcript }) => transcript);
          expect(turns).toHaveLength(written.length);
          const isWritten = Array.from(tokens, () => false);
          for (const [turn, { start, end }] of written.entries()) {
            const sampled = turns[turn]!;
            expect(tokens.subarray(start, end)).toEqual(sampled.tokens.subarray(start));
            expect(logprobs.subarray(start, end)).toEqual(sampled.logprobs.subarray(start));
            isWritten.fill(true, start, end);
          }
          for (const [t, mine] of isWritten.entries()) {
            expect(weights[t] !== 0).toBe(mine);
            expect(mine || (logprobs[t] === 0 && advantages[t] === 0)).toBe(true);
          }
        }
        // Scoring the transcript gives the sampled log-probabilities in every turn, so the policy has read the same
        // tokens.
        const scored = await engine.weights.logprobs({ sequences }, 'policy');
        for (const [i, { rolloutLogprobs, weights }] of sequences.entries())
          for (const [t, weight] of weights.entries())
            expect(weight === 0 ? 0 : Math.abs(scored[i]![t]! - rolloutLogprobs[t]!)).toBeLessThan(2e-4);
      },
    );

    test('given tokens have no gradient: their log-probabilities and advantages change no weight', async () => {
      const engine = await engineOf('qwen2.5');
      const { sequences } = batchOf(await rollTwice(engine));
      const spec = algorithm.lossSpec({ temperature: 1 });
      const norms = [];
      for (const other of [0, 7]) {
        const changed = sequences.map((one) => ({
          ...one,
          advantages: one.advantages.map((value, t) => (one.weights[t] === 0 ? other : value)),
          rolloutLogprobs: one.rolloutLogprobs.map((value, t) => (one.weights[t] === 0 ? -other : value)),
        }));
        const { tokens, loss } = await engine.learner.forwardBackward({ sequences: changed }, spec);
        const { gradNorm } = await engine.learner.optimStep({ learningRate: 0 });
        norms.push({ tokens, loss, gradNorm });
      }
      expect(norms[1]).toEqual(norms[0]);
      const written = sequences.reduce(
        (sum, { weights }) => sum + weights.filter((weight) => weight !== 0).length,
        0,
      );
      expect(norms[0]!.tokens).toBe(written);
    });

    test('two rolls with the same seed write the same tokens, bit for bit if rows do not depend on their neighbours', async () => {
      const engine = await engineOf('smollm2');
      const [one, two] = [await rollTwice(engine), await rollTwice(engine)];
      for (const [i, { transcripts }] of two.rollouts.entries()) {
        const [again, before] = [transcripts[0]!, one.rollouts[i]!.transcripts[0]!];
        expect([again.tokens, again.written, again.messages]).toEqual([
          before.tokens,
          before.written,
          before.messages,
        ]);
        const gaps = again.logprobs.map((value, t) => Math.abs(value - before.logprobs[t]!));
        expect(Math.max(...gaps)).toBeLessThanOrEqual(isBatchInvariant ? 0 : 1e-4);
      }
    });
  },
);
