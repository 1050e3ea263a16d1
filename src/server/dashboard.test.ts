import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeFastFolder } from '../../test/runs/fast-folder.ts';
import { smallPlan, trainScripted } from '../../test/runs/scripted-training.ts';
import { createRun } from '../runs/create-run.ts';
import { type Dashboard, startDashboard } from './dashboard.ts';
import { levelCells, thin } from './run-pages.ts';

const root = makeFastFolder('dashboard');
const pages = join(root, '.pages');
const folder = 'scripted-0001';
let dashboard: Dashboard;

beforeAll(async () => {
  mkdirSync(join(pages, 'assets'), { recursive: true });
  writeFileSync(join(pages, 'index.html'), '<!doctype html><title>Gradus</title>');
  writeFileSync(join(pages, 'assets', 'main.js'), '0;');
  writeFileSync(join(root, 'secret.html'), 'not for you');
  await using run = await createRun(root, { name: 'scripted', recipe: {}, seed: 5 });
  await trainScripted(run, smallPlan);
  dashboard = await startDashboard({ root, pages, host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await dashboard[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

/** As sent: `fetch` would tidy a path up, and sets the host itself. */
function get(url: string, options: { path?: string; host?: string; method?: string; cookie?: string } = {}) {
  const { hostname, port, pathname, search } = new URL(url);
  const { path = pathname + search, host = `${hostname}:${port}`, method = 'GET', cookie = '' } = options;
  return new Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }>(
    (done, fail) => {
      request({ hostname, port, path, method, headers: { host, cookie } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => done({ status: response.statusCode!, text, headers: response.headers }));
      })
        .on('error', fail)
        .end();
    },
  );
}
const data = async (path: string): Promise<any> => JSON.parse((await get(dashboard.url, { path })).text);

test('a run from the list down to one rollout', async () => {
  expect(await data('/api/runs')).toMatchObject([{ folder, name: 'scripted', status: 'finished', step: 4 }]);
  const run = await data(`/api/runs/${folder}`);
  expect(run.stages.length).toBe(2);
  const name: string = run.metricNames[0];
  expect((await data(`/api/runs/${folder}/metrics/${encodeURIComponent(name)}`)).steps).toEqual([1, 2, 3, 4]);
  const [group] = await data(`/api/runs/${folder}/groups`);
  const attempts = await data(`/api/runs/${folder}/groups/${group.id}`);
  expect(attempts).toHaveLength(group.rollouts);
  expect(attempts[0]).toMatchObject({ index: 0, verifier: 'math@1', evidence: { gold: '7' } });
  const cells: { trials: number }[] = await data(`/api/runs/${folder}/levels`);
  expect(cells.length).toBeGreaterThan(0);
});

test('the page comes with a policy that lets it load nothing but itself', async () => {
  const { status, text, headers } = await get(dashboard.url);
  expect({ status, text }).toEqual({ status: 200, text: '<!doctype html><title>Gradus</title>' });
  expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect((await get(dashboard.url, { path: '/assets/main.js' })).text).toBe('0;');
});

describe('refuses', () => {
  test.each([
    ['/assets/..%2f..%2fsecret.html', 404],
    ['/assets/%2e%2e/%2e%2e/secret.html', 404],
    ['/../secret.html', 404],
    ['/api/runs/..%2f..', 404],
    ['/api/runs/.pages', 404],
    ['/api/runs/%2fetc', 404],
    ['/api/runs/none', 404],
    [`/api/runs/${folder}/groups/999999`, 404],
    [`/api/runs/${folder}/groups/x`, 404],
  ])('%s', async (path, expected) => {
    const { status, text } = await get(dashboard.url, { path });
    expect(status).toBe(expected);
    expect(text).not.toContain('not for you');
  });

  test('another name for this machine, and anything but reading', async () => {
    expect((await get(dashboard.url, { host: 'evil.example' })).status).toBe(403);
    expect((await get(dashboard.url, { path: '/api/runs', method: 'POST' })).status).toBe(405);
  });

  test('listening off loopback without a token', async () => {
    await expect(startDashboard({ root, pages, host: '0.0.0.0', port: 0 })).rejects.toThrow('needs a token');
  });
});

test('with a token nothing is shown without it; a visit with it is remembered', async () => {
  await using locked = await startDashboard({ root, pages, host: '127.0.0.1', port: 0, token: 'sesame; 1' });
  expect((await get(locked.url, { path: '/api/runs' })).status).toBe(401);
  expect((await get(locked.url, { path: '/?token=wrong' })).status).toBe(401);
  const { status, headers } = await get(locked.url);
  expect(status).toBe(200);
  const cookie = String(headers['set-cookie']).split(';')[0]!;
  expect((await get(locked.url, { path: '/api/runs', cookie })).status).toBe(200);
});

test('thinning keeps the order, the least and the greatest', () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 5000 }), (values) => {
      const series = { steps: Float64Array.from(values.keys()), values: Float64Array.from(values) };
      const kept = thin(series);
      expect(kept.steps.length).toBeLessThanOrEqual(1000);
      expect(kept.steps).toEqual(kept.steps.toSorted((a, b) => a - b));
      expect(kept.values).toEqual(kept.steps.map((step) => values[step]));
      expect(Math.min(...kept.values)).toBe(Math.min(...values));
      expect(Math.max(...kept.values)).toBe(Math.max(...values));
    }),
  );
});

test('levels lose no rollout', () => {
  const group = fc.record({
    step: fc.integer({ min: 0, max: 5000 }),
    level: fc.option(fc.constantFrom('easy', 'hard')),
    family: fc.option(fc.constantFrom('addition', 'sequences')),
    domain: fc.constantFrom('math', 'code'),
    correct: fc.integer({ min: 0, max: 8 }),
    trials: fc.constant(8),
  });
  fc.assert(
    fc.property(fc.array(group), (groups) => {
      const cells = levelCells(groups as unknown as Parameters<typeof levelCells>[0]);
      const sum = (rows: readonly { correct: number; trials: number }[]) =>
        rows.reduce((all, row) => [all[0]! + row.correct, all[1]! + row.trials], [0, 0]);
      expect(sum(cells)).toEqual(sum(groups));
    }),
  );
});
