import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { hashKey, uniformAt } from '../../core/rng.ts';
import { crossEntropyLoss as loss } from '../../core/loss-spec.ts';
import type { Engine, LearningEngine, SampleRequest } from '../engine.ts';
import { torch, torchConfig } from './config.ts';
import { openTorchEngine } from './engine.ts';
import { type SampledTurn, sampleTurns } from '../../testing/single-turn.ts';

const script = fileURLToPath(new URL('../../../test/worker/failing-worker.ts', import.meta.url));
const model = fileURLToPath(new URL('../../../test/golden/parity-qwen2', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'torch-engine-'));
afterAll(() => rmSync(folder, { recursive: true }));

const said: string[] = [];
const notify = (message: string): void => void said.push(message);
const open = (failure = 'never:none', maxSilence = '30s'): Promise<LearningEngine> =>
  openTorchEngine({ model, command: [process.execPath, script, failure], maxSilence, notify });
/** Opens an engine whose first worker fails once; the restarted worker does not. */
const openOnce = (failure: string, maxSilence?: string): Promise<LearningEngine> =>
  open(`${failure}:${join(folder, failure.replace(':', '-'))}`, maxSilence);

const prompt = Int32Array.of(1, 2, 3);
const request: SampleRequest = {
  prompts: [
    { key: 'a', prompt, count: 3, firstIndex: 4 },
    { key: 'b', prompt: Int32Array.of(5), count: 2 },
  ],
  maxTokens: 12,
  seed: 7,
};
const zeros = new Float32Array(3);
const sequence = {
  tokens: prompt,
  weights: Float32Array.of(0, 1, 1),
  advantages: zeros,
  rolloutLogprobs: zeros,
};

async function collect(engine: Engine, wanted: SampleRequest, signal?: AbortSignal): Promise<SampledTurn[]> {
  const all: SampledTurn[] = [];
  for await (const completion of sampleTurns(engine, wanted, signal)) all.push(completion);
  return all.toSorted((x, y) => x.key.localeCompare(y.key) || x.index - y.index);
}

test('if Python lacks packages for the worker, the error names them and the fix', async () => {
  const python = join(folder, 'python');
  const state = JSON.stringify({ python: '3.13.0', packages: {}, error: null, cuda: [] });
  const fails = 'echo "ModuleNotFoundError: No module named torch" >&2; exit 1';
  writeFileSync(python, `#!/bin/sh\n[ "$1" = -I ] && { echo '${state}'; exit 0; }\n${fails}\n`);
  chmodSync(python, 0o755);
  await expect(openTorchEngine({ model, python, notify })).rejects.toMatchObject({
    code: 'PYTHON_UNFIT',
    message: expect.stringMatching(/python lacks (?:.+, )?torch \d/),
    tryNext: 'gradus doctor --fix',
  });
});

test('samples completions that depend only on seed, key, index and position', async () => {
  await using engine = await open();
  const completions = await collect(engine, request);
  expect(completions.map(({ key, index }) => `${key}${index}`)).toEqual(['a4', 'a5', 'a6', 'b0', 'b1']);
  for (const { key, index, tokens, logprobs, text } of completions) {
    const drawn = Array.from({ length: 12 }, (_, t) => Math.floor(uniformAt(hashKey(7, key, index), t) * 32));
    expect([...tokens]).toEqual(drawn);
    expect(logprobs.length).toBe(12);
    expect(text).toBe(engine.renderer.decode(tokens));
  }
});

test('an engine opened only to sample has no learner', async () => {
  const command = [process.execPath, script, 'never:none'];
  await using sampling = await openTorchEngine({ model, command, train: false });
  expect(sampling.learner).toBeUndefined();
  await using training = await open();
  expect(training.learner).toBeDefined();
});

test('ends a completion at the first token that completes a stop string', async () => {
  await using engine = await open();
  const whole = await collect(engine, request);
  const stop = [whole[0]!.text.slice(2, 4), whole[3]!.text.slice(5, 6)];
  const stopped = await collect(engine, { ...request, stop });
  expect(stopped.length).toBe(whole.length);
  for (const [i, { tokens, text, finishReason, logprobs }] of stopped.entries()) {
    const long = whole[i]!.tokens;
    const has = (end: number): boolean =>
      stop.some((one) => engine.renderer.decode(long.slice(0, end)).includes(one));
    const ends = Array.from({ length: 12 }, (_, t) => t + 1);
    const end = ends.find(has);
    expect(tokens).toEqual(long.slice(0, end ?? 12));
    expect(logprobs.length).toBe(tokens.length);
    expect(finishReason).toBe(end === undefined ? 'length' : 'stop');
    expect(text).toBe(engine.renderer.decode(tokens));
  }
  expect(stopped[0]!.finishReason).toBe('stop');
});

test('stops sampling when the reader aborts or stops reading, and stays usable', async () => {
  await using engine = await open();
  const long = { ...request, maxTokens: 200 };
  const abort = new AbortController();
  const reading = collect(engine, { ...long, stop: ['never written'] }, abort.signal);
  abort.abort();
  expect(await reading).toEqual([]);
  expect((await collect(engine, request)).length).toBe(5);
});

