import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPool, type Pool } from './pool.ts';

/** A lane that can work, crash and be closed. */
interface TestLane extends AsyncDisposable {
  readonly isAlive: () => boolean;
  /** Works for a moment. */
  work(): Promise<void>;
  /** Ends the lane as a crash would. */
  die(): Promise<void>;
}

function openInMemory(): TestLane {
  let isAlive = true;
  return {
    isAlive: () => isAlive,
    work: async () => void (await new Promise((resolve) => setImmediate(resolve))),
    die: async () => void (isAlive = false),
    [Symbol.asyncDispose]: async () => void (isAlive = false),
  };
}

/** Creates a lane that ends when it is closed; closing it throws if `fails` is true. */
function unclosable(fails: boolean): TestLane {
  const lane = openInMemory();
  const close = async (): Promise<void> => {
    await lane[Symbol.asyncDispose]();
    if (fails) throw new Error('not closed');
  };
  return { ...lane, [Symbol.asyncDispose]: close };
}

/** Aborts after a number of microtasks, possibly between a lane's assignment and the start of the work. */
async function abortAfter(ticks: number, stop: AbortController, reason: string): Promise<void> {
  for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
  stop.abort(new Error(reason));
}

async function openThread(): Promise<TestLane> {
  const worker = new Worker(
    'const { parentPort } = require("node:worker_threads"); parentPort.on("message", (m) => m === "die" ? process.exit(1) : parentPort.postMessage(m)); parentPort.postMessage("ready")',
    { eval: true },
  );
  let isAlive = true;
  worker.once('exit', () => (isAlive = false));
  await once(worker, 'message');
  const post = (message: string): void => worker.postMessage(message, []);
  return {
    isAlive: () => isAlive,
    work: async () => {
      post('work');
      await once(worker, 'message');
    },
    die: async () => {
      post('die');
      await once(worker, 'exit');
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
}

async function openProcess(): Promise<TestLane> {
  const child: ChildProcess = spawn('cat', [], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child, 'spawn');
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    isAlive: () => child.exitCode === null && child.signalCode === null,
    work: async () => {
      child.stdin!.write('x');
      await once(child.stdout!, 'data');
    },
    die: end,
    [Symbol.asyncDispose]: end,
  };
}

const kinds: [kind: string, open: () => TestLane | Promise<TestLane>][] = [
  ['objects', openInMemory],
  ['threads', openThread],
  ['processes', openProcess],
];

describe.each(kinds)('a pool of %s', (_kind, open) => {
  function counted(size: number): { pool: Pool<TestLane>; lanes: TestLane[] } {
    const lanes: TestLane[] = [];
    const pool = createPool({
      name: 'the test',
      size,
      open: async () => {
        const lane = await open();
        lanes.push(lane);
        return lane;
      },
      isAlive: (lane) => lane.isAlive(),
    });
    return { pool, lanes };
  }

  test('opens lanes on demand, up to its size', async () => {
    const { pool, lanes } = counted(2);
    await using _pool = pool;
    expect(lanes).toHaveLength(0);
    await pool.use((lane) => lane.work());
    await pool.use((lane) => lane.work());
    expect(lanes).toHaveLength(1);
    let [busy, most] = [0, 0];
    const job = async (lane: TestLane): Promise<void> => {
      most = Math.max(most, ++busy);
      await lane.work();
      busy--;
    };
    await Promise.all(Array.from({ length: 12 }, () => pool.use(job)));
    expect(most).toBeLessThanOrEqual(2);
    const [here, there] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await Promise.all([
      pool.use(() => (here.resolve(), there.promise)),
      pool.use(() => (there.resolve(), here.promise)),
    ]);
    expect(lanes).toHaveLength(2);
  });

  test('serves callers in FIFO order', async () => {
    const { pool } = counted(2);
    await using _pool = pool;
    const order: number[] = [];
    const job = (i: number) => async (lane: TestLane) => {
      order.push(i);
      await lane.work();
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => pool.use(job(i))));
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test('replaces a lane that died while working or while idle', async () => {
    const { pool, lanes } = counted(1);
    await using _pool = pool;
    await expect(
      pool.use(async (lane) => {
        await lane.die();
        throw new Error('crashed');
      }),
    ).rejects.toThrow('crashed');
    await pool.use((lane) => lane.work());
    expect(lanes).toHaveLength(2);
    await lanes[1]!.die();
    await pool.use((lane) => lane.work());
    expect(lanes).toHaveLength(3);
  });

  test('keeps a lane whose work failed', async () => {
    const { pool, lanes } = counted(1);
    await using _pool = pool;
    await expect(pool.use(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await pool.use((lane) => lane.work());
    expect(lanes).toHaveLength(1);
  });

  test('an aborted caller leaves the queue, and later callers are still served', async () => {
    const { pool } = counted(1);
    await using _pool = pool;
    const stop = new AbortController();
    const release = Promise.withResolvers<void>();
    const first = pool.use(() => release.promise);
    const second = pool.use((lane) => lane.work(), stop.signal);
    const third = pool.use(async () => 3);
    stop.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    release.resolve();
    expect(await Promise.all([first, third])).toEqual([undefined, 3]);
    await expect(pool.use((lane) => lane.work(), stop.signal)).rejects.toThrow('enough');
  });

  test('closing closes every lane and rejects every waiting caller', async () => {
    const { pool, lanes } = counted(1);
    const busy = pool.use(async (lane) => {
      await lane.work();
      await pool[Symbol.asyncDispose]();
      return lane.isAlive();
    });
    const waiting = pool.use((lane) => lane.work());
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED', message: 'the test is closed' });
    expect(await busy).toBe(false);
    await expect(pool.use((lane) => lane.work())).rejects.toMatchObject({ code: 'CLOSED' });
    expect(lanes.map((lane) => lane.isAlive())).toEqual([false]);
    await pool[Symbol.asyncDispose]();
  });

  test('closing waits for a lane that is being opened, and closes it', async () => {
    const lanes: TestLane[] = [];
    const gate = Promise.withResolvers<void>();
    const pool = createPool({
      name: 'the test',
      size: 1,
      open: async () => {
        await gate.promise;
        lanes.push(await open());
        return lanes[0]!;
      },
    });
    const early = pool.use((lane) => lane.work()).catch((error: unknown) => error);
    await new Promise((resolve) => setImmediate(resolve));
    const closing = pool[Symbol.asyncDispose]();
    gate.resolve();
    await closing;
    expect(lanes.map((lane) => lane.isAlive())).toEqual([false]);
    expect(await early).toMatchObject({ code: 'CLOSED' });
  });
});

test('an error while opening a lane rejects only one caller', async () => {
  let tries = 0;
  await using pool = createPool({
    name: 'the test',
    size: 1,
    open: () => {
      if (tries++ === 0) throw new Error('no interpreter');
      return openInMemory();
    },
  });
  const [first, second] = await Promise.allSettled([pool.use(async () => 1), pool.use(async () => 2)]);
  expect([first, second]).toMatchObject([{ reason: { message: 'no interpreter' } }, { value: 2 }]);
});

test('a lane that dies and cannot be closed is replaced, and its caller keeps its own result', async () => {
  let opened = 0;
  await using pool = createPool({
    name: 'the test',
    size: 1,
    open: () => unclosable(opened++ < 2),
    isAlive: (lane) => lane.isAlive(),
  });
  const died = pool.use(async (lane) => {
    await lane.die();
    return 'result';
  });
  const next = pool.use(async (lane) => lane);
  expect(await died).toBe('result');
  // The lane dies while idle; the pool notices at the next call.
  await (await next).die();
  expect(await pool.use(async () => 'served')).toBe('served');
  expect(opened).toBe(3);
});

test('closing closes all lanes, then throws the error of one that cannot be closed', async () => {
  const closed: number[] = [];
  let opened = 0;
  const pool = createPool({
    name: 'the test',
    size: 2,
    open: () => {
      const id = opened++;
      return {
        [Symbol.asyncDispose]: async () => {
          if (id === 0) throw new Error('still busy');
          await new Promise((resolve) => setImmediate(resolve));
          closed.push(id);
        },
      };
    },
  });
  const both = Promise.withResolvers<void>();
  await Promise.all([pool.use(() => both.promise), pool.use(async () => both.resolve())]);
  await expect(pool[Symbol.asyncDispose]()).rejects.toThrow('still busy');
  expect(closed).toEqual([1]);
});

test('no caller is lost and at most `size` lanes are open, even with failures, crashes and aborts', async () => {
  const lateAbort = fc.integer({ min: 1, max: 12 }).map((ticks) => `abort after ${ticks}`);
  const event = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('work', 'fail', 'die', 'abort', 'dieIdle') },
    { weight: 2, arbitrary: lateAbort },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.array(event, { maxLength: 40 }),
      async (size, events) => {
        const lanes: TestLane[] = [];
        const living = (): number => lanes.filter((lane) => lane.isAlive()).length;
        let most = 0;
        const pool = createPool({
          name: 'the test',
          size,
          open: () => {
            // Every second lane fails to close.
            lanes.push(unclosable(lanes.length % 2 === 1));
            most = Math.max(most, living());
            return lanes.at(-1)!;
          },
          isAlive: (lane) => lane.isAlive(),
        });
        const calls = events.map((kind) => {
          const stop = new AbortController();
          const call = pool.use(async (lane) => {
            await lane.work();
            if (kind === 'die') await lane.die();
            if (kind === 'fail' || kind === 'die') throw new Error(kind);
            return kind;
          }, stop.signal);
          if (kind === 'abort') stop.abort(new Error(kind));
          if (kind.startsWith('abort after')) void abortAfter(Number(kind.slice(12)), stop, kind);
          if (kind === 'dieIdle') void lanes[0]?.die();
          return call.catch((error: Error) => error.message);
        });
        expect(await Promise.all(calls)).toEqual(events);
        expect(most).toBeLessThanOrEqual(size);
        await Promise.all(Array.from({ length: size }, () => pool.use((lane) => lane.work())));
        const [closed] = await Promise.allSettled([pool[Symbol.asyncDispose]()]);
        const reason: unknown = closed.status === 'rejected' ? closed.reason : new Error('not closed');
        expect(reason).toMatchObject({ message: 'not closed' });
        expect(living()).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
});
