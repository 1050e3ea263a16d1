import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { openRunReader } from '../src/runs/run-reader.ts';
import { jsonForHtml, runForPage } from '../src/server/exported-run.ts';

/**
 * Makes docs/images/*.png: each view of a run that `npm run demo` made.
 *
 * @example npm run build:web && npm run screenshots -- runs/demo-0001
 */
const directory = process.argv[2] ?? 'runs/demo-0001';
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

using reader = await openRunReader(directory);
const run = await runForPage(reader, { at: new Date(), maxBytes: 16e6 });
const data = jsonForHtml([run]);
const page = readFileSync('dist/web/index.html', 'utf8').replace(
  '<div id="root">',
  () => `<script type="application/json" id="gradus-runs">${data}</script><div id="root">`,
);
const server = createServer((request, response) => {
  const path = request.url === '/' ? '/index.html' : request.url!;
  response.setHeader('content-type', types[extname(path)] ?? 'text/plain');
  response.end(path === '/index.html' ? page : readFileSync(join('dist/web', path)));
});
await once(server.listen(0, '127.0.0.1'), 'listening');
await photograph(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
server.close();

async function photograph(origin: string): Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), 'gradus-screenshots-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    viewport: { width: 1280, height: 860 },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  });
  const { folder } = run.detail.head;
  const views = ['overview', 'curriculum', 'metrics', 'rollouts', `group/${Object.keys(run.details)[0]}`];
  const tab = await browser.newPage();
  const take = async (hash: string, name: string): Promise<void> => {
    await tab.goto('about:blank');
    await tab.goto(`${origin}#/${hash}`);
    await tab.locator('h1').waitFor();
    await tab.waitForTimeout(300);
    await tab.screenshot({ path: `docs/images/${name}.png` });
  };
  await take('runs', 'runs');
  for (const view of views) await take(`runs/${folder}/${view}`, view.split('/')[0]!);
  await tab.emulateMedia({ colorScheme: 'dark' });
  await take(`runs/${folder}/overview`, 'overview-dark');
  await tab.setViewportSize({ width: 360, height: 740 });
  await take(`runs/${folder}/overview`, 'overview-narrow');
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