test("trains and reports the worker's measurements, in which null means a non-finite number", async () => {
  await using engine = await open();
  const policyLogprobs = Float32Array.of(0, -1, -1);
  const sequences = [sequence, { ...sequence, policyLogprobs }];
  const stats = await engine.learner.forwardBackward({ sequences }, loss);
  expect(stats).toMatchObject({ loss: NaN, tokens: 4, processedTokens: 6, sequences: 2, entropy: 1.5 });
  expect(stats.logprobs).toEqual([zeros, zeros]);
  expect(await engine.learner.optimStep({ learningRate: 1e-3 })).toEqual({
    policyVersion: 1,
    gradNorm: 0.5,
    applied: true,
  });
  expect(engine.sampler.info).toMatchObject({ engine: 'torch', vocabSize: 32 });
  expect(engine.weights.policyVersion).toBe(1);
  expect(await engine.weights.logprobs({ sequences }, 'reference')).toEqual([zeros, zeros]);
  expect(await engine.figures?.()).toEqual({ mfu: 0.5, speed: 7, restarts: 0 });
});

test('rejects invalid requests before sending them', async () => {
  await using engine = await open();
  const wrong = { sequences: [{ ...sequence, weights: new Float32Array(2) }] };
  await expect(engine.learner.forwardBackward(wrong, loss)).rejects.toMatchObject({ code: 'BATCH_INVALID' });
  await expect(collect(engine, { ...request, maxTokens: 0 })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  expect((await engine.learner.optimStep({ learningRate: 1 })).applied).toBe(true);
});

test.each([
  [
    'logprobs:killed',
    'WorkerCrashed',
    /two workers in a row ended at the same request, logprobs of 1 sequences with 3 tokens[^]*ended by SIGKILL[^]*the last words/,
  ],
  ['logprobs:exit', 'WorkerCrashed', /exit code 3; it wrote nothing/],
  ['logprobs:truncated', 'WorkerCrashed', /exit code 0/],
  ['logprobs:garbage', 'ProtocolError', /bytes are not frames/],
  ['logprobs:stranger', 'ProtocolError', /request 999, which is not open/],
  ['logprobs:schema', 'ProtocolError', /does not follow the protocol: [^]*surprise/],
  ['logprobs:other', 'ProtocolError', /expected the result of logprobs, got that of ping/],
  ['logprobs:short', 'ProtocolError', /expected 3 f32 logprobs/],
])('reports %s as one clear error', async (failure, name, message) => {
  await using engine = await open(failure);
  const asked = engine.weights.logprobs({ sequences: [sequence] }, 'policy');
  await expect(asked).rejects.toMatchObject({ name, message: expect.stringMatching(message) as string });
});

test.each([
  ['sample:midway', /ended by SIGKILL/],
  ['forwardBackward:killed', /the last words/],
  ['optimStep:garbage', /bytes are not frames/],
  ['saveState:exit', /exit code 3/],
])(
  'restarts a worker that crashed once (%s), with a notice as the only visible effect',
  async (failure, cause) => {
    const run = async (engine: LearningEngine): Promise<unknown> => {
      const completions = await collect(engine, request);
      const { logprobs: _, ...stats } = await engine.learner.forwardBackward({ sequences: [sequence] }, loss);
      const step = await engine.learner.optimStep({ learningRate: 1 });
      await engine.learner.saveState(join(folder, 'state'));
      return {
        completions,
        stats,
        step,
        after: await engine.weights.logprobs({ sequences: [sequence] }, 'policy'),
      };
    };
    said.length = 0;
    await using calm = await open();
    await using engine = await openOnce(failure);
    expect(await run(engine)).toEqual(await run(calm));
    expect(said).toEqual([expect.stringMatching(cause)]);
    expect(await engine.figures?.()).toMatchObject({ restarts: 1 });
  },
);

test.each([
  ['oom', 'WORKER_OOM'],
  ['non-finite', 'WORKER_NON_FINITE'],
  ['mismatch', 'ENGINE_MISMATCH'],
  ['internal', 'WORKER_INTERNAL'],
])('reports an error from the worker (%s) and stays usable', async (code, expected) => {
  await using engine = await open(`forwardBackward:${code}`);
  const training = engine.learner.forwardBackward({ sequences: [sequence] }, loss);
  await expect(training).rejects.toMatchObject({ name: 'EngineError', code: expected });
  expect((await engine.learner.optimStep({ learningRate: 1 })).applied).toBe(true);
});

test('opening throws if the worker rejects a second client', async () => {
  await expect(open('hello:conflict')).rejects.toMatchObject({ code: 'WORKER_CONFLICT' });
});

test('treats a worker that never answers as crashed', async () => {
  said.length = 0;
  await using engine = await openOnce('ping:silent', '3s');
  await expect(engine.learner.optimStep({ learningRate: 1 })).resolves.toMatchObject({ policyVersion: 1 });
  await new Promise((resolve) => setTimeout(resolve, 5000));
  await expect(engine.learner.optimStep({ learningRate: 1 })).resolves.toMatchObject({ policyVersion: 2 });
  // On a busy machine, the worker may fail to answer more than once.
  expect(said.length).toBeGreaterThan(0);
  for (const line of said) expect(line).toMatch(/did not answer for 3 s/);
});

test('reports a missing program as one clear error', async () => {
  const opening = openTorchEngine({ model, command: ['/nowhere/python'] });
  await expect(opening).rejects.toThrow(/nowhere\/python\) could not be started/);
});

test('accepts the engine with its settings in a recipe and rejects unknown ones', () => {
  expect(torchConfig.parse(torch({ device: 'cpu' }))).toMatchObject({ device: 'cpu', dtype: 'auto' });
  expect(torchConfig.safeParse({ type: 'torch', lanes: 3 }).success).toBe(false);
});
