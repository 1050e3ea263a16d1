import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { glossary } from '../../src/core/glossary.ts';
import type { Alert } from '../../src/runs/metrics/alert-types.ts';
import { startDashboard } from '../../src/services/dashboard/dashboard.ts';
import type { Listening } from '../../src/services/listen.ts';
import type { RunDetail } from '../../src/services/dashboard/views/run-detail.ts';
import { compareRuns } from '../../src/evaluation/compare-runs.ts';
import { compareSeeds } from '../../src/evaluation/seeds/compare-seeds.ts';
import { runProgress } from '../../src/evaluation/run-progress.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';
import { type Browser, brokenRules, buildPages, hasBrowser, openBrowser, type Opened } from './browser.ts';
import { recordSeeds } from './record-seeds.ts';
import {
  hostileProblem,
  hostileText,
  scriptedPieces,
  scriptedPlayer,
  strategySuite,
  trainScriptedModel,
  worstProblem,
} from './scripted-run.ts';

/** The pages as `gradus dashboard` serves them, for runs recorded by real training. */
describe.skipIf(!hasBrowser)('the pages in a browser', () => {
  const root = makeFastFolder('pages');
  let dashboard: Listening;
  let browser: Browser;

  beforeAll(async () => {
    const changes = { evaluation: [strategySuite] };
    const [pages] = await Promise.all([buildPages(root), trainScriptedModel(root, { changes })]);
    await trainScriptedModel(root, { changes: { seed: 1, optimizer: { learningRate: 2e-3 } } });
    await recordSeeds(root);
    const parts = {
      compareSuites: compareRuns,
      compareSeeds,
      compareProgress: runProgress,
      readPieces: scriptedPieces,
      player: scriptedPlayer,
    };
    dashboard = await startDashboard({ root, pages, host: '127.0.0.1', port: 0, ...parts });
    browser = await openBrowser();
  }, 90_000);

  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await dashboard[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });

  const run = 'runs/scripted-0001';
  const open = (hash: string): Promise<Opened> => browser.open(`${dashboard.url}#/${hash}`);
  const problemPage = (id: string): string => `${run}/problem/${encodeURIComponent(id)}`;

  const seedsOf = (side: string, name: string) => [1, 2, 3].map((n) => `${side}=${name}-000${n}`).join('&');
  const seedsPage = `compare?${seedsOf('before', 'slow')}&${seedsOf('after', 'fast')}`;

  /** Each view, and text that appears only after its data has loaded. */
  const views = [
    ['runs', 'scripted-0002'],
    ['compare?before=scripted-0001&after=scripted-0002', 'optimizer.learningRate'],
    [seedsPage, 'sampler'],
    ['compare?run=slow-0001&run=fast-0001&run=fast-0002&run=scripted-0001', 'baseline'],
    [`${run}/overview`, 'Hardest problems of the last stage'],
    [`${run}/curriculum`, 'Problems moving between levels'],
    [`${run}/metrics`, 'frac_reward_zero_std'],
    [`${run}/rollouts`, 'sum/3'],
    [`${run}/rollouts?as=rollouts`, '#1 sum/3'],
    [`${run}/rollouts?as=search&text=boxed`, 'newest first'],
    [`${run}/answers?family=sum`, 'Problems then and now'],
    [`${run}/rollouts?as=differences`, 'correct answers differ from the gold as text'],
    [`${run}/group/30?rollout=1`, 'Rollout 1'],
    [problemPage(worstProblem), 'Levels over the run'],
    [`${run}/strategies`, 'Gain over it, points'],
    [`${run}/play`, 'Judge as problem'],
  ] as const;

  test.each(views)('%s is accessible, stays on its origin and obeys the policy', async (hash, words) => {
    await using opened = await open(hash);
    const { tab, faults } = opened;
    await tab.getByText(words).first().waitFor();
    for (const theme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme: theme });
      expect({ theme, broken: await brokenRules(tab) }).toEqual({ theme, broken: [] });
    }
    await tab.setViewportSize({ width: 360, height: 740 });
    expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    expect(faults).toEqual([]);
  });

  test('reaches the failures of the hardest problem from the overview in two clicks', async () => {
    await using opened = await open(`${run}/overview`);
    const { tab } = opened;
    const hardest = tab.getByRole('region', { name: /^Hardest problems of the last stage/u });
    await hardest
      .getByText(/is not 1\/13/u)
      .first()
      .waitFor();
    await hardest.getByRole('link', { name: worstProblem }).click();
    await tab.getByRole('link', { name: /^Last rollouts/u }).click();
    const first = tab.getByRole('region', { name: 'Rollout 1' });
    await first.getByText('no rule makes them equal', { exact: true }).waitFor();
    expect(await first.locator('mark').allInnerTexts()).toContain('1/13');
    expect(tab.url()).toContain('/group/');
  });

  test('reaches the answers of a family from the list of runs in two clicks', async () => {
    await using opened = await open('runs');
    const { tab } = opened;
    await tab.getByRole('link', { name: 'scripted-0001' }).click();
    await tab.getByRole('region', { name: 'Did it work?' }).getByRole('link', { name: 'trap' }).click();
    const wrong = tab.getByRole('group', { name: 'Most common wrong answers' });
    const row = wrong.getByRole('row', { name: /frac.1..12/u });
    expect(await row.innerText()).toMatch(/incorrect\s+100 %\s+100 %\s+100 %/u);
    const problem = tab.getByRole('group', { name: 'Problems then and now' }).getByRole('row').nth(1);
    expect(await problem.innerText()).toMatch(/trap\/9\/worst\s+2\+2=\?/u);
    await problem.getByRole('link').last().click();
    await tab.getByRole('region', { name: 'Rollout 2' }).waitFor();
  });

  test('shows the beginning of a prompt beside the id of its problem', async () => {
    for (const [hash, words] of [
      [`${run}/overview`, /trap\/9\/worst\s+2\+2=\?/u],
      [`${run}/rollouts?problem=sum%2F3`, /sum\/3\s+0\+3=\?/u],
      [`${run}/rollouts?as=rollouts&problem=sum%2F3`, /#1 sum\/3\s+0\+3=\?/u],
      [problemPage('sum/3'), /sum\/4\s+0\+4=\?/u],
    ] as const) {
      await using opened = await open(hash);
      await expect.poll(() => opened.tab.locator('main').innerText()).toMatch(words);
    }
  });

  test('searches prompts, answers and completions within the filters', async () => {
    await using opened = await open(`${run}/rollouts`);
    const { tab, faults } = opened;
    await tab.getByRole('button', { name: 'Search', exact: true }).click();
    await tab.getByLabel('Words in prompts').fill('of TWELVE');
    await expect.poll(() => tab.url()).toContain('text=of+TWELVE');
    const hits = tab.getByRole('region', { name: 'Search' }).getByRole('listitem');
    await hits.getByText('one of').first().waitFor();
    expect(await hits.first().locator('mark').innerText()).toBe('of');
    await tab.getByLabel('Look in').selectOption('prompt');
    await tab.getByText('Nothing matches.').waitFor();
    await tab.getByLabel('Words in prompts').fill('0+3');
    await expect.poll(() => hits.count()).toBe(1);
    await hits.getByRole('link', { name: 'sum/3' }).click();
    await tab.waitForURL(/problem\/sum/u);
    await tab.goto(`${dashboard.url}#/${run}/rollouts?as=search&text=owned&family=hostile&outcome=unparsed`);
    await expect.poll(() => hits.count()).toBeGreaterThan(0);
    expect(await tab.locator('main img, main script, main i').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  test('links steps, cells and points to their rollouts', async () => {
    await using opened = await open(`${run}/overview`);
    const { tab } = opened;
    await tab.getByRole('link', { name: /^step 3: /u }).click();
    await tab.waitForURL(/rollouts\?from=3&to=3$/u);
    await tab.goto(`${dashboard.url}#/${run}/curriculum?by=family`);
    await tab.locator('a[aria-label^="trap, steps 3"]').click();
    await tab.waitForURL(/rollouts\?family=trap&from=3&to=3$/u);
    await tab.getByText('1 match').waitFor();
    await tab.goto(`${dashboard.url}#/${problemPage(worstProblem)}`);
    await tab.getByRole('link', { name: /^step 3, all, train: 0 %/u }).click();
    await expect.poll(() => tab.url()).toMatch(/group\/\d+$/u);
  });

  test('shows what to do about an alert, and links to its metric', async () => {
    await using opened = await open('runs');
    const { tab } = opened;
    const alert = {
      id: 'no-signal',
      severity: 'warning',
      title: 'Most groups teach <b>nothing</b>',
      whatToDo: 'Select harder problems.',
      step: 7,
      evidence: { metric: 'group/zeroAdvantage', value: 0.9, threshold: 0.8 },
    } satisfies Alert;
    await tab.route('**/api/runs/scripted-0001', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...((await response.json()) as RunDetail), alerts: [alert] } });
    });
    await tab.getByRole('link', { name: 'scripted-0001' }).click();
    const alerts = tab.getByRole('region', { name: 'Alerts' });
    await alerts.getByText('Most groups teach <b>nothing</b>').waitFor();
    await alerts.getByText('Select harder problems.').waitFor();
    expect(await brokenRules(tab)).toEqual([]);
    await alerts.getByRole('link', { name: 'group/zeroAdvantage is 0.9, limit 0.8' }).click();
    await expect.poll(() => tab.getByRole('slider').count()).toBe(1);
  });

  test('compares strategies by bin, and shows the search trees of a problem', async () => {
    await using opened = await open(`${run}/overview`);
    const { tab, faults } = opened;
    await tab.getByRole('link', { name: 'Strategies', exact: true }).click();
    const charts = tab.getByRole('img', {
      name: /problems: majority from [\d.]+ % \[.*best-of-n last-max .*beam\(2\) last-max .*dvts\(2\) last-max .*chosen by bin /u,
    });
    await charts.first().waitFor();
    // A chart of all problems, and one for each bin that is not empty.
    expect(await charts.count()).toBeGreaterThanOrEqual(2);
    expect(await charts.first().locator('path').count()).toBe(5);
    await tab.getByLabel('Choice by score').selectOption('avg-vote');
    await expect.poll(() => tab.url()).toContain('rule=avg-vote');
    await tab.getByText('Show as a table').click();
    const table = tab.getByRole('group', { name: 'Accuracy and tokens of each strategy' });
    expect(await table.getByRole('row', { name: /^dvts\(2\) avg-vote 4 /u }).innerText()).toMatch(/tokens/u);
    await tab.getByLabel('Evaluation').selectOption('1');
    await expect.poll(() => tab.url()).toContain('evaluation=1');
    await tab
      .getByRole('group', { name: 'Search trees' })
      .getByRole('link', { name: /^(sum|trap)/u })
      .first()
      .click();
    const trees = tab.getByRole('region', { name: 'Search trees' });
    await trees.getByText(/^beam\(2\), N 2: \d+ steps/u).waitFor();
    const steps = trees.getByRole('listitem');
    const kept = await steps.count();
    await trees.getByLabel('Pruned steps').check();
    expect(await steps.count()).toBeGreaterThan(kept);
    expect(await trees.innerText()).toMatch(/score 0\.\d\d · \d+ tokens · pruned/u);
    expect(await brokenRules(tab)).toEqual([]);
    expect(faults).toEqual([]);
  });

  test('keeps filters in the URL', async () => {
    await using opened = await open(
      `${run}/rollouts?stage=hard&outcome=unparsed&outcome=timeout&problem=sum`,
    );
    const { tab } = opened;
    const table = tab.getByRole('table', { name: 'Groups of rollouts' });
    expect(await tab.getByLabel(/^hard/u).first().isChecked()).toBe(true);
    expect(await tab.getByLabel(/^unparsed/u).isChecked()).toBe(true);
    await tab.getByText(/^\d+ match$/u).waitFor();
    const before = Number((await tab.getByText(/^\d+ match$/u).innerText()).split(' ')[0]);
    await tab.getByLabel('Problem').fill('');
    await tab.getByRole('button', { name: 'Clear filters' }).click();
    await expect.poll(() => tab.url()).toMatch(/rollouts$/u);
    await expect
      .poll(async () => Number((await tab.getByText(/^\d+ match$/u).innerText()).split(' ')[0]))
      .toBeGreaterThan(before);
    await table.getByRole('button', { name: 'Pass rate' }).click();
    await table.getByRole('button', { name: 'Pass rate' }).click();
    expect(tab.url()).toContain('sort=rate');
    await expect.poll(() => table.getByRole('row').nth(1).innerText()).toContain('0 % [');
  });

  test("finds metrics by verl's name, and reads zoom and smoothing from the URL", async () => {
    await using opened = await open(`${run}/metrics?find=critic%2Fscore&stage=hard&smooth=on`);
    const { tab } = opened;
    const chart = tab.getByRole('slider');
    await chart.waitFor();
    expect(await chart.count()).toBe(1);
    expect([await chart.getAttribute('aria-valuemin'), await chart.getAttribute('aria-valuemax')]).toEqual([
      '5',
      '8',
    ]);
    await chart.focus();
    await tab.keyboard.press('Home');
    await tab.keyboard.press('ArrowRight');
    expect(await chart.getAttribute('aria-valuetext')).toMatch(/^step 6: all 0\.\d+/u);
    const box = (await chart.boundingBox())!;
    await tab.mouse.move(box.x + box.width * 0.6, box.y + 40);
    await tab.mouse.down();
    await tab.mouse.move(box.x + box.width * 0.95, box.y + 40, { steps: 4 });
    await tab.mouse.up();
    await expect.poll(() => tab.url()).toMatch(/from=7&to=8/u);
    await tab.getByRole('button', { name: 'Show all' }).click();
    expect(await chart.getAttribute('aria-valuemin')).toBe('0');
  });

  test('colours tokens by surprise, entropy or advantage', async () => {
    await using opened = await open(`${run}/rollouts?as=rollouts&family=sum&outcome=correct&solved=some`);
    const { tab } = opened;
    await tab
      .getByRole('link', { name: /^#\d sum/u })
      .first()
      .click();
    await tab.getByLabel('Colour tokens by').selectOption('surprise');
    await expect.poll(() => tab.url()).toContain('heat=surprise');
    const token = tab.getByTitle(/^\{\s+60\.7 %, logprob −0\.5$/u).first();
    expect(await token.getAttribute('style')).toContain('--warn');
    await tab.getByLabel('Colour tokens by').selectOption('entropy');
    await tab.getByText('Entropies were not recorded.').first().waitFor();
    await tab.getByLabel('Colour tokens by').selectOption('advantage');
    await expect.poll(() => token.getAttribute('style')).toMatch(/--(good|bad)/u);
  });

  test('prompts a model and judges its completions', async () => {
    await using opened = await open(problemPage(worstProblem));
    const { tab, faults } = opened;
    await tab.getByRole('link', { name: 'Prompt the model' }).click();
    await tab.getByLabel('Answers').fill('2');
    await expect.poll(() => tab.getByLabel('Prompt').inputValue()).toBe('2+2=?');
    await tab.getByRole('button', { name: 'Generate' }).click();
    const second = tab.getByRole('region', { name: 'Answer 2' });
    await second.getByText('<b>1/12</b>').waitFor();
    await second.getByText('no rule makes them equal').first().waitFor();
    expect(await second.locator('mark').allInnerTexts()).toContain('2');
    expect(tab.url()).toContain('count=2');
    expect(faults).toEqual([]);
  });

  test('compares two selected runs: recipes, and accuracies with paired intervals', async () => {
    await using opened = await open('runs');
    const { tab } = opened;
    await tab.getByLabel('Select scripted-0001').check();
    await tab.getByLabel('Select scripted-0002').check();
    await tab.getByRole('link', { name: 'Compare scripted-0001 → scripted-0002' }).click();
    await tab.getByRole('row', { name: /optimizer.learningRate 0.001 0.002/u }).waitFor();
    const overall = tab.getByRole('row', { name: /^all, 8/u });
    expect(await overall.innerText()).toMatch(/\[.* … .*\]/u);
  });

  test('compares the seeds of two recipes: tables, and charts with single seeds and bands', async () => {
    await using opened = await open('runs');
    const { tab } = opened;
    await tab.getByLabel('Select slow-0001').check();
    await tab.getByLabel('Select fast-0002').check();
    await tab.getByRole('button', { name: 'Select all seeds' }).click();
    await tab.getByRole('link', { name: 'Compare 3 seeds → 3 seeds' }).click();
    await tab.getByRole('row', { name: /sampler slow fast/u }).waitFor();
    const table = tab.getByRole('group', { name: 'Accuracy, held-out' });
    expect(await table.getByRole('row', { name: /^all, 10/u }).innerText()).toContain('+25 [');
    await tab.getByText('seeds 1, 2, 3; paired by seed').waitFor();
    const speed = tab.getByRole('group', { name: 'Cost of the baseline’s final accuracy, held-out' });
    expect(await speed.getByRole('row', { name: /^all/u }).innerText()).toMatch(/3 of 3\s+4 → 2 \(2.00 ×\)/u);
    for (const title of ['Held-out accuracy, held-out', 'Reward']) {
      const chart = tab.getByRole('region', { name: title }).getByRole('slider');
      // Each side has a band, three seed lines and the mean.
      expect(await chart.locator('path').count()).toBe(10);
      expect(await chart.getAttribute('aria-label')).toMatch(/before from .* after from /u);
    }
    await tab.getByRole('link', { name: 'Swap' }).click();
    await tab.getByRole('row', { name: /sampler fast slow/u }).waitFor();
    await tab.goto(`${dashboard.url}#/runs`);
    await tab.getByLabel('Select slow-0001').check();
    await tab.getByRole('button', { name: 'Select all seeds' }).click();
    await tab.getByRole('link', { name: 'Compare 3 runs of 1 recipe' }).waitFor();
    await tab.getByRole('button', { name: 'Clear selection' }).click();
    expect(await tab.getByLabel('Select slow-0001').isChecked()).toBe(false);
  });

  test('compares any number of runs over steps, rollouts, tokens or time', async () => {
    await using opened = await open('runs');
    const { tab, faults } = opened;
    for (const name of ['slow-0001', 'fast-0001', 'fast-0002', 'scripted-0001'])
      await tab.getByLabel(`Select ${name}`).check();
    await tab.getByRole('link', { name: 'Compare 4 runs of 3 recipes' }).click();
    const results = tab.getByRole('group', { name: 'Results' });
    await results.getByRole('row', { name: /^slow slow-0001 .* baseline/u }).waitFor();
    await results.getByRole('row', { name: /^fast fast-0001, fast-0002/u }).waitFor();
    const chart = tab.getByRole('region', { name: 'Reward' }).getByRole('slider');
    // Three lines, and two more for single seeds.
    await expect.poll(() => chart.locator('g[class] > path').count()).toBeGreaterThanOrEqual(5);
    await tab.goto(`${dashboard.url}#/compare?run=scripted-0001&run=scripted-0002`);
    await tab.getByLabel('Axis').selectOption('tokens');
    await expect.poll(() => tab.url()).toContain('axis=tokens');
    await expect.poll(() => chart.getAttribute('aria-label')).toMatch(/at [\d.]+[kM]? tokens/u);
    await tab.getByLabel('Axis').selectOption('time');
    await expect.poll(() => chart.getAttribute('aria-label')).toMatch(/at [\d.]+ s/u);
    expect(faults).toEqual([]);
  });

  test('keeps a title, tags and a note, and moves a run to the trash and back', async () => {
    await using opened = await open('runs/slow-0003/overview');
    const { tab, faults } = opened;
    await tab.getByRole('button', { name: 'Edit notes' }).click();
    await tab.getByLabel('Title').fill('Third <b>seed</b>');
    await tab.getByLabel('Tags').fill('keep, slow');
    await tab.getByLabel('Note', { exact: true }).fill('diverged?');
    expect(await brokenRules(tab)).toEqual([]);
    await tab.getByRole('button', { name: 'Save', exact: true }).click();
    await tab.getByRole('heading', { name: 'Third <b>seed</b> slow-0003' }).waitFor();
    await tab.getByRole('button', { name: 'Edit notes' }).click();
    // Delay the answer: pages that still request the moved run would fail.
    await tab.route('**/trash', async (route) => {
      const response = await route.fetch();
      await new Promise((resolve) => setTimeout(resolve, 2500));
      await route.fulfill({ response });
    });
    await tab.getByRole('button', { name: 'Move to trash' }).click();
    await tab.getByRole('button', { name: 'Move this run to the trash' }).click();
    await tab.waitForURL(/runs$/u);
    await expect.poll(() => tab.getByRole('link', { name: 'slow-0003' }).count()).toBe(0);
    await tab.getByText('Trash, 1 run').click();
    await tab.getByRole('button', { name: 'Restore slow-0003' }).click();
    await tab.getByRole('link', { name: 'slow-0003' }).waitFor();
    await tab.getByLabel('Find a run').fill('KEEP');
    await tab.getByText('1 of').waitFor();
    await tab.getByText('diverged?').waitFor();
    expect(faults).toEqual([]);
  });

  test('reports a failed move to the trash', async () => {
    await using opened = await open('runs/slow-0003/overview');
    const { tab } = opened;
    await tab.route('**/trash', (route) =>
      route.fulfill({ status: 409, json: { error: 'the run is open' } }),
    );
    await tab.getByRole('button', { name: 'Edit notes' }).click();
    await tab.getByRole('button', { name: 'Move to trash' }).click();
    await tab.getByRole('button', { name: 'Move this run to the trash' }).click();
    await tab.getByText('the run is open').waitFor();
    expect(await tab.getByRole('link', { name: 'slow-0003' }).count()).toBe(1);
  });

  test('saves a chart as SVG and PNG, and its data as CSV', async () => {
    await using opened = await open(`${run}/overview`);
    const { tab, faults } = opened;
    const card = tab.getByRole('region', { name: 'Reward' });
    await card.getByText('save').click();
    const saved = async (kind: string): Promise<Buffer> => {
      const [file] = await Promise.all([
        tab.waitForEvent('download'),
        card.getByRole('button', { name: kind }).click(),
      ]);
      expect(file.suggestedFilename()).toBe(`reward.${kind.toLowerCase()}`);
      return readFileSync(await file.path());
    };
    const svg = (await saved('SVG')).toString();
    expect(svg).toMatch(/^<svg [^>]*>.*>Reward<.*>mean<.*<path [^>]*stroke="rgb/su);
    expect(svg).not.toMatch(/class=|var\(/u);
    expect((await saved('PNG')).subarray(1, 4).toString()).toBe('PNG');
    const [header, first, ...others] = (await saved('CSV')).toString().trim().split('\r\n');
    expect(header).toBe('series,part,step,value,low,high');
    expect(first).toMatch(/^mean,,1,0\.\d+,,$/u);
    expect(others).toHaveLength(7);
    expect(faults).toEqual([]);
  });

  test('explains why runs cannot be compared by seed', async () => {
    for (const [query, words] of [
      [`${seedsOf('before', 'slow')}&before=fast-0001&after=fast-0002`, 'with seed 1'],
      [`${seedsOf('before', 'slow')}&after=none`, 'Could not load the comparison'],
    ] as const) {
      await using opened = await open(`compare?${query}`);
      await expect.poll(() => opened.tab.getByText(words).count()).toBeGreaterThan(0);
    }
  });

  test('defines its labels in tooltips, and all words in the help', async () => {
    await using opened = await open(`${run}/rollouts`);
    const { tab } = opened;
    const heading = tab.getByRole('columnheader', { name: 'Pass rate' });
    expect(await heading.locator('abbr').getAttribute('title')).toBe(glossary['pass rate']);
    await tab.getByRole('button', { name: 'Help' }).click();
    const help = tab.getByRole('dialog', { name: 'Help' });
    await help.getByText(glossary['zero advantage']).waitFor();
    expect(await help.getByRole('term').count()).toBeGreaterThan(Object.keys(glossary).length);
  });

  test('works with the keyboard alone', async () => {
    await using opened = await open(`${run}/overview`);
    const { tab, faults } = opened;
    const press = async (...keys: readonly string[]): Promise<void> => {
      for (const key of keys) await tab.keyboard.press(key);
    };
    await press('?');
    await tab.getByRole('dialog', { name: 'Help' }).waitFor();
    expect(await brokenRules(tab)).toEqual([]);
    await press('Escape', 'g', 'c');
    await tab.waitForURL(/curriculum$/u);
    await press('g', 'l');
    await tab.waitForURL(/rollouts$/u);
    await tab.getByRole('table', { name: 'Groups of rollouts' }).getByRole('row').nth(2).waitFor();
    expect(await tab.evaluate('document.activeElement.tagName')).toBe('MAIN');
    await press(']');
    await expect.poll(() => tab.url()).toContain('stage=all');
    await press('/');
    await tab.keyboard.type('sum');
    await expect.poll(() => tab.url()).toContain('problem=sum');
    await press('Escape', 'j', 'j', 'k', 'Enter');
    await tab.waitForURL(/group\/\d+/u);
    await press('t');
    expect(await tab.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    await tab.reload();
    expect(await tab.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    await tab.evaluate('localStorage.clear()');
    expect(faults).toEqual([]);
  });

  test('shows hostile text without executing it, and clips a megabyte of it until expanded', async () => {
    await using opened = await open(problemPage(hostileProblem));
    const { tab, faults } = opened;
    await tab.getByText('<img src=x onerror=owned=1>␀⟨U+2028⟩ 4+5=?').waitFor();
    await tab
      .getByRole('link', { name: /^train #1/u })
      .first()
      .click();
    const rollout = tab.getByRole('region', { name: 'Rollout 1' });
    await rollout.getByText('<script>').first().waitFor();
    const text = await rollout.innerText();
    for (const shown of ['␛[2J', '␛]0;t␇', '⟨U+202E⟩', '⟨U+2066⟩', '🎓']) expect(text).toContain(shown);
    expect(await tab.locator('main img, main script, main svg[onload], main i').count()).toBe(0);
    expect(text.length).toBeLessThan(12_000);
    await rollout.getByRole('button', { name: 'Show all' }).first().click();
    expect((await rollout.innerText()).length).toBeGreaterThan(hostileText.length);
    expect(await tab.evaluate('"owned" in globalThis')).toBe(false);
    expect(faults).toEqual([]);
  });

  test('reports missing runs, views, groups and matches, and stays usable', async () => {
    for (const [hash, words] of [
      ['runs/none/overview', 'Could not load none'],
      [`${run}/nonsense`, 'View “nonsense” not found'],
      [`${run}/group/999999`, 'Could not load the rollouts'],
      [`${run}/rollouts?problem=nobody`, 'Nothing matches'],
      [`${run}/metrics?find=nobody`, 'No metric matches'],
    ] as const) {
      await using opened = await open(hash);
      const { tab } = opened;
      await tab.getByText(words).first().waitFor();
      await tab.getByRole('link', { name: 'Gradus' }).click();
      await expect.poll(() => tab.getByRole('link', { name: 'scripted-0001' }).count()).toBe(1);
    }
  });
});
