import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Completion, SampleRequest } from '../engines/engine.ts';
import { mathProblem, scriptedEngine } from './index.ts';
import { type SampledTurn, sampleTurns } from './single-turn.ts';

const request: SampleRequest = {
  prompts: [{ key: 'a', prompt: mathProblem().prompt, count: 2, firstIndex: 3 }],
  maxTokens: 10,
  seed: 0,
};

async function collect(completions: AsyncIterable<SampledTurn>): Promise<SampledTurn[]> {
  const all: SampledTurn[] = [];
  for await (const completion of completions) all.push(completion);
  return all;
}

test('yields the scripted completions, with key, index and version', async () => {
  const engine = scriptedEngine({ complete: (key, index, version) => `${key}${index}${version}` });
  const [first, second] = await collect(sampleTurns(engine, request));
  expect(first).toMatchObject({ key: 'a', index: 3, text: 'a30', finishReason: 'stop', policyVersion: 0 });
  expect(second).toMatchObject({ index: 4, text: 'a40' });
  expect(first!.tokens.length).toBe(first!.logprobs.length);
});

test('truncates completions at limits and stop strings', async () => {
  const engine = scriptedEngine({ complete: () => 'yes;no and so on' });
  const [cut] = await collect(sampleTurns(engine, { ...request, maxTokens: 6 }));
  expect(cut).toMatchObject({ text: 'yes;no', finishReason: 'length' });
  const [stopped] = await collect(sampleTurns(engine, { ...request, stop: [';'] }));
  expect(stopped).toMatchObject({ text: 'yes;', finishReason: 'stop' });
});

test('drops unfinished completions on abort', async () => {
  const engine = scriptedEngine({ complete: () => 'x' });
  const abort = new AbortController();
  const seen: Completion[] = [];
  for await (const completion of engine.sample(request, abort.signal)) {
    seen.push(completion);
    abort.abort();
  }
  expect(seen.length).toBe(1);
});

test('counts training and restores state', async () => {
  const engine = scriptedEngine({ complete: () => '' });
  const sequence = {
    tokens: Int32Array.of(1, 2),
    weights: Float32Array.of(0, 0.5),
    advantages: Float32Array.of(0, 3),
    rolloutLogprobs: new Float32Array(2),
  };
  const loss = {
    policy: { type: 'reinforce' },
    kl: null,
    entropy: null,
    importance: null,
    temperature: 1,
  } as const;
  const stats = await engine.forwardBackward({ sequences: [sequence] }, loss);
  expect(stats).toMatchObject({ loss: -1.5, tokens: 1, processedTokens: 2, sequences: 1 });
  expect(await engine.optimStep({ learningRate: 1 })).toMatchObject({ policyVersion: 1, applied: true });
  const dir = await mkdtemp(join(tmpdir(), 'scripted-'));
  await engine.saveState(dir);
  await using other = scriptedEngine({ complete: () => '' });
  await other.loadState(dir);
  expect(other.policyVersion).toBe(1);
});
