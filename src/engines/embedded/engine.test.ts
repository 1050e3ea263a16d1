import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { crossEntropyLoss } from '../../core/loss-spec.ts';
import { openModelFolder } from '../model-files/model-folder.ts';
import { embedded, embeddedConfig, openEmbeddedEngine } from './engine.ts';
import { openLane } from './lanes/lane.ts';
import { sampleTurns } from '../../testing/single-turn.ts';

const model = 'test/golden/parity-qwen2';
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'embedded-engine-'));
});
afterAll(() => rm(scratch, { recursive: true }));

test('takes default settings from the schema and rejects unknown ones', () => {
  expect(embeddedConfig.parse(embedded())).toEqual({
    type: 'embedded',
    slots: 64,
    memoryBudget: '2GiB',
    exportType: 'bf16',
  });
  expect(() => embeddedConfig.parse({ ...embedded(), lane: 2 })).toThrow(/lane/);
  expect(() => embeddedConfig.parse(embedded({ memoryBudget: '2 GB' }))).toThrow(/amount of memory/);
});

test('closes during a computation without crashing the process', async () => {
  for (let round = 0; round < 8; round++) {
    const engine = await openEmbeddedEngine({ model, lanes: 2 });
    const prompts = [{ key: 'a', prompt: Int32Array.of(4, 5), count: 200 }];
    const write = async (): Promise<void> => {
      const request = { prompts, maxTokens: 200, temperature: 1, seed: 1 };
      for await (const _ of engine.sampler.sample(request));
    };
    const [outcome] = await Promise.allSettled([
      write(),
      new Promise((resolve) => setTimeout(resolve, 20 * round)).then(() => engine[Symbol.asyncDispose]()),
    ]);
    expect(['rejected', 'fulfilled']).toContain(outcome.status);
  }
});

test('samples the same completions for any number of lanes, threads and slots', async () => {
  const outcomes: string[] = [];
  for (const settings of [
    { lanes: 1, slots: 3 },
    { lanes: 3, slots: 64 },
    { lanes: 1, threads: 2, slots: 7 },
  ]) {
    await using engine = await openEmbeddedEngine({ model, ...settings });
    const lines: string[] = [];
    const prompts = [5, 1, 9].map((count, i) => ({ key: `${i}`, prompt: Int32Array.of(4, 5 + i), count }));
    for await (const { key, index, tokens, logprobs } of sampleTurns(engine, {
      prompts,
      maxTokens: 30,
      seed: 3,
    })) {
      lines.push(`${key} ${index} ${tokens.join()} ${logprobs.join()}`);
    }
    outcomes.push(lines.toSorted().join('\n'));
  }
  expect(outcomes[0]!.split('\n').length).toBe(15);
  expect(new Set(outcomes).size).toBe(1);
});

test('rejects a truncated or edited state and a state from a different model, and leaves the engine unchanged', async () => {
  await using engine = await openEmbeddedEngine({ model, lanes: 1 });
  const whole = join(scratch, 'state');
  await engine.learner.saveState(whole);
  const damages: [name: string, damage: (dir: string) => Promise<void>, message: RegExp][] = [
    ['cut', (dir) => truncate(join(dir, 'weights.f32'), 100), /weights.f32: expected \d+ bytes, got 100/],
    [
      'flipped',
      (dir) => flip(join(dir, 'firstMoment.f32')),
      /checksum mismatch; the file changed after saving/,
    ],
    ['half', (dir) => rm(join(dir, 'secondMoment.f32')), /secondMoment.f32: expected a file/],
    ['unfinished', (dir) => rm(join(dir, 'engine-state.json')), /engine-state.json: expected a file/],
    ['garbled', (dir) => writeFile(join(dir, 'engine-state.json'), '{}'), /expected the manifest/],
  ];
  for (const [name, damage, message] of damages) {
    const dir = join(scratch, name);
    await cp(whole, dir, { recursive: true });
    await damage(dir);
    await expect(engine.learner.loadState(dir)).rejects.toThrow(message);
    await expect(engine.learner.loadState(dir)).rejects.toMatchObject({
      name: 'EngineError',
      code: 'STATE_INVALID',
    });
  }
  await using other = await openEmbeddedEngine({ model: 'test/golden/parity-llama', lanes: 1 });
  await expect(other.learner.loadState(whole)).rejects.toThrow(/expected a state of the open model/);
  await engine.learner.loadState(whole);
});

test('loads a state from an earlier version, which stores one count for both updates and optimizer steps', async () => {
  const dir = join(scratch, 'earlier');
  {
    await using engine = await openEmbeddedEngine({ model, lanes: 1 });
    for (let step = 0; step < 2; step++) await engine.learner.optimStep({ learningRate: 0 });
    await engine.learner.saveState(dir);
  }
  const file = join(dir, 'engine-state.json');
  const { optimizerSteps, ...manifest } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify(manifest));
  await using engine = await openEmbeddedEngine({ model, lanes: 1 });
  await engine.learner.loadState(dir);
  await engine.learner.saveState(dir);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ ...manifest, optimizerSteps });
  expect([manifest['policyVersion'], optimizerSteps]).toEqual([2, 2]);
});

