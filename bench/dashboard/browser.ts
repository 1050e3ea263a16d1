import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

/** Launches Debian's Chromium with an empty profile. */
export async function openBrowser(): Promise<{ browser: BrowserContext } & AsyncDisposable> {
  const profile = await mkdtemp(join(tmpdir(), 'gradus-bench-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  });
  return {
    browser,
    [Symbol.asyncDispose]: async () => {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Measures the milliseconds from the request for a run's overview until its heading and first chart appear, each time
 * in a new page. */
export async function timeFirstView(browser: BrowserContext, url: string, run: string): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < 5; n++) {
    const page = await browser.newPage();
    const started = performance.now();
    await page.goto(`${url}#/runs/${run}/overview`, { waitUntil: 'commit' });
    await page.locator('h1').first().waitFor();
    await page.locator('main [role="slider"] svg path').first().waitFor();
    times.push(performance.now() - started);
    await page.close();
  }
  return times;
}
