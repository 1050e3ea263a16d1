import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import axeCore from 'axe-core';
import { type BrowserContext, chromium } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportedRun, hostileText } from './exported-run.ts';

const executablePath = '/usr/bin/chromium';
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'";
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

describe.skipIf(!existsSync(executablePath))('the pages in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-pages-'));
  let server: Server;
  let browser: BrowserContext;
  let origin: string;

  beforeAll(async () => {
    const outDir = join(folder, 'web');
    await build({ configFile: 'web/vite.config.ts', logLevel: 'error', build: { outDir } });
    server = createServer((request, response) => {
      const path = request.url === '/' ? '/index.html' : request.url!;
      response.setHeader('content-security-policy', policy);
      response.setHeader('content-type', types[extname(path)] ?? 'text/plain');
      response.end(path === '/index.html' ? page(outDir) : readFileSync(join(outDir, path)));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await chromium.launchPersistentContext(join(folder, 'profile'), {
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
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a view, noting each error and each request that leaves the origin. */
  async function open(hash: string) {
    const tab = await browser.newPage();
    const faults: string[] = [];
    tab.on('pageerror', (error) => faults.push(error.message));
    tab.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    tab.on('request', (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) faults.push(request.url());
    });
    await tab.goto(`${origin}#/${hash}`);
    await tab.locator('h1').waitFor();
    return { tab, faults };
  }

  const views = ['runs', 'overview', 'curriculum', 'metrics', 'rollouts', 'group/2'];

  test.each(views)('%s is accessible, asks nobody and obeys the policy', async (view) => {
    const { tab, faults } = await open(view === 'runs' ? 'runs' : `runs/demo-0001/${view}`);
    for (const theme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme: theme });
      expect({ theme, broken: await axe(tab) }).toEqual({ theme, broken: [] });
    }
    await tab.setViewportSize({ width: 360, height: 740 });
    expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    expect(faults).toEqual([]);
    await tab.close();
  });

  test('from the overview to why the worst problem failed in one click', async () => {
    const { tab } = await open('runs/demo-0001/overview');
    await tab.getByRole('link', { name: 'division/9/hard' }).click();
    await tab.getByText('18 is not 20').first().waitFor();
    expect(tab.url()).toContain('/group/2');
    await tab.close();
  });

  test('filters are in the address', async () => {
    const { tab } = await open('runs/demo-0001/rollouts?stage=easy');
    await tab.getByText('1 of 2').waitFor();
    await tab.getByLabel('Stage').selectOption('');
    await tab.getByText('2 of 2').waitFor();
    expect(tab.url()).toMatch(/rollouts$/u);
    await tab.close();
  });

  test('hostile rollouts are text', async () => {
    const { tab, faults } = await open('runs/demo-0001/group/2');
    await tab.getByText('<script>').first().waitFor();
    const text = await tab.locator('main').innerText();
    expect(text).toContain('␛[2J');
    expect(text).toContain('⟨U+202E⟩');
    expect(text).toContain('␀');
    expect(await tab.evaluate('"owned" in globalThis')).toBe(false);
    expect(await tab.locator('main img, main script').count()).toBe(0);
    expect(text.length).toBeLessThan(20_000);
    await tab.getByRole('button', { name: 'Show all' }).first().click();
    expect((await tab.locator('main').innerText()).length).toBeGreaterThan(hostileText.length);
    expect(faults).toEqual([]);
    await tab.close();
  });
});

function page(outDir: string): string {
  const data = JSON.stringify([exportedRun]).replaceAll('<', String.raw`\u003c`);
  return readFileSync(join(outDir, 'index.html'), 'utf8').replace(
    '<div id="root">',
    () => `<script type="application/json" id="gradus-runs">${data}</script><div id="root">`,
  );
}

/** Rules that axe finds broken, with where. Evaluated by the debugger, which the page's policy does not bind. */
async function axe(tab: Awaited<ReturnType<BrowserContext['newPage']>>): Promise<string[]> {
  await tab.evaluate(axeCore.source);
  return tab.evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html.slice(0, 200)))',
  );
}
