import type { ProgramMemory, WasiCalls } from './program-memory.ts';

const [realtime, monotonic] = [0, 1];
const [subscriptionBytes, eventBytes] = [48, 32];
const clockEvent = 0;

/**
 * Creates the WASI calls that read clocks and wait for them. @param sleep blocks the thread for the given number of
 * milliseconds.
 */
export function clockCalls(memory: ProgramMemory, sleep: (ms: number) => void): WasiCalls {
  return {
    clock_res_get: (_id: number, at: number) => {
      memory.view.setBigUint64(at, 1000n, true);
      return 0;
    },
    clock_time_get: (id: number, _precision: bigint, at: number) => {
      memory.view.setBigUint64(at, nanoseconds(id), true);
      return 0;
    },
    poll_oneoff: (input: number, output: number, count: number, done: number) => {
      const ready = count === 0 ? [] : wait(memory, sleep, input, count);
      for (const [index, at] of ready.entries()) writeEvent(memory, at, output + eventBytes * index);
      memory.view.setUint32(done, ready.length, true);
      return 0;
    },
    sched_yield: () => 0,
  };
}

function nanoseconds(id: number): bigint {
  if (id <= monotonic) return BigInt(Math.round((id === realtime ? Date.now() : performance.now()) * 1e6));
  const { user, system } = process.threadCpuUsage();
  return BigInt(user + system) * 1000n;
}

/**
 * Waits for the earliest clock if all subscriptions are to clocks, because streams are always ready. Returns the
 * addresses of the ready subscriptions.
 */
function wait(memory: ProgramMemory, sleep: (ms: number) => void, input: number, count: number): number[] {
  const subscriptions = Array.from({ length: count }, (_, index) => input + subscriptionBytes * index);
  const streams = subscriptions.filter((at) => memory.view.getUint8(at + 8) !== clockEvent);
  if (streams.length > 0) return streams;
  const delays = subscriptions.map((at) => delayMs(memory.view, at));
  const first = Math.min(...delays);
  sleep(first);
  return subscriptions.filter((_, index) => delays[index]! <= first);
}

function delayMs(view: DataView, at: number): number {
  const ns = view.getBigUint64(at + 24, true);
  const isAbsolute = (view.getUint16(at + 40, true) & 1) === 1;
  const now = view.getUint32(at + 16, true) === realtime ? Date.now() : performance.now();
  return Math.max(0, Number(ns) / 1e6 - (isAbsolute ? now : 0));
}

function writeEvent(memory: ProgramMemory, subscription: number, event: number): void {
  memory.bytes(event, eventBytes).fill(0);
  const view = memory.view;
  view.setBigUint64(event, view.getBigUint64(subscription, true), true);
  view.setUint8(event + 10, view.getUint8(subscription + 8));
}
