import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { subscribeToChanges } from './subscribe.ts';

/** A scripted EventSource. */
class FakeEvents extends EventTarget {
  static readonly CLOSED = 2;
  static readonly made: FakeEvents[] = [];
  readyState = 1;

  constructor() {
    super();
    FakeEvents.made.push(this);
  }

  close(): void {
    this.readyState = FakeEvents.CLOSED;
  }

  tell(...runs: string[]): void {
    this.dispatchEvent(new MessageEvent('change', { data: JSON.stringify({ runs }) }));
  }
}

const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });

function show(visibilityState: 'visible' | 'hidden'): void {
  page.visibilityState = visibilityState;
  page.dispatchEvent(new Event('visibilitychange'));
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeEvents.made.length = 0;
  page.visibilityState = 'visible';
  vi.stubGlobal('document', page);
  vi.stubGlobal('EventSource', FakeEvents);
  vi.stubGlobal('requestAnimationFrame', (then: () => void) => setTimeout(then));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Simulates a page whose reloads take `lookMs`; returns when each reload began, in milliseconds, and its runs. */
async function lookFor(lookMs: number, changeMs: number, totalMs: number) {
  const looks: { readonly at: number; readonly runs: readonly string[] }[] = [];
  const began = performance.now();
  const end = subscribeToChanges(async ({ runs }) => {
    looks.push({ at: performance.now() - began, runs });
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  });
  for (let ms = 0, count = 0; ms < totalMs; ms += changeMs, count++) {
    FakeEvents.made.at(-1)!.tell(`run-${count % 2}`);
    await vi.advanceTimersByTimeAsync(changeMs);
  }
  end();
  return looks;
}

test('reports changes during a reload or pause together afterwards, each run once', async () => {
  const looks = await lookFor(10, 500, 9000);
  expect(looks[0]).toEqual({ at: 0, runs: ['run-0'] });
  expect(looks[1]!.runs.toSorted()).toEqual(['run-0', 'run-1']);
  expect(looks[1]!.at).toBeGreaterThanOrEqual(2010);
  expect(looks.length).toBeGreaterThan(3);
});

test('a page spends at most 1 % of its time on reloads', async () => {
  const [, second, third] = await lookFor(50, 100, 12_000);
  expect(third!.at - second!.at).toBeGreaterThanOrEqual(100 * 50);
  expect(third!.at - second!.at).toBeLessThan(100 * 50 + 500);
});

test('reloads again after a reload that takes seconds or never ends', async () => {
  const gaps = (looks: readonly { readonly at: number }[]) =>
    looks.slice(1).map(({ at }, index) => at - looks[index]!.at);
  expect(Math.max(...gaps(await lookFor(3000, 1000, 60_000)))).toBeLessThan(3000 + 10_000 + 1000);
  expect(Math.max(...gaps(await lookFor(1e9, 1000, 90_000)))).toBeLessThan(10_000 + 10_000 + 1000);
});

test('a hidden page keeps no connection open, and reloads every run when it is shown again', async () => {
  const reported: string[][] = [];
  const end = subscribeToChanges(async ({ runs }) => {
    reported.push([...runs]);
    await Promise.resolve();
  });
  const [first] = FakeEvents.made;
  first!.tell('one');
  await vi.advanceTimersByTimeAsync(5000);
  show('hidden');
  expect(first!.readyState).toBe(FakeEvents.CLOSED);
  await vi.advanceTimersByTimeAsync(60_000);
  show('visible');
  FakeEvents.made[1]!.tell('one', 'two');
  await vi.advanceTimersByTimeAsync(0);
  expect(reported).toEqual([['one'], ['one', 'two']]);
  end();
  expect(FakeEvents.made[1]!.readyState).toBe(FakeEvents.CLOSED);
  show('hidden');
  show('visible');
  expect(FakeEvents.made).toHaveLength(2);
});
