import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, Page } from 'playwright-core';
import { bootstrapMean, type Estimate } from '../../src/statistics/intervals.ts';
import { mean } from '../../src/statistics/summary.ts';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import { startCommand } from './command.ts';
import { descendantsCpuMs } from './cpu-time.ts';

/** Slowdown of training while its overview is open in a browser. */
export interface SlowDown {
  readonly steps: number;
  readonly stepMs: number;
  /** Number of page updates, and seconds between them. */
  readonly looks: number;
  readonly lookEverySeconds: number;
  /** Milliseconds by which an update delays training. */
  readonly lookMs: Estimate;
  /** That delay as a share of all time, in percent. */
  readonly percent: Estimate;
  /** CPU milliseconds per second of the dashboard and the browser: without a page, and with an open page between
   * updates. */
  readonly idleCpuMs: readonly [alone: number, watched: number];
}

/** Warm-up of a page: the bench measures an open page, not the opening. */
const [settleMs, aloneMs] = [20_000, 60_000];
/** Span of an update, from just before its request to its last trace, with reference spans on both sides. */
const [beforeLookMs, lookMs, besideMs] = [100, 1600, 2500];
/** Span after an update in which the page is idle. */
const [calmAfterMs, calmMs] = [2500, 4000];

/**
 * Trains with one page open. Other tenants change the speed of a machine by several percent from minute to minute, so
 * comparing spans with and without a page would take hours to distinguish 1 % from 3 %. But a page works in bursts and
 * is idle in between. So this function compares the steps around each update with those just before and after it, and
 * measures the CPU time of the browser while the page is idle.
 */
export async function measureSlowDown(
  root: string,
  dashboardUrl: string,
  browser: BrowserContext,
  wanted: number,
): Promise<SlowDown> {
  await using training = await startCommand(['train', 'bench/dashboard/recipe.ts', '--runs', root], 'step');
  const run = 'watched-0001';
  const cpuTime = (): number => descendantsCpuMs(training.child.pid!);
  await sleep(settleMs);
  const before = cpuTime();
  await sleep(aloneMs);
  const alone = (1000 * (cpuTime() - before)) / aloneMs;
  const page = await browser.newPage();
  await page.goto(`${dashboardUrl}#/runs/${run}/overview`);
  await page.locator('h1').first().waitFor();
  await sleep(settleMs);
  const looks = await watchLooks(page, cpuTime, wanted);
  await page.close();
  return summarise(looks, await stepEnds(`${root}/${run}`), alone);
}

interface Look {
  readonly at: number;
  readonly calmCpuMs: number;
}

/** Watches the page until it has recorded enough updates, each followed by an idle span. */
async function watchLooks(page: Page, cpuTime: () => number, wanted: number): Promise<Look[]> {
  const looks: Look[] = [];
  while (looks.length < wanted) {
    await page.waitForRequest(/\/api\//u, { timeout: 60_000 });
    const at = Date.now() - beforeLookMs;
    await sleep(calmAfterMs);
    const before = cpuTime();
    await sleep(calmMs);
    looks.push({ at, calmCpuMs: cpuTime() - before });
  }
  return looks;
}

async function stepEnds(directory: string): Promise<number[]> {
  using run = await openRunReader(directory);
  return run.lists('SELECT recorded_at FROM steps ORDER BY step').map(([time]) => Date.parse(String(time)));
}

function summarise(looks: readonly Look[], ends: readonly number[], alone: number): SlowDown {
  const stepsIn = (from: number, to: number): number => progressAt(ends, to) - progressAt(ends, from);
  const delays = looks.map(({ at }) => {
    const end = at + lookMs;
    const stepMsBeside = (2 * besideMs) / (stepsIn(at - besideMs, at) + stepsIn(end, end + besideMs));
    return lookMs - stepsIn(at, end) * stepMsBeside;
  });
  const [first, last] = [looks[0]!.at, looks.at(-1)!.at];
  const everyMs = (last - first) / (looks.length - 1);
  if (everyMs < calmAfterMs + calmMs + besideMs)
    throw new Error(
      `expected updates far enough apart to separate from idle spans, got one every ${everyMs.toFixed(0)} ms`,
    );
  const delay = bootstrapMean(delays, { seed: 0 });
  const share = (ms: number): number => (100 * ms) / everyMs;
  const steps = stepsIn(first, last);
  return {
    steps: Math.round(steps),
    stepMs: (last - first) / steps,
    looks: looks.length,
    lookEverySeconds: everyMs / 1000,
    lookMs: delay,
    percent: { mean: share(delay.mean), low: share(delay.low), high: share(delay.high) },
    idleCpuMs: [alone, (1000 * mean(looks.map(({ calmCpuMs }) => calmCpuMs))) / calmMs],
  };
}

/** Returns the number of steps done at a moment, interpolated between the ends of neighbouring steps. */
function progressAt(ends: readonly number[], time: number): number {
  const next = ends.findIndex((end) => end > time);
  if (next < 1) throw new Error(`expected steps before and after ${new Date(time).toISOString()}, got none`);
  return next - 1 + (time - ends[next - 1]!) / (ends[next]! - ends[next - 1]!);
}
