import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';
import { openRunReader } from '../src/runs/run-reader.ts';
import type { GroupRow } from '../src/runs/run-views.ts';

/**
 * Makes docs/images/*.png: each view of a run that `npm run demo` made.
 *
 * @example npm run build:web && npm run screenshots -- runs/demo-0001
 */
const directory = process.argv[2] ?? 'runs/demo-0001';
const columns = 16;
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

const run = await exportRun(directory);
const data = JSON.stringify([run]).replaceAll('<', String.raw`\u003c`);
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
  const views = ['overview', 'curriculum', 'metrics', 'rollouts', `group/${Object.keys(run.attempts)[0]}`];
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

/** The run as a page embeds it, with the rollouts of the last stage's hardest group. */
async function exportRun(path: string) {
  using reader = await openRunReader(path);
  const head = reader.summary();
  const groups = reader.groups();
  const names = reader.metricNames().map(({ name }) => name);
  const metrics = names.map((name) => {
    const { steps, values } = reader.metric(name);
    return [name, { steps: [...steps], values: [...values] }] as const;
  });
  const mine = groups.filter(({ stage, trials }) => stage === head.stage && trials > 0);
  const worst = mine.toSorted((a, b) => a.correct / a.trials - b.correct / b.trials || b.step - a.step)[0]!;
  const rollouts = await reader.rollouts([worst]);
  const attempts = rollouts.map((row) => ({
    ...row,
    index: row.rollout_index,
    finishReason: row.finish_reason,
    evidence: JSON.parse(row.evidence ?? '{}') as Record<string, unknown>,
    tokens: [...row.tokens],
    logprobs: [...row.rollout_logprobs],
  }));
  const evaluations = reader.evaluations().map(({ step, name, result }) => {
    const { overall } = result as { overall: { problems: number; accuracy: unknown } };
    return { step, name, problems: overall.problems, accuracy: overall.accuracy };
  });
  const detail = { head, stages: reader.stages(), events: reader.events(), evaluations, metricNames: names };
  const levels = levelCells(groups, head.step);
  return { detail, metrics: Object.fromEntries(metrics), groups, levels, attempts: { [worst.id]: attempts } };
}

/** Pass rates by family in spans of steps. */
function levelCells(groups: readonly GroupRow[], lastStep: number) {
  const size = Math.max(1, Math.ceil(lastStep / columns));
  const cells = new Map<
    string,
    { level: string; fromStep: number; toStep: number; correct: number; trials: number }
  >();
  for (const { family, domain, step, correct, trials, purpose } of groups) {
    if (purpose !== 'train') continue;
    const level = family ?? domain;
    const fromStep = Math.floor((step - 1) / size) * size + 1;
    const key = `${level} ${fromStep}`;
    const cell = cells.get(key) ?? { level, fromStep, toStep: fromStep + size - 1, correct: 0, trials: 0 };
    cells.set(key, { ...cell, correct: cell.correct + correct, trials: cell.trials + trials });
  }
  return [...cells.values()].toSorted((a, b) => a.level.localeCompare(b.level) || a.fromStep - b.fromStep);
}
