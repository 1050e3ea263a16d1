import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDashboard } from '../../src/services/dashboard/dashboard.ts';
import type { Listening } from '../../src/services/listen.ts';
import { compareRuns } from '../../src/evaluation/compare-runs.ts';
import { compareSeeds } from '../../src/evaluation/seeds/compare-seeds.ts';
import { runProgress } from '../../src/evaluation/run-progress.ts';
import { createPlayer } from '../../src/models/player.ts';
import { tokenPieces } from '../../src/models/token-pieces.ts';
import { type Running, startGradus } from '../e2e/gradus.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';
import { type Browser, brokenRules, buildPages, hasBrowser, openBrowser } from './browser.ts';

/** Shortens the staged recipe, which the tests view during and after training. */
const shorter = [
  'name=demo',
  'problems.0.count=300',
  'problems.1.count=300',
  'stages.0.maxSteps=8',
  'stages.1.maxSteps=6',
  'evaluation.0.rollouts=2',
  'evaluation.0.problems.0.perCell=1',
].flatMap((field) => ['--set', field]);

const recipe = fileURLToPath(new URL('../../recipes/staged/recipe.ts', import.meta.url));

describe.skipIf(!hasBrowser)('a staged run in a browser', () => {
  const root = makeFastFolder('demo');
  let demo: Running;
  let dashboard: Listening;
  let browser: Browser;
  const player = createPlayer();

  beforeAll(async () => {
    const pages = await buildPages(root);
    mkdirSync(join(root, 'runs'));
    const parts = {
      compareSuites: compareRuns,
      compareSeeds,
      compareProgress: runProgress,
      readPieces: tokenPieces(),
      player,
    };
    dashboard = await startDashboard({
      root: join(root, 'runs'),
      pages,
      host: '127.0.0.1',
      port: 0,
      ...parts,
    });
    browser = await openBrowser();
    demo = startGradus(root, ['train', recipe, '--plain', ...shorter]);
  }, 60_000);

  afterAll(async () => {
    demo.child.kill('SIGKILL');
    await browser[Symbol.asyncDispose]();
    await dashboard[Symbol.asyncDispose]();
    await player[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });

  const views = ['overview', 'curriculum', 'metrics', 'rollouts'];

  test('every view works while the run is training, and shows that it has finished', async () => {
    await using list = await browser.open(`${dashboard.url}#/runs`);
    const { tab, faults } = list;
    await tab.getByRole('row', { name: /demo-0001 running/u }).waitFor({ timeout: 60_000 });
    await tab.getByRole('link', { name: 'demo-0001' }).click();
    await tab.getByRole('region', { name: 'Stage 1 of 2' }).waitFor({ timeout: 60_000 });
    for (const view of views) {
      const tabs = tab.getByRole('navigation', { name: 'Views of the run' });
      await tabs.getByRole('link', { name: new RegExp(`^${view}$`, 'iu') }).click();
      await tab.waitForURL(new RegExp(`/${view}$`, 'u'));
      // The metrics appear with the first step, which may take a while on a busy machine.
      await tab.locator('main section').first().waitFor({ timeout: 60_000 });
    }
    await tab.getByRole('link', { name: 'Overview' }).click();
    await tab.getByText('finished').first().waitFor({ timeout: 90_000 });
    await tab.getByRole('region', { name: 'Stage 2 of 2' }).waitFor();
    expect(faults).toEqual([]);
    expect(await demo.ended).toMatchObject({ code: 0 });
  }, 200_000);

  test('shows whether training worked, and reaches the answers of a family from the list in three clicks', async () => {
    await using list = await browser.open(`${dashboard.url}#/runs`);
    const { tab, faults } = list;
    await tab.getByRole('link', { name: 'demo-0001' }).click();
    const outcome = tab.getByRole('region', { name: 'Did it work?' });
    await outcome.getByText(/^(Yes|No, it got worse|Cannot tell)$/u).waitFor();
    expect(await outcome.textContent()).toMatch(
      /training [\d,]+ rollouts.*evaluation [\d,]+ rollouts.*measuring [\d,]+ rollouts/u,
    );
    await outcome.getByText('By domain and family, worst first').click();
    const row = outcome.getByRole('row', { name: /linear-equation/u });
    await row.getByRole('link').click();
    await tab.waitForURL(/answers\?.*family=linear-equation/u);
    await tab.getByRole('group', { name: 'Most common wrong answers' }).waitFor();
    const problems = tab.getByRole('group', { name: 'Problems then and now' });
    await problems
      .getByRole('row', { name: /linear-equation/u })
      .first()
      .waitFor();
    expect(faults).toEqual([]);
  }, 60_000);

  test.each(views)(
    '%s of the finished run is accessible in both themes and fits a screen 360 px wide',
    async (view) => {
      await using opened = await browser.open(`${dashboard.url}#/runs/demo-0001/${view}`);
      const { tab, faults } = opened;
      await tab.locator('main section').first().waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await tab.emulateMedia({ colorScheme });
        expect({ colorScheme, broken: await brokenRules(tab) }).toEqual({ colorScheme, broken: [] });
      }
      await tab.setViewportSize({ width: 360, height: 740 });
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      expect(faults).toEqual([]);
    },
  );

  test('links the hardest problem to its rollouts and tokens, and prompts the model', async () => {
    await using opened = await browser.open(`${dashboard.url}#/runs/demo-0001/overview`);
    const { tab, faults } = opened;
    const hardest = tab.getByRole('region', { name: /^Hardest problems of the last stage/u });
    await hardest.getByRole('row').nth(1).getByRole('link').first().click();
    await tab.waitForURL(/problem\//u);
    await tab.getByText('Levels over the run').first().waitFor();
    const problemPage = tab.url();
    await tab.getByRole('link', { name: /^Last rollouts/u }).click();
    await tab.waitForURL(/group\/\d+/u);
    await tab.getByRole('region', { name: 'Rollout 1' }).waitFor();
    await tab.getByLabel('Colour tokens by').selectOption('surprise');
    await tab
      .getByTitle(/ %, logprob .*, entropy /u)
      .first()
      .waitFor();
    await tab.getByLabel('Colour tokens by').selectOption('entropy');
    await tab
      .getByText(/^(Highest entropy|No token had an entropy)/u)
      .first()
      .waitFor();
    await tab.goto(problemPage);
    await tab.getByRole('link', { name: 'Prompt the model' }).click();
    await expect.poll(() => tab.getByLabel('Prompt').inputValue()).not.toBe('');
    await tab.getByRole('button', { name: 'Generate' }).click();
    const answer = tab.getByRole('region', { name: 'Answer 1' });
    await answer
      .getByText(/^(correct|incorrect|unparsed)$/u)
      .first()
      .waitFor({ timeout: 60_000 });
    expect(faults).toEqual([]);
  }, 120_000);

  test('filters rollouts, and restores the filter from the URL', async () => {
    await using opened = await browser.open(
      `${dashboard.url}#/runs/demo-0001/rollouts?as=rollouts&domain=code&outcome=incorrect&stage=harder`,
    );
    const { tab } = opened;
    const found = tab.getByText(/^[\d,]+ match$/u);
    const some = await found.innerText();
    await tab.getByRole('link', { name: /^#\d/u }).first().click();
    await tab.getByText('incorrect').first().waitFor();
    await tab.goBack();
    expect(await found.innerText()).toBe(some);
    await tab.reload();
    expect(await found.innerText()).toBe(some);
    await tab.getByRole('button', { name: 'Clear filters' }).click();
    await expect.poll(() => found.innerText()).not.toBe(some);
  });
});
