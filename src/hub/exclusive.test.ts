import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { exclusive } from './exclusive.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-exclusive-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('one action at a time runs under a lock, and a failed one releases it', async () => {
  const path = join(folder, 'deep', 'blob.lock');
  let running = 0;
  let most = 0;
  const action = async (): Promise<void> => {
    most = Math.max(most, ++running);
    await sleep(5);
    running--;
    throw new Error('failed');
  };
  const all = await Promise.allSettled([1, 2, 3].map(() => exclusive(path, action, undefined)));
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(most).toBe(1);
});

test('actions under different locks run together', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = exclusive(join(folder, 'a.lock'), () => promise, undefined);
  await exclusive(join(folder, 'b.lock'), async () => resolve('first'), undefined);
  expect(await first).toBe('first');
});

test('an abort ends the wait for a lock by throwing its reason, and the holder continues', async () => {
  const path = join(folder, 'held.lock');
  const { promise, resolve } = Promise.withResolvers<string>();
  const holder = exclusive(path, () => promise, undefined);
  const reason = new Error('stopped');
  const waiter = exclusive(path, async () => 'second', AbortSignal.abort(reason));
  await expect(waiter).rejects.toBe(reason);
  resolve('first');
  expect(await holder).toBe('first');
});
