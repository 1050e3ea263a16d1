/**
 * `npm run bench:dashboard`: measures the dashboard on a run of 1,000,000 metric rows, 200,000 rollouts and 20 stages,
 * recorded through the recorder that training uses. Measures server start, every endpoint, memory, first view in
 * Chromium, and the slowdown of training while its page is open. `-- --small` tests the bench itself in a minute. The
 * last line is JSON.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Estimate } from '../src/statistics/intervals.ts';
import { alignColumns } from '../src/core/text/table.ts';
import { recordShown, type ShownPlan } from '../test/server/shown-run.ts';
import { openBrowser, timeFirstView } from './dashboard/browser.ts';
import { startCommand } from './dashboard/command.ts';
import { timeEndpoints } from './dashboard/endpoints.ts';
import { measureSlowDown } from './dashboard/slow-down.ts';

const isSmall = process.argv.includes('--small');
const plan: ShownPlan = {
  stages: 20,
  stepsPerStage: isSmall ? 10 : 500,
  groupsPerStep: 5,
  rollouts: 4,
  metrics: 100,
  candidates: isSmall ? 100 : 5000,
  tokens: 12,
};
const steps = plan.stages * plan.stepsPerStage;
const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gradus-bench-dashboard-'));
try {
  console.log(JSON.stringify(await measure()));
} finally {
  rmSync(root, { recursive: true, force: true });
}

async function measure() {
  if (!existsSync('dist/web/index.html'))
    throw new Error('expected the pages in dist/web, found none; first: npm run build:web');
  const recorded = performance.now();
  const folder = await record();
  const recordSeconds = (performance.now() - recorded) / 1000;
  console.log(
    `${(steps * plan.metrics).toLocaleString('en')} metric rows, ${(steps * plan.groupsPerStep * plan.rollouts).toLocaleString('en')} rollouts, ` +
      `${plan.stages} stages, recorded in ${recordSeconds.toFixed(0)} s; ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
  );
  await using dashboard = await startCommand(['dashboard', root, '--port', '0'], 'listening');
  const url = String(dashboard.ready['url']);
  console.log(`server start: ${dashboard.readyMs.toFixed(0)} ms`);
  const endpoints = await timeEndpoints({ url, pid: dashboard.child.pid! }, folder, steps);
  const rows = endpoints.map(({ endpoint, ...times }) => [
    endpoint,
    ...Object.values(times).map((value: number) => value.toFixed(1)),
  ]);
  console.log(alignColumns([['endpoint', 'first ms', 'p50', 'p95', 'max', 'cpu', 'kB'], ...rows]));
  const memoryMb = residentMb(dashboard.child.pid!);
  console.log(`memory: ${memoryMb.now} MB, at most ${memoryMb.peak} MB`);
  await using chromium = await openBrowser();
  const firstView = await timeFirstView(chromium.browser, url, folder);
  console.log(`first view in Chromium, ms: ${firstView.map((ms) => ms.toFixed(0)).join(', ')}`);
  const slowDown = await measureSlowDown(root, url, chromium.browser, isSmall ? 3 : 60);
  const { lookMs, percent, idleCpuMs } = slowDown;
  const estimate = ({ mean, low, high }: Estimate, digits: number): string =>
    `${mean.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
  console.log(
    `training with its page open: each of ${slowDown.looks} updates, ${slowDown.lookEverySeconds.toFixed(1)} s apart, delays it by ` +
      `${estimate(lookMs, 0)} ms, ${estimate(percent, 1)} % of all time, at ${slowDown.stepMs.toFixed(1)} ms per step; ` +
      `CPU of dashboard and browser between updates: ${idleCpuMs.map((ms) => ms.toFixed(1)).join(' → ')} ms per second`,
  );
  return { plan, recordSeconds, startMs: dashboard.readyMs, endpoints, memoryMb, firstView, slowDown };
}

async function record(): Promise<string> {
  await using run = await recordShown(root, plan);
  await run.finish('finished', 'all stages done');
  return basename(run.directory);
}

/** Returns the resident memory of a process, from Linux's /proc. */
function residentMb(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`, 'u').exec(status)?.[1]) / 1000);
  return { now: of('VmRSS'), peak: of('VmHWM') };
}
