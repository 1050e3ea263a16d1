import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { crossEntropyLoss as loss } from '../../src/core/loss-spec.ts';
import type { LearningEngine } from '../../src/engines/engine.ts';
import { sampleTurns } from '../../src/testing/single-turn.ts';
import { connectWorker } from '../../src/engines/torch/connection.ts';
import { openTorchEngine } from '../../src/engines/torch/engine.ts';
import { processTransport } from '../../src/engines/torch/process-transport.ts';
import { findPython, workerFolder } from '../../src/engines/torch/python.ts';
import { hasTorch } from './environment.ts';

const model = 'test/golden/parity-qwen2';
const folder = mkdtempSync(join(tmpdir(), 'torch-failures-'));
afterAll(() => rmSync(folder, { recursive: true }));

const python = findPython();
const faulty = resolve('worker/tests/faulty_worker.py');
let count = 0;

interface Trial {
  readonly engine: LearningEngine;
  readonly said: string[];
  /** Kills the worker once it reports that it is in the middle of the request. */
  readonly killWhenStalled: () => Promise<void>;
}

/** Opens an engine whose first worker has these faults; later workers have none. */
async function openFaulty(...faults: readonly string[]): Promise<Trial> {
  const place = join(folder, String(++count));
  const script = `if [ -e ${place} ]; then exec ${python} -m gradus_worker; fi
echo $$ > ${place}; exec ${python} ${faulty} ${faults.join(' ')} 2> ${place}.log`;
  const said: string[] = [];
  const engine = await openTorchEngine({
    model,
    device: 'cpu',
    tokensPerMicrobatch: 64,
    command: ['sh', '-c', script],
    notify: (message) => said.push(message),
  });
  const killWhenStalled = async (): Promise<void> => {
    while (!readFileSync(`${place}.log`, 'utf8').includes('stalled')) await wait(20);
    process.kill(Number(readFileSync(place, 'utf8')), 'SIGKILL');
  };
  return { engine, said, killWhenStalled };
}

/** Runs two steps with a checkpoint, and returns the results. */
async function live(engine: LearningEngine, state: string) {
  const seen = [];
  for (const step of [1, 2]) {
    const written: string[] = [];
    const prompts = ['1+2=?', '7'].map((key) => ({ key, prompt: engine.renderer.encode(key), count: 3 }));
    for await (const { key, index, tokens } of sampleTurns(engine, { prompts, maxTokens: 12, seed: step }))
      written.push(`${key} ${index} ${tokens.join()}`);
    const sequences = ['12*(3+4)-5=?', 'abc'].map((text) => {
      const tokens = engine.renderer.encode(text);
      const zeros = new Float32Array(tokens.length);
      const weights = zeros.map((_, t) => (t === 0 ? 0 : 0.1));
      return { tokens, weights, advantages: zeros, rolloutLogprobs: zeros };
    });
    const { loss: total } = await engine.learner.forwardBackward({ sequences }, loss);
    const update = await engine.learner.optimStep({ learningRate: 1e-3 });
    await engine.learner.saveState(state);
    const [after] = await engine.weights.logprobs({ sequences }, 'policy');
    seen.push({ written: written.toSorted(), total, update, after });
  }
  return seen;
}

describe.skipIf(!hasTorch)(
  'a real worker (skipped without a Python environment)',
  { timeout: 120_000 },
  () => {
    const calm = async () => {
      await using engine = await openTorchEngine({ model, device: 'cpu', tokensPerMicrobatch: 64 });
      return await live(engine, join(folder, 'calm'));
    };
    let expected: ReturnType<typeof calm> | undefined;

    test.for(['sample:2', 'forwardBackward:2', 'saveState:1'])(
      'a worker killed during %s is restarted without loss',
      async (when) => {
        const { engine, said, killWhenStalled } = await openFaulty('stall', when);
        await using _ = engine;
        const living = live(engine, join(folder, `state-${when.replace(':', '-')}`));
        await killWhenStalled();
        expect(await living).toEqual(await (expected ??= calm()));
        expect(said).toEqual([expect.stringMatching(/was ended by SIGKILL[^]*A new worker continues from/)]);
      },
    );

    test('garbage on stdout is ignored, and a crash is survived', async () => {
      const { engine, said } = await openFaulty('noise', 'sample:1', 'crash', 'logprobs:2');
      await using _ = engine;
      expect(await live(engine, join(folder, 'state-crash'))).toEqual(await (expected ??= calm()));
      expect(said).toEqual([expect.stringMatching(/ended with exit code 3/)]);
    });

    test('gives the same results, up to rounding, with smaller microbatches after running out of memory', async () => {
      const { engine, said } = await openFaulty('oom', 'forwardBackward:1');
      await using _ = engine;
      const [ours, theirs] = [await live(engine, join(folder, 'state-oom')), await (expected ??= calm())];
      for (const [i, { written, total }] of ours.entries()) {
        expect(written).toEqual(theirs[i]!.written);
        expect(total).toBeCloseTo(theirs[i]!.total, 4);
      }
      expect(said).toEqual([]);
    });

    test('a request that kills every worker gives one error that names the request', async () => {
      await using engine = await openTorchEngine({
        model,
        device: 'cpu',
        command: [python, faulty, 'crash', 'forwardBackward:1'],
        notify: () => {},
      });
      await expect(live(engine, join(folder, 'never'))).rejects.toMatchObject({
        code: 'WORKER_CRASHED',
        message: expect.stringMatching(
          /two workers in a row ended at the same request, forwardBackward of 2 sequences/,
        ) as string,
      });
    });

    test('a truncated state is rejected and the session stays unchanged', async () => {
      await using engine = await openTorchEngine({ model, device: 'cpu' });
      const state = join(folder, 'truncated');
      await live(engine, state);
      const [file] = readdirSync(state).filter((name) => name.endsWith('.safetensors'));
      truncateSync(join(state, file!), statSync(join(state, file!)).size - 1);
      const { policyVersion } = engine.weights;
      await expect(engine.learner.loadState(state)).rejects.toMatchObject({ code: 'STATE_INVALID' });
      expect(engine.weights.policyVersion).toBe(policyVersion);
      expect(await engine.learner.optimStep({ learningRate: 0 })).toMatchObject({ applied: true });
    });

    const transport = processTransport({
      command: [python, '-m', 'gradus_worker'],
      env: { ...process.env, PYTHONPATH: workerFolder },
      pipes: 'descriptors',
    });

    test('a client with a different protocol version is rejected', async () => {
      await using connection = connectWorker(transport, 60_000);
      const fields = { protocol: { min: 99, max: 100 }, client: { name: 'x', version: '9' }, token: null };
      await expect(connection.request('hello', { fields }).answer).rejects.toMatchObject({
        code: 'WORKER_CONFLICT',
      });
    });

    test('bytes that are not frames end the worker with a reason', async () => {
      const ended = Promise.withResolvers<string>();
      const raw = transport({
        onFrame: () => {},
        onWords: () => {},
        onEnd: ({ message }) => ended.resolve(message),
      });
      raw.send(Buffer.from('this is no frame at all'), true);
      expect(await ended.promise).toMatch(/exit code 2; end of its stderr:\ngradus_worker: /);
    });
  },
);
