import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPendingWork, watchForStalls } from './pending.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('reports a stall once per interval, with the names of pending work', () => {
  const pending = createPendingWork();
  const reports: string[] = [];
  const stop = watchForStalls(pending, 5000, (message) => reports.push(message));
  const end = pending.begin('verifying p1 #0');
  pending.begin('verifying p2 #0');
  vi.advanceTimersByTime(5000);
  expect(reports).toEqual(['nothing has finished for 5 s; waiting for 2: verifying p1 #0, verifying p2 #0']);
  vi.advanceTimersByTime(4000);
  expect(reports).toHaveLength(1);
  end();
  vi.advanceTimersByTime(5000);
  expect(reports).toHaveLength(1);
  vi.advanceTimersByTime(1000);
  expect(reports).toHaveLength(2);
  stop();
  vi.advanceTimersByTime(60_000);
  expect(reports).toHaveLength(2);
});

test('counts work only once if its end function is called twice', () => {
  const pending = createPendingWork();
  const end = pending.begin('x');
  end();
  end();
  expect(pending.ended).toBe(1);
  expect(pending.size).toBe(0);
});
