import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext } from 'playwright-core';
import { bootstrapMean, type Estimate } from '../../src/core/statistics-intervals.ts';
import { mean } from '../../src/core/statistics.ts';
import { openRunReader } from '../../src/runs/run-reader.ts';
import { startCommand } from './command.ts';
import { descendantsCpuMs } from './cpu-time.ts';

/** How much longer a training step takes while its overview is open in a browser. */
export interface SlowDown {
  readonly steps: readonly [alone: number, watched: number];
  readonly stepMs: readonly [alone: number, watched: number];
  /** watched / alone − 1, in percent, with its 95 % interval over pairs of spans. */
  readonly percent: Estimate;
  /** Milliseconds of CPU that the dashboard and the browser took together, a second. */
  readonly cpuMs: readonly [alone: number, watched: number];
}

type Kind = 'alone' | 'watched';
const [settleMs, spanMs] = [4000, 15_000];

/**
 * Trains once, and opens and closes the page again and again while it does: spans with and without it alternate, so
 * that whatever else the machine does meets both alike. The dashboard itself runs throughout.
 */
export async function measureSlowDown(
  root: string,
  dashboardUrl: string,
  browser: BrowserContext,
  pairs: number,
): Promise<SlowDown> {
  await using training = await startCommand(['train', 'bench/dashboard/recipe.ts', '--runs', root], 'step');
  void training.ready;
  const run = 'watched-0001';
  await sleep(3000);
  const spans: Record<Kind, number[]>[] = [];
  const cpu: Record<Kind, number[]> = { alone: [], watched: [] };
  for (let pair = 0; pair < pairs; pair++) {
    // Which comes first alternates too.
    const order = pair % 2 === 0 ? (['alone', 'watched'] as const) : (['watched', 'alone'] as const);
    const span: Record<Kind, number[]> = { alone: [], watched: [] };
    for (const kind of order) {
      const page = kind === 'watched' ? await browser.newPage() : undefined;
      await page?.goto(`${dashboardUrl}#/runs/${run}/overview`);
      await page?.locator('h1').first().waitFor();
      // What is measured is a page that is open, not one that is being opened.
      await sleep(settleMs);
      const [began, before] = [Date.now(), descendantsCpuMs(training.child.pid!)];
      await sleep(spanMs);
      cpu[kind].push((descendantsCpuMs(training.child.pid!) - before) / (spanMs / 1000));
      span[kind] = await stepTimes(`${root}/${run}`, began, Date.now());
      await page?.close();
    }
    spans.push(span);
  }
  return { ...summarise(spans), cpuMs: [mean(cpu.alone), mean(cpu.watched)] };
}

/** Milliseconds of the steps that began and ended in a span. */
async function stepTimes(directory: string, from: number, to: number): Promise<number[]> {
  using run = await openRunReader(directory);
  const times = run
    .lists('SELECT recorded_at FROM steps ORDER BY step')
    .map(([time]) => Date.parse(String(time)))
    .filter((time) => time >= from && time <= to);
  return times.slice(1).map((time, index) => time - times[index]!);
}

function summarise(spans: readonly Readonly<Record<Kind, readonly number[]>>[]): Omit<SlowDown, 'cpuMs'> {
  const ratios = spans.map(({ alone, watched }) => 100 * (mean(watched) / mean(alone) - 1));
  const [alone, watched] = [spans.flatMap((span) => span.alone), spans.flatMap((span) => span.watched)];
  return {
    steps: [alone.length, watched.length],
    stepMs: [mean(alone), mean(watched)],
    percent: bootstrapMean(ratios, { seed: 0 }),
  };
}
