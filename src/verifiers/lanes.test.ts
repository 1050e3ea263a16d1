import { expect, test } from 'vitest';
import { createLanes } from './lanes.ts';

const openCounted = () => {
  const counts = { opened: 0, closed: 0, busy: 0, most: 0 };
  const open = () => {
    counts.opened++;
    return {
      async work<T>(result: T): Promise<T> {
        counts.most = Math.max(counts.most, ++counts.busy);
        await new Promise((resolve) => setTimeout(resolve, 1));
        counts.busy--;
        return result;
      },
      [Symbol.asyncDispose]: async () => void counts.closed++,
    };
  };
  return { counts, open };
};

test('work waits its turn, and no more lanes are opened than are needed', async () => {
  const { counts, open } = openCounted();
  const order: number[] = [];
  {
    await using lanes = createLanes(3, open);
    await lanes.use((lane) => lane.work(0));
    expect(counts.opened).toBe(1);
    const all = Array.from({ length: 20 }, (_, i) =>
      lanes.use(async (lane) => {
        order.push(i);
        return lane.work(i);
      }),
    );
    expect(await Promise.all(all)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  }
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(counts).toEqual({ opened: 3, closed: 3, busy: 0, most: 3 });
});

test('a lane is free again after work that failed, and who gave up waiting is skipped', async () => {
  await using lanes = createLanes(1, openCounted().open);
  const stop = new AbortController();
  const failing = lanes.use(async (lane) => {
    await lane.work(0);
    throw new Error('broken');
  });
  const waiting = lanes.use((lane) => lane.work(1), stop.signal);
  const last = lanes.use((lane) => lane.work(2));
  stop.abort(new Error('enough'));
  expect(await Promise.allSettled([failing, waiting, last])).toMatchObject([
    { reason: { message: 'broken' } },
    { reason: { message: 'enough' } },
    { value: 2 },
  ]);
  await expect(lanes.use((lane) => lane.work(3), stop.signal)).rejects.toThrow('enough');
});
