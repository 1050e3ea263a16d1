import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Problem } from '../../src/core/problem.ts';
import type { Outcome } from '../../src/core/verdict.ts';
import { openPassRateStore } from '../../src/difficulty/pass-rates/sqlite-store.ts';
import { difficultyReportPage } from '../../src/measuring/report/report-page.ts';
import { brokenRules, hasBrowser, launchChromium } from './browser.ts';
import { readMeasurements } from '../../src/measuring/stored-difficulty.ts';

const hostileText = `<script>globalThis.owned = 1</script><img src=x onerror="owned=1">\u001b[2J\u0000\u202Eltr\uD800 🎓 ${'x'.repeat(100_000)}`;
const problem = (id: string, answer: string, question = id): Problem => ({
  id,
  domain: hostileText.slice(0, 60),
  family: 'a&b',
  source: '<b>source</b>',
  prompt: [{ role: 'user', content: question }],
  answer,
});
const problems = [
  problem(hostileText, '1', hostileText),
  problem('same/1', '2', 'What is 1+1?'),
  problem('same/2', '3', 'what is 1 + 1'),
  ...Array.from({ length: 60 }, (_, i) => problem(`p${i}`, '1')),
];

/** Fills a store with two models, hostile names, and a problem for each finding of the report. */
function fillStore(path: string): void {
  using store = openPassRateStore(path);
  const attempt = (problemId: string, rollout: number, outcome: Outcome, tokens: number) =>
    ({
      problemId,
      source: { type: 'base' },
      step: 0,
      rollout,
      outcome,
      promptTokens: 9,
      tokens,
      finishReason: 'stop',
    }) as const;
  for (const [model, offset] of [
    ['<img src=x onerror=owned=1>', 0],
    ['stronger', 3],
  ] as const) {
    const conditions = {
      model,
      temperature: 1,
      topP: 1,
      topK: 0,
      stop: ['</script>'],
      maxTokens: 99,
      verifier: 'math@1',
    };
    const outcomeOf = (i: number, rollout: number): Outcome => {
      if (i === 0) return 'unparsed';
      if (i === 3) return offset === 0 ? 'correct' : 'incorrect';
      return i === 4 && rollout === 0 ? 'ungradable' : (i % 5) + offset > rollout ? 'correct' : 'incorrect';
    };
    const observations = problems.flatMap(({ id }, i) =>
      Array.from({ length: 8 }, (_, rollout) =>
        attempt(id, rollout, outcomeOf(i, rollout), i === 8 ? 2 : 90),
      ),
    );
    store.record(conditions, observations);
  }
}

describe.skipIf(!hasBrowser)('the difficulty report in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-report-'));
  const page = join(folder, 'report.html');
  let browser: BrowserContext;

  beforeAll(async () => {
    const file = join(folder, 'difficulty.sqlite');
    fillStore(file);
    const stored = { ...(await readMeasurements(file)), problems };
    writeFileSync(
      page,
      difficultyReportPage('<u>title</u>', stored, { labels: new Map([['policy', 'stronger']]) }, 64),
    );
    browser = await launchChromium(join(folder, 'profile'));
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('opens from disk, sends no request, runs no script, is accessible and fits a screen 360 px wide', async () => {
    const tab = await browser.newPage();
    const faults: string[] = [];
    tab.on('request', (request) => faults.push(request.url()));
    tab.on('pageerror', (error) => faults.push(error.message));
    await tab.goto(pathToFileURL(page).href);
    const text = await tab.locator('main').innerText();
    expect(faults).toEqual([pathToFileURL(page).href]);
    expect(await tab.locator('script, img, iframe, b, u').count()).toBe(0);
    expect(await tab.evaluate('"owned" in globalThis')).toBe(false);
    expect(text).toContain('<script>');
    expect(text).toContain('␛[2J');
    expect(text.length).toBeLessThan(60_000);
    for (const reason of [
      'mostly without an answer: 2',
      'Could not be graded: 2',
      'different golds: 2',
      'suspiciously quickly',
      'Models disagree: ',
    ])
      expect(text).toContain(reason);
    expect(text).toContain('504 attempts, 8 without an answer, 1 could not be graded');
    for (const colorScheme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme });
      expect({ colorScheme, broken: await brokenRules(tab) }).toEqual({ colorScheme, broken: [] });
    }
    if (process.env['GRADUS_SHOT'])
      await tab.screenshot({ path: process.env['GRADUS_SHOT'], fullPage: true });
    await tab.setViewportSize({ width: 360, height: 740 });
    expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    await tab.close();
  });
});