test('when a lane dies, the error names the pending requests, and later requests are rejected', async () => {
  const { config, tokenizer } = await openModelFolder(model);
  // A lane cannot start without a config: its thread throws immediately, as if it had run out of memory.
  const options = { folder: model, threads: 1, slots: 4, maxSequenceTokens: 100, memoryBudgetBytes: 1e9 };
  const broken = { ...options, config: null as never, endTokens: tokenizer.endTokens };
  await using lane = openLane(broken);
  const weights = new Float32Array(new SharedArrayBuffer(4));
  const job = {
    prompts: [],
    maxTokens: 1,
    temperature: 1,
    topP: 1,
    topK: 0,
    stop: [],
    seed: 0,
    parts: false,
    isContinued: false,
  };
  const done = lane.sample(job, { values: weights, version: 0 }, new Int32Array(1), () => {});
  await expect(done).rejects.toMatchObject({ name: 'WorkerCrashed', code: 'WORKER_CRASHED' });
  await expect(done).rejects.toThrow(/pending: completions of 0 prompts/);
  const shape = { rows: 1, positions: 8 };
  const later = lane.logprobs({ weights, shape, feeds: {}, temperature: 1, inLayers: false });
  await expect(later).rejects.toMatchObject({ name: 'WorkerCrashed' });
  expect(config.layers).toBe(2);
});

test('a request during an update samples from the weights before or after it, never from a mixture', async () => {
  await using engine = await openEmbeddedEngine({ model, lanes: 2 });
  const tokens = Int32Array.from({ length: 40 }, (_, t) => 4 + (t % 9));
  const advantages = new Float32Array(40);
  const weights = advantages.map((_, t) => Math.sign(t));
  const batch = { sequences: [{ tokens, weights, advantages, rolloutLogprobs: advantages }] };
  const prompts = [{ key: 'a', prompt: Int32Array.of(4, 5), count: 6 }];
  const write = async (): Promise<string[]> => {
    const all: string[] = [];
    for await (const completion of sampleTurns(engine, { prompts, maxTokens: 20, seed: 1 }))
      all.push(`${completion.policyVersion} ${completion.index} ${completion.tokens.join()}`);
    return all.toSorted();
  };
  for (const turns of [0, 2, 5]) {
    const before = await write();
    await engine.learner.forwardBackward(batch, crossEntropyLoss);
    const update = engine.learner.optimStep({ learningRate: 1e-2 });
    // The update begins within the next turns of the event loop, before or after the request.
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const during = await write();
    await update;
    expect([before, await write()]).toContainEqual(during);
  }
});

test('rejects requests after closing instead of waiting', async () => {
  const engine = await openEmbeddedEngine({ model, lanes: 1 });
  await engine[Symbol.asyncDispose]();
  const scoring = engine.weights.logprobs({ sequences: [{ tokens: Int32Array.of(1, 2) }] }, 'policy');
  await expect(scoring).rejects.toMatchObject({ name: 'WorkerCrashed' });
});

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[5]! ^= 1;
  await writeFile(path, bytes);
}

test('topLogprobs returns the most probable tokens of the full distribution, most probable first', async () => {
  await using engine = await openEmbeddedEngine({ model, lanes: 1 });
  const texts = ['1+2=?', '7', '12*(3+4)'].map((text) => engine.renderer.encode(text));
  const vocabSize = engine.sampler.info.vocabSize!;
  const sequences = texts.map((tokens) => ({ tokens }));
  const all = await engine.weights.topLogprobs!({ sequences }, vocabSize + 5);
  const few = await engine.weights.topLogprobs!({ sequences }, 3);
  const scored = await engine.weights.logprobs({ sequences }, 'policy');
  for (const [i, tokens] of texts.entries()) {
    for (let t = 1; t < tokens.length; t++) {
      const row = all[i]!.logprobs.subarray(t * vocabSize, (t + 1) * vocabSize);
      const ids = all[i]!.tokens.subarray(t * vocabSize, (t + 1) * vocabSize);
      expect(new Set(ids).size).toBe(vocabSize);
      expect(row.reduce((sum, logprob) => sum + Math.exp(logprob), 0)).toBeCloseTo(1, 4);
      expect(row.toSorted((a, b) => b - a)).toEqual(row);
      expect(row[ids.indexOf(tokens[t]!)]).toBeCloseTo(scored[i]![t]!, 5);
      expect(few[i]!.tokens.subarray(3 * t, 3 * t + 3)).toEqual(ids.subarray(0, 3));
    }
  }
});
