import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDashboard } from '../../src/services/dashboard/dashboard.ts';
import type { Listening } from '../../src/services/listen.ts';
import { compareRuns } from '../../src/evaluation/compare-runs.ts';
import { compareSeeds } from '../../src/evaluation/seeds/compare-seeds.ts';
import { runProgress } from '../../src/evaluation/run-progress.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';
import { type Browser, buildPages, hasBrowser, openBrowser } from './browser.ts';

/** Pages that are open while another process is writing a run. */
describe.skipIf(!hasBrowser)('a live run in a browser', () => {
  const root = makeFastFolder('live');
  let dashboard: Listening;
  let browser: Browser;

  beforeAll(async () => {
    const pages = await buildPages(root);
    dashboard = await startDashboard({
      root,
      pages,
      host: '127.0.0.1',
      port: 0,
      compareSuites: compareRuns,
      compareSeeds,
      compareProgress: runProgress,
    });
    browser = await openBrowser();
  }, 60_000);

  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await dashboard[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });

  test('shows a run that starts, takes steps, changes stage and finishes, without a page reload', async () => {
    await using runs = await browser.open(`${dashboard.url}#/runs`);
    await runs.tab.getByText('No runs yet').waitFor();
    const training = spawn(process.execPath, ['-C', 'development', 'test/browser/train-live.ts', root], {
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    const step = (): void => void training.stdin.write('\n');
    await runs.tab.getByRole('row', { name: /scripted-0001 running/u }).waitFor();
    await runs.tab.getByRole('link', { name: 'scripted-0001' }).click();
    const { tab, faults } = runs;
    const strip = tab.getByRole('region', { name: 'Stage 1 of 2' });
    await strip.getByText('step 1 of at most 4').waitFor();
    await tab.evaluate('window.stays = true');
    const slider = tab.getByRole('slider', { name: /^Reward/u });
    for (const taken of [2, 3]) {
      step();
      await strip.getByText(`step ${taken} of at most 4`).waitFor();
      await expect.poll(() => slider.getAttribute('aria-valuemax')).toBe(String(taken));
    }
    await strip.getByText(/steps done/u).waitFor();
    for (let rest = 0; rest < 6; rest++) step();
    await tab.getByRole('region', { name: 'Stage 2 of 2' }).waitFor();
    await tab.getByText('finished').first().waitFor();
    await tab.getByRole('link', { name: /^step 8: /u }).waitFor();
    expect(await tab.evaluate('window.stays')).toBe(true);
    expect(faults).toEqual([]);
    if (training.exitCode === null) await once(training, 'exit');
    expect(training.exitCode).toBe(0);
  }, 120_000);
});
