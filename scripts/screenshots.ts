import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { openRunReader } from '../src/runs/reading/run-reader.ts';
import { startDashboard } from '../src/services/dashboard/dashboard.ts';
import { groupsQuery, groupsView } from '../src/services/dashboard/views/rollouts/groups.ts';
import { problemsQuery, problemsView } from '../src/services/dashboard/views/rollouts/problems.ts';
import { compareRuns } from '../src/evaluation/compare-runs.ts';
import { compareSeeds } from '../src/evaluation/seeds/compare-seeds.ts';
import { runProgress } from '../src/evaluation/run-progress.ts';

/**
 * Makes docs/images/*.png: every view that `gradus dashboard` serves of a run made by `npm run demo`; with a second
 * run, including the comparison of both.
 *
 * @example npm run build:web && npm run screenshots -- runs/demo-0001 runs/demo-0002
 */
const [directory = 'runs/demo-0001', other] = process.argv.slice(2);
const root = dirname(directory);
const folder = basename(directory);
const images = 'docs/images';
/** Time for data and charts, including the index that the first search of a run builds. */
const settleMs = 2500;

await using dashboard = await startDashboard({
  root,
  pages: 'dist/web',
  host: '127.0.0.1',
  port: 0,
  compareSuites: compareRuns,
  compareSeeds,
  compareProgress: runProgress,
});
const { group, problem } = await findWorst(directory);
const run = `runs/${folder}`;
const views = {
  overview: `${run}/overview`,
  curriculum: `${run}/curriculum?by=family`,
  metrics: `${run}/metrics`,
  rollouts: `${run}/rollouts?solved=some&purpose=train`,
  answers: `${run}/answers?family=brackets`,
  search: `${run}/rollouts?as=search&text=Math.max`,
  group: `${run}/group/${group}`,
  problem: `${run}/problem/${encodeURIComponent(problem)}`,
  ...(other === undefined
    ? {}
    : { compare: `compare?before=${folder}&after=${basename(other)}`, runs: 'runs' }),
};
await photograph();

async function photograph(): Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), 'gradus-screenshots-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    viewport: { width: 1200, height: 800 },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  });
  const tab = await browser.newPage();
  for (const [name, hash] of Object.entries(views)) await take(tab, hash, name);
  await tab.emulateMedia({ colorScheme: 'dark' });
  await take(tab, views.overview, 'overview-dark');
  await tab.setViewportSize({ width: 360, height: 740 });
  await take(tab, views.overview, 'overview-narrow');
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}

async function take(tab: Page, hash: string, name: string): Promise<void> {
  await tab.goto('about:blank');
  await tab.goto(`${dashboard.url}#/${hash}`);
  await tab.locator('section, [role="row"]').first().waitFor();
  await tab.waitForTimeout(settleMs);
  const path = join(images, `${name}.png`);
  await tab.screenshot({ path });
  console.log(`${path}: ${Math.round(statSync(path).size / 1024)} KiB`);
}

/** Picks the most instructive group: one on the math problem with the worst results in the last stage, among those seen
 * more than once. */
async function findWorst(path: string): Promise<{ group: number; problem: string }> {
  using reader = await openRunReader(path);
  const { stage } = reader.summary();
  const ofStage = { stage: [stage!], purpose: ['train'] };
  const groups = groupsView(
    reader,
    groupsQuery.parse({
      ...ofStage,
      domain: ['math'],
      solved: ['some'],
      sort: 'rate',
      order: 'asc',
      limit: 1,
    }),
  );
  const { rows } = problemsView(
    reader,
    problemsQuery.parse({ ...ofStage, sort: 'rate', order: 'asc', limit: 50 }),
  );
  const [worst] = rows.toSorted((a, b) => b.groups - a.groups);
  return { group: groups.rows[0]!.id, problem: worst!.problemId };
}
