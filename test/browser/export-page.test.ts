import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { runProgress } from '../../src/evaluation/run-progress.ts';
import { openRunReader } from '../../src/runs/reading/run-reader.ts';
import { exportPage } from '../../src/services/dashboard/export-page.ts';
import { type ExportedRun, jsonForHtml, runForPage } from '../../src/services/dashboard/exported-run.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';
import { hasBrowser, launchChromium } from './browser.ts';
import { recordShown, shownGroup, smallShown } from '../server/shown-run.ts';

/** Text that tries to close its element, open another, or break UTF-8. */
const hostile = `</script><script>globalThis.owned=1</script><!--<img src=https://evil.example/x onerror="owned=1">\u2028\u2029\u0000\uD800 $& $' \u202E🎓`;

test('embeds JSON in a page unchanged and without anything that HTML or a script would interpret', () => {
  const text = jsonForHtml([hostile, { [hostile]: hostile }]);
  expect(text).not.toMatch(/[<\u2028\u2029]/u);
  expect(text.isWellFormed()).toBe(true);
  expect(JSON.parse(text)).toEqual([hostile, { [hostile]: hostile }]);
});

describe('an exported run', () => {
  const root = makeFastFolder('export');
  let small: ExportedRun;
  let hostileGroup: number;

  beforeAll(async () => {
    await using run = await recordShown(root, smallShown);
    const recorded = shownGroup(createRng(0, 'hostile'), smallShown, 13);
    const { problem, rollouts } = recorded.group;
    const spoilt = rollouts.map((rollout, index) => ({
      ...rollout,
      text: hostile,
      verdict: {
        ...rollout.verdict,
        ...(index === 0 && { outcome: 'correct' as const }),
        reason: hostile,
        evidence: { gold: hostile, extracted: `${hostile}2`, rule: hostile },
      },
    }));
    const group = {
      problem: { ...problem, prompt: [{ role: 'user' as const, content: hostile }] },
      rollouts: spoilt,
    };
    await run.recordStep({ step: 13, stage: hostile, metrics: {}, groups: [{ ...recorded, group }] });
    await run.recordEvent({ step: 13, type: 'note', message: hostile });
    await run.finish('finished', hostile);
    using reader = await openRunReader(run.directory);
    hostileGroup = reader.groups().at(-1)!.id;
    small = await runForPage(reader, { at: new Date(0), maxBytes: 20e6, compareProgress: runProgress });
  });
  afterAll(() => rmSync(root, { recursive: true }));

  test('is complete if it fits, and otherwise lists the parts it omits', async () => {
    expect(small.omitted).toEqual([]);
    expect(small.groups).toHaveLength(37);
    expect(Object.keys(small.details)).toHaveLength(37);
    using reader = await openRunReader(join(root, 'shown-0001'));
    const bound = 60_000;
    const part = await runForPage(reader, { at: new Date(0), maxBytes: bound, compareProgress: runProgress });
    expect(JSON.stringify(part).length).toBeLessThan(2 * bound);
    expect(part.groups.length).toBeGreaterThan(0);
    expect(part.omitted.at(-1)).toMatch(/^the rollouts of \d+ of 37 groups/u);
  });

  describe.skipIf(!hasBrowser)('opened from disk', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gradus-export-'));
    let browser: BrowserContext;
    let address: string;

    beforeAll(async () => {
      const pages = join(folder, 'web');
      await build({ configFile: 'web/vite.export.config.ts', logLevel: 'error', build: { outDir: pages } });
      writeFileSync(join(folder, 'run.html'), await exportPage(pages, [small]));
      address = pathToFileURL(join(folder, 'run.html')).href;
      browser = await launchChromium(join(folder, 'profile'));
    }, 60_000);
    afterAll(async () => {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test('accepted differences with hostile text fit a screen 360 px wide', async () => {
      const tab = await browser.newPage();
      await tab.setViewportSize({ width: 360, height: 740 });
      await tab.goto(`${address}#/runs/shown-0001/rollouts?as=differences`);
      await tab.getByText('<script>').first().waitFor();
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      await tab.close();
    });

    test('opens on its run, with the events collapsed and without features that need a dashboard', async () => {
      const tab = await browser.newPage();
      await tab.goto(address);
      await tab.getByRole('heading', { name: 'shown-0001' }).waitFor();
      expect(tab.url()).toContain('#/runs/shown-0001/overview');
      const events = tab.getByRole('region', { name: 'Events' });
      expect(await events.getByRole('row').first().isVisible()).toBe(false);
      await events.getByText('Last event').click();
      expect(await events.getByRole('row').first().isVisible()).toBe(true);
      await tab.getByText('Recipe, data, engine, machine and command').click();
      await tab.getByText('gradus train recipe.json').waitFor();
      expect(await tab.getByRole('button', { name: /Edit notes|^Search$/u }).count()).toBe(0);
      await tab.close();
    });

    test.each([
      'runs',
      'overview',
      'curriculum',
      'metrics',
      'rollouts?outcome=timeout',
      'rollouts?as=differences',
      'group',
    ])('%s sends no request, runs no script from the data and fits a screen 360 px wide', async (view) => {
      const tab = await browser.newPage();
      const faults: string[] = [];
      tab.on('pageerror', (error) => faults.push(error.message));
      tab.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      tab.on('request', (request) => {
        if (!request.url().startsWith('data:') && request.url().split('#')[0] !== address)
          faults.push(request.url());
      });
      const place = view === 'group' ? `group/${hostileGroup}` : view;
      await tab.goto(`${address}#/${view === 'runs' ? view : `runs/shown-0001/${place}`}`);
      await tab.locator('h1').first().waitFor();
      if (view === 'group' || view.endsWith('differences')) await tab.getByText('<script>').first().waitFor();
      expect(await tab.evaluate('"owned" in globalThis')).toBe(false);
      expect(faults).toEqual([]);
      await tab.setViewportSize({ width: 360, height: 740 });
      await expect.poll(() => tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      await tab.close();
    });
  });
});
