import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axeCore from 'axe-core';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { build } from 'vite';

const executablePath = '/usr/bin/chromium';

/** True if Chromium is installed. */
export const hasBrowser = existsSync(executablePath);

/** A page and the faults detected on it: script errors, violations of its security policy, requests to other
 * origins. */
export interface Opened extends AsyncDisposable {
  readonly tab: Page;
  readonly faults: readonly string[];
}

/** A browser that opens views of one origin. */
export interface Browser extends AsyncDisposable {
  readonly open: (url: string) => Promise<Opened>;
}

/** Launches Chromium with a profile in a folder. */
export async function launchChromium(profile: string): Promise<BrowserContext> {
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
  return context;
}

/** Opens Chromium with a temporary profile. */
export async function openBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'gradus-browser-'));
  const context = await launchChromium(profile);
  return {
    open: async (address) => {
      const tab = await context.newPage();
      const faults: string[] = [];
      const { origin } = new URL(address);
      tab.on('pageerror', (error) => faults.push(error.message));
      tab.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      tab.on('request', (request) => {
        const url = request.url();
        if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) faults.push(url);
      });
      await tab.goto(address);
      await tab.locator('h1').first().waitFor();
      return { tab, faults, [Symbol.asyncDispose]: () => tab.close() };
    },
    [Symbol.asyncDispose]: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Builds the pages into a folder and returns it. */
export async function buildPages(folder: string): Promise<string> {
  const outDir = join(folder, 'web');
  await build({ configFile: 'web/vite.config.ts', logLevel: 'error', build: { outDir } });
  return outDir;
}

/** Returns the axe rules that a page violates. Runs through the debugger, to which the page's policy does not apply. */
export async function brokenRules(tab: Page): Promise<string[]> {
  await tab.evaluate(axeCore.source);
  return tab.evaluate(
    // Elements that pass are not described, which would take most of the time.
    `axe.run({ resultTypes: ['violations'], preload: false }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ": " + nodes[0].html.slice(0, 200)))`,
  );
}
