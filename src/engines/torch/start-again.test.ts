import { expect, test, vi } from 'vitest';
import { type Clock, startAgain } from './start-again.ts';
import type { StartedWorker } from './supervisor.ts';

const worker = {} as StartedWorker;

/** Returns a start function that fails this number of times. */
function failing(times: number) {
  return vi.fn<() => Promise<StartedWorker>>(() =>
    times-- > 0 ? Promise.reject(new Error('too few nodes')) : Promise.resolve(worker),
  );
}

/** Creates a clock whose pauses end immediately but advance its time. */
function fastClock(): Clock {
  let ms = 0;
  return { now: () => ms, pause: (more) => Promise.resolve((ms += more)) };
}

test('waits for a cluster to replace a lost node', async () => {
  const start = failing(100);
  expect(await startAgain(start, { cluster: { address: 'auto' } }, fastClock())).toBe(worker);
  expect(start).toHaveBeenCalledTimes(101);
});

test.for([
  ['a cluster', { cluster: { address: 'auto' } }, 301],
  ['a worker at an address', { remote: 'http://gpu:8765' }, 46],
  ['a worker over ssh', { remote: 'ssh://gpu/srv' }, 1],
  ['a worker of this machine', {}, 1],
] as const)(
  'gives up on %s after a limited number of attempts, and throws the last error',
  async ([, config, attempts]) => {
    const start = failing(Infinity);
    await expect(startAgain(start, config, fastClock())).rejects.toThrow('too few nodes');
    expect(start).toHaveBeenCalledTimes(attempts);
  },
);
