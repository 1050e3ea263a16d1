import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, Page } from 'playwright-core';
import { bootstrapMean, type Estimate } from '../../src/statistics/intervals.ts';
import { mean } from '../../src/statistics/summary.ts';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import { startCommand } from './command.ts';
import { descendantsCpuMs } from './cpu-time.ts';

/** How much longer training takes while its overview is open in a browser. */
export interface SlowDown {
  readonly steps: number;
  readonly stepMs: number;
  /** How often the page asked and drew, and seconds from one time to the next. */
  readonly looks: number;
  readonly lookEverySeconds: number;
  /** Milliseconds that a look holds training up. */
  readonly lookMs: Estimate;
  /** What that is of all time, in percent. */
  readonly percent: Estimate;
  /** Milliseconds of CPU a second that the dashboard and the browser take without a page, and with one between its looks. */
  readonly idleCpuMs: readonly [alone: number, watched: number];
}

/** A page is given time first: what is measured is one that is open, not one that is being opened. */
const [settleMs, aloneMs] = [20_000, 60_000];
/** A look, from just before it asks until its last trace has gone, and what it is held against on either side. */
const [beforeLookMs, lookMs, besideMs] = [100, 1600, 2500];
/** After a look, where the page does nothing. */
const [calmAfterMs, calmMs] = [2500, 4000];

/**
 * Trains, opens the page once and leaves it open. Other tenants change the speed of a machine by several percent from
 * minute to minute, so that spans with and without a page tell 1 % from 3 % only after hours. A page works in looks, though,
 * and rests in between: steps around each look are held against those just before and after it, and what the browser
 * takes while the page rests is counted in CPU.
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

/** Goes on until so many looks were seen, each with a calm after it. */
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
      `expected looks far enough apart to tell them from rest, got one every ${everyMs.toFixed(0)} ms`,
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

/** Steps done at a moment: a step is taken to go on evenly from the end of the one before to its own. */
function progressAt(ends: readonly number[], time: number): number {
  const next = ends.findIndex((end) => end > time);
  if (next < 1) throw new Error(`expected steps before and after ${new Date(time).toISOString()}, got none`);
  return next - 1 + (time - ends[next - 1]!) / (ends[next]! - ends[next - 1]!);
}
