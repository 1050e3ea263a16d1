import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { WorkerCrashed } from '../../core/errors.ts';
import { crossEntropyLoss as loss } from '../../core/loss-spec.ts';
import { createFrameReader, encodeFrame } from '../../protocol/frame.ts';
import { packTensors } from '../../protocol/tensors.ts';
import { createScriptedWorker } from '../../../test/worker/scripted-worker.ts';
import { type Ask, connectWorker } from './connection.ts';
import { createCollector } from './sampling.ts';
import { type StartedWorker, SupervisedWorker, type Supervision } from './supervisor.ts';
import type { OpenTransport } from './transport.ts';

const folder = mkdtempSync(join(tmpdir(), 'supervisor-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Specifies when to kill each worker: after how many frames, and whether the lost frame is a request or a reply. */
type Kills = readonly { readonly after: number; readonly isLost: 'request' | 'reply' }[];

/**
 * Creates workers in this process, one after the other; the n-th dies as defined by the n-th entry of
 * `kills`.
 */
function workers(kills: Kills): { start: () => Promise<StartedWorker>; loseNow: () => void } {
  let started = 0;
  let loseNow = (): void => {};
  const open: OpenTransport = (listener) => {
    const kill = kills[started++];
    let [requests, replies] = [0, 0];
    let isDead = false;
    const die = (): void => {
      isDead = true;
      listener.onEnd(new WorkerCrashed(`killed after ${kill!.after}`));
    };
    loseNow = () => listener.onEnd(new WorkerCrashed('lost'));
    const worker = createScriptedWorker(
      (header, data = {}) => {
        if (isDead) return;
        if (kill?.isLost === 'reply' && ++replies > kill.after) return die();
        const { tensors, payload } = packTensors(data);
        const bytes = encodeFrame({ header: { ...header, tensors }, payload });
        for (const frame of createFrameReader().push(bytes)) listener.onFrame(frame);
      },
      () => {
        if (kill?.isLost === 'request' && ++requests > kill.after) die();
        return isDead;
      },
    );
    return {
      name: `worker ${started}`,
      // Deliver asynchronously and in order, like a pipe.
      send: (bytes) => {
        setImmediate(() => {
          if (!isDead) for (const frame of createFrameReader().push(bytes)) worker.receive(frame);
        });
      },
      useSession: () => {},
      kill: () => {},
      close: () => Promise.resolve(),
    };
  };
  const start = async (): Promise<StartedWorker> => {
    const connection = connectWorker(open, 60_000);
    await connection.request('hello', {
      fields: { protocol: { min: 1, max: 1 }, client: { name: '', version: '' }, token: null },
    }).answer;
    const { result: created } = await connection.request('createModel', {
      fields: {
        model: '',
        endTokens: [0],
        device: 'cpu',
        dtype: 'auto',
        lora: null,
        tokensPerMicrobatch: 1,
        activationCheckpointing: false,
        train: true,
        slots: null,
      },
    }).answer;
    return { connection, created };
  };
  return { start, loseNow: () => loseNow() };
}

const learn = (value: number): Ask<'forwardBackward'> => ({
  fields: { loss, lengths: [2] },
  tensors: {
    tokens: Int32Array.of(value, 1),
    weights: Float32Array.of(0.5, 1),
    advantages: new Float32Array(2),
    rolloutLogprobs: new Float32Array(2),
  },
});
const step: Ask<'optimStep'> = {
  fields: { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: null },
};
const score: Ask<'logprobs'> = {
  fields: { which: 'policy', temperature: 1, lengths: [1] },
  tensors: { tokens: Int32Array.of(1) },
};

type Operation = {
  readonly type: 'learn' | 'sample' | 'checkpoint' | 'back' | 'score';
  readonly value: number;
};
const operations = fc.array(
  fc.record({
    type: fc.constantFrom<Operation['type']>(
      'learn',
      'learn',
      'learn',
      'sample',
      'checkpoint',
      'back',
      'score',
    ),
    value: fc.integer({ min: 1, max: 31 }),
  }),
  { minLength: 1, maxLength: 12 },
);
const kill = fc.record({
  after: fc.integer({ min: 2, max: 40 }),
  isLost: fc.constantFrom('request' as const, 'reply' as const),
});

let places = 0;
/** Runs operations on a worker in sequence and returns everything that a caller can observe. */
async function live(worker: SupervisedWorker, all: readonly Operation[]): Promise<unknown[]> {
  const seen: unknown[] = [];
  let kept: string | null = null;
  for (const { type, value } of all) {
    if (type === 'learn') {
      const updates = [
        worker.request('forwardBackward', learn(value)),
        worker.request('forwardBackward', learn(1)),
        worker.request('optimStep', step),
      ];
      for (const { answer } of updates) seen.push((await answer).result);
    } else if (type === 'score')
      seen.push((await worker.request('logprobs', score).answer).tensors['logprobs']);
    else if (type === 'sample') seen.push(await sample(worker, value));
    else if (type === 'checkpoint') {
      // As in a run, write the state under a temporary name, then move it.
      const place = join(folder, `state-${++places}`);
      await worker.request('saveState', { fields: { dir: `${place}-draft` } }).answer;
      renameSync(`${place}-draft`, place);
      worker.restartFrom(place);
      kept = place;
    } else if (kept !== null) await worker.request('loadState', { fields: { dir: kept } }).answer;
  }
  return seen;
}

function promptOf(key: string, ...tokens: number[]) {
  return {
    key,
    tokens: Int32Array.from(tokens),
    promptLength: tokens.length,
    firstPosition: 0,
    openTurn: 0,
  };
}

async function sample(worker: SupervisedWorker, seed: number): Promise<string[]> {
  const prompts = [
    { ...promptOf('a', 1, 2), firstIndex: seed % 3, count: 4 },
    { ...promptOf('b', 3), firstIndex: 0, count: 1 },
  ];
  const collector = createCollector(
    {
      prompts,
      maxTokens: 3,
      temperature: 1,
      topP: 1,
      topK: 0,
      stop: [],
      seed,
      parts: false,
      isContinued: false,
    },
    () => '',
  );
  const written: string[] = [];
  const onPart = (...part: Parameters<typeof collector.add>): boolean => {
    const { finished } = collector.add(...part);
    written.push(
      ...finished.map((one) => `${one.prompt} ${one.index} ${one.tokens.join()} ${one.policyVersion}`),
    );
    return finished.length > 0;
  };
  await worker.request('sample', collector.ask()!, { onPart, again: collector.ask }).answer;
  return written.toSorted();
}

async function supervised(kills: Kills, options: Partial<Supervision> = {}) {
  const pool = workers(kills);
  const said: string[] = [];
  const notify = (message: string): void => void said.push(message);
  const supervision = { start: pool.start, maxReplayBytes: 1e6, scratch: null, notify, ...options };
  return { worker: new SupervisedWorker(supervision, await pool.start()), said, pool };
}

test.each([
  ['updates kept in memory', {}],
  ['states in between, on the disk', { maxReplayBytes: 100, scratch: join(folder, 'scratch') }],
])('gives the same results whether or not workers are killed: %s', async (_, options) => {
  await fc.assert(
    fc.asyncProperty(operations, kill, async (all, one) => {
      await using calm = (await supervised([])).worker;
      const expected = await live(calm, all);
      // Every second worker lives long enough to finish something.
      const { worker, said } = await supervised([one, { after: 45, isLost: 'reply' }], options);
      await using _worker = worker;
      expect(await live(worker, all)).toEqual(expected);
      expect(said.length).toBe(worker.restarts);
      expect(worker.policyVersion).toBe(calm.policyVersion);
    }),
    { numRuns: 80 },
  );
});

test('delivers each completion once and does not request it again after a crash', async () => {
  const { worker, said } = await supervised([{ after: 4, isLost: 'reply' }]);
  await using _ = worker;
  const asked: number[] = [];
  const collector = createCollector(
    {
      prompts: [{ ...promptOf('a', 1), firstIndex: 7, count: 5 }],
      maxTokens: 2,
      temperature: 1,
      topP: 1,
      topK: 0,
      stop: [],
      parts: false,
      isContinued: false,
      seed: 3,
    },
    () => '',
  );
  const seen: number[] = [];
  await worker.request('sample', collector.ask()!, {
    onPart: (part, tensors) => {
      const { finished } = collector.add(part, tensors);
      seen.push(...finished.map(({ index }) => index));
      return finished.length > 0;
    },
    again: () => {
      const ask = collector.ask();
      asked.push(...(ask?.fields.prompts ?? []).map(({ firstIndex, count }) => firstIndex * 10 + count));
      return ask;
    },
  }).answer;
  expect(seen).toEqual([7, 8, 9, 10, 11]);
  // The replies to hello and createModel and two completions had arrived.
  expect(asked).toEqual([93]);
  expect(said[0]).toMatch(/killed after 4\nA new worker continues from the model as loaded and 0 requests/);
});

test('fails a request that crashes two workers, and all later requests, with one error that names it', async () => {
  const { worker } = await supervised([
    { after: 2, isLost: 'request' },
    { after: 2, isLost: 'request' },
  ]);
  await using _ = worker;
  const dying = worker.request('forwardBackward', learn(1)).answer;
  await expect(dying).rejects.toMatchObject({
    name: 'WorkerCrashed',
    message:
      'two workers in a row ended at the same request, forwardBackward of 1 sequences with 2 tokens: killed after 2',
  });
  await expect(worker.request('logprobs', score).answer).rejects.toThrow(/two workers in a row/);
});

test('names the first crash if a new worker ends before it is restored', async () => {
  const { worker } = await supervised([
    { after: 2, isLost: 'request' },
    { after: 1, isLost: 'request' },
  ]);
  await using _ = worker;
  await expect(worker.request('logprobs', score).answer).rejects.toThrow(
    /^killed after 2\nThe restart failed: killed after 1$/,
  );
});

test('after updates were dropped, a lost worker cannot be restored until a state is kept', async () => {
  const { worker } = await supervised([{ after: 5, isLost: 'request' }], { maxReplayBytes: 50 });
  await using _ = worker;
  await live(worker, [{ type: 'learn', value: 3 }]);
  await expect(worker.request('logprobs', score).answer).rejects.toThrow(
    /killed after 5\nNo restart: the updates since the last checkpoint exceed "maxReplay"/,
  );
  const other = (await supervised([{ after: 6, isLost: 'request' }], { maxReplayBytes: 50 })).worker;
  await using _other = other;
  await live(other, [
    { type: 'learn', value: 3 },
    { type: 'checkpoint', value: 1 },
    { type: 'score', value: 1 },
  ]);
  expect(other.restarts).toBe(1);
});

test('restarts a lost idle worker at the next request', async () => {
  const { worker, pool } = await supervised([]);
  await using _ = worker;
  await live(worker, [{ type: 'learn', value: 3 }]);
  const [before] = await live(worker, [{ type: 'score', value: 1 }]);
  for (const times of [1, 2, 3]) {
    pool.loseNow();
    expect(await live(worker, [{ type: 'score', value: 1 }])).toEqual([before]);
    expect(worker.restarts).toBe(times);
  }
});
