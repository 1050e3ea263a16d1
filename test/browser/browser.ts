import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axeCore from 'axe-core';
import { chromium, type Page } from 'playwright-core';
import { build } from 'vite';

const executablePath = '/usr/bin/chromium';

/** Whether there is a browser to drive. */
export const hasBrowser = existsSync(executablePath);

/** A page, and what went wrong on it: script errors, refusals of the policy, requests that leave its origin. */
export interface Opened extends AsyncDisposable {
  readonly tab: Page;
  readonly faults: readonly string[];
}

/** A browser that opens views of one origin. */
export interface Browser extends AsyncDisposable {
  readonly open: (url: string) => Promise<Opened>;
}

/** Chromium with a profile of its own. */
export async function openBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'gradus-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  context.setDefaultTimeout(20_000);
  return {
    open: async (url) => {
      const tab = await context.newPage();
      const faults: string[] = [];
      const { origin } = new URL(url);
      tab.on('pageerror', (error) => faults.push(error.message));
      tab.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      tab.on('request', (request) => {
        const asked = request.url();
        if (!asked.startsWith(`${origin}/`) && !asked.startsWith('data:')) faults.push(asked);
      });
      await tab.goto(url);
      await tab.locator('h1').first().waitFor();
      return { tab, faults, [Symbol.asyncDispose]: () => tab.close() };
    },
    [Symbol.asyncDispose]: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** The pages, built into a folder of their own. */
export async function buildPages(folder: string): Promise<string> {
  const outDir = join(folder, 'web');
  await build({ configFile: 'web/vite.config.ts', logLevel: 'error', build: { outDir } });
  return outDir;
}

/** Rules that axe finds broken, with where. Evaluated by the debugger, which the page's policy does not bind. */
export async function brokenRules(tab: Page): Promise<string[]> {
  await tab.evaluate(axeCore.source);
  return tab.evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html.slice(0, 200)))',
  );
}
