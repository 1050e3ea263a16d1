import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeFastFolder } from '../../../test/runs/fast-folder.ts';
import { recordShown, shownEvaluation, smallShown } from '../../../test/server/shown-run.ts';
import { runLayout } from '../../runs/files/layout.ts';
import { readAnnotations } from '../../runs/files/annotations.ts';
import { formatRunList } from '../../runs/reading/format-runs.ts';
import { listRuns } from '../../runs/reading/list-runs.ts';
import { runDigest } from '../../../test/runs/run-digest.ts';
import { createRun } from '../../runs/writing/create-run.ts';
import type { Run } from '../../runs/writing/run.ts';
import { takeLock } from '../../storage/file-lock.ts';
import { runProgress } from '../../evaluation/run-progress.ts';
import { compareRuns } from '../../evaluation/compare-runs.ts';
import { compareSeeds } from '../../evaluation/seeds/compare-seeds.ts';
import type { Player } from './play.ts';
import type { Listening } from '../listen.ts';
import { startDashboard } from './dashboard.ts';
import type { RunHead } from './views/run-list.ts';

const root = makeFastFolder('dashboard');
const pages = join(root, '.pages');
const folder = 'shown-0001';
let dashboard: Listening;
/** A run that is still being written while the dashboard shows it. */
let run: Run;

const settings = {
  root,
  pages,
  host: '127.0.0.1',
  port: 0,
  compareSuites: compareRuns,
  compareSeeds,
  compareProgress: runProgress,
};

beforeAll(async () => {
  mkdirSync(join(pages, 'assets'), { recursive: true });
  writeFileSync(join(pages, 'index.html'), '<!doctype html><title>Gradus</title>');
  writeFileSync(join(pages, 'assets', 'main.js'), '0;');
  writeFileSync(join(root, 'secret.html'), 'not for you');
  run = await recordShown(root, smallShown);
  mkdirSync(join(root, 'broken-0001'));
  writeFileSync(join(root, 'broken-0001', 'run.sqlite'), 'no database');
  writeFileSync(join(root, 'broken-0001', 'recipe.json'), '{}');
  dashboard = await startDashboard(settings);
});
afterAll(async () => {
  await dashboard[Symbol.asyncDispose]();
  await run[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

/** Sends a request without changes: `fetch` would normalise the path and set the host. */
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

test('shows a live run, from the list of runs down to one rollout, next to a damaged run', async () => {
  const [broken, head] = await data('/api/runs');
  expect(broken).toMatchObject({ folder: 'broken-0001', problem: expect.stringContaining('run.sqlite') });
  expect(head).toMatchObject({
    folder,
    status: 'running',
    step: 12,
    stagesBegun: 3,
    stageCount: 3,
    maxSteps: 12,
  });
  expect(head.sparkline).toHaveLength(12);
  expect(head.accuracy).toMatchObject({ suite: 'held-out', first: { mean: 0.2 } });
  const detail = await data(`/api/runs/${folder}`);
  expect(detail).toMatchObject({
    now: { stage: 'stage-3', stepInStage: 4, maxSteps: 4, reason: '4 of at most 4 steps done' },
    plan: [
      { stage: 'stage-1', select: 'every problem', remeasure: null, gates: ['zero-advantage'] },
      { select: 'in medium or in hard', advanceWhen: 'plateau (metric reward/mean, window 50)' },
      { stage: 'stage-3', remeasure: 'rollouts 4, problems all' },
    ],
    evaluations: [{ step: 0, byDomain: { math: { problems: 10 } } }, {}, {}, { step: 12 }],
    can: { filterRollouts: true, play: false },
  });
  const names = ['reward/mean', 'nobody/recorded'];
  const query = names.map((name) => `name=${encodeURIComponent(name)}`).join('&');
  const metrics = await data(`/api/runs/${folder}/metrics?${query}&from=3&to=5`);
  expect(metrics['reward/mean'].steps).toEqual([3, 4, 5]);
  expect(metrics['nobody/recorded']).toEqual({ steps: [], values: [] });
  const { rows } = await data(`/api/runs/${folder}/groups?sort=rate&order=asc&outcome=correct&limit=2`);
  const { group, attempts, visits } = await data(`/api/runs/${folder}/groups/${rows[0].id}`);
  expect(group).toEqual(rows[0]);
  expect(attempts).toHaveLength(group.rollouts);
  expect(attempts[0]).toMatchObject({ index: 0, verifier: 'math@1', evidence: { gold: '7' }, pieces: null });
  expect(visits.map(({ id }: { id: number }) => id)).toContain(group.id);
});

test('reports a missing rollout file as an error, and a damaged database as a row in the list of runs', async () => {
  const elsewhere = join(root, '.damaged');
  await using written = await recordShown(elsewhere, smallShown);
  await written.finish('finished', 'done');
  await written[Symbol.asyncDispose]();
  rmSync(join(written.directory, 'rollouts', 'step-000001-train.parquet'));
  await using damaged = await startDashboard({ ...settings, root: elsewhere });
  const path = `/api/runs/${folder}/groups/1`;
  const { status, text } = await get(damaged.url, { path });
  expect(status).toBe(500);
  expect(text).toContain('step-000001-train.parquet: expected the rollouts listed in run.sqlite');
  expect((await get(damaged.url, { path: `/api/runs/${folder}/groups` })).status).toBe(200);
  const database = join(written.directory, 'run.sqlite');
  const bytes = readFileSync(database);
  writeFileSync(database, bytes.fill(0xff, 4096));
  const [item] = JSON.parse((await get(damaged.url, { path: '/api/runs' })).text) as [{ problem: string }];
  expect(item.problem).toContain('is damaged. Restore run.sqlite from a copy');
});

test('shows the history of a problem, and the curriculum', async () => {
  const { rows } = await data(`/api/runs/${folder}/problems?stage=stage-3`);
  const [worst] = rows;
  const problem = await data(`/api/runs/${folder}/problem?id=${encodeURIComponent(worst.problemId)}`);
  expect(problem.memberships).toHaveLength(3);
  const visits = problem.history.filter(({ purpose }: { purpose: string }) => purpose === 'train');
  const trials = visits.reduce((sum: number, visit: { trials: number }) => sum + visit.trials, 0);
  expect(trials).toBe(problem.summary.trials);
  expect(visits.every(({ low, high }: { low: number; high: number }) => low < high)).toBe(true);
  const curriculum = await data(`/api/runs/${folder}/curriculum`);
  expect(curriculum.selections.map(({ candidates }: { candidates: number }) => candidates)).toEqual([
    9, 9, 9,
  ]);
  const flows = curriculum.flows.reduce((sum: number, flow: { problems: number }) => sum + flow.problems, 0);
  expect(flows).toBe(18);
  const count = (bins: readonly { problems: number }[]) => bins.reduce((sum, bin) => sum + bin.problems, 0);
  expect(count(curriculum.atLast)).toBe(count(curriculum.atFirst));
});

test('shows the answers to a family of problems and the beginnings of prompts, and searches while the index grows', async () => {
  const path = `/api/runs/${folder}`;
  const { spans, answers } = await data(`${path}/answers?domain=math`);
  expect(spans.map((span: { fromStep: number; toStep: number }) => [span.fromStep, span.toStep])).toEqual(
    [1, 3, 5, 7, 9, 11].map((step) => [step, step + 1]),
  );
  const { rows } = await data(`${path}/rollouts?domain=math&limit=500`);
  const wrong = rows.filter(({ outcome }: { outcome: string }) => !/^(correct|ungradable)$/u.test(outcome));
  const given = new Map<string, number>();
  for (const { reason } of wrong) given.set(reason, (given.get(reason) ?? 0) + 1);
  for (const { answer, isReason, counts } of answers) {
    expect(isReason).toBe(true);
    expect(counts.reduce((sum: number, count: number) => sum + count, 0)).toBe(given.get(answer));
  }
  const ids = [...new Set(rows.map(({ problemId }: { problemId: string }) => problemId))] as string[];
  const query = [...ids, 'none'].map((id) => `id=${encodeURIComponent(id)}`).join('&');
  const prompts = await data(`${path}/prompts?${query}`);
  expect(prompts).toEqual(Object.fromEntries(ids.map((id) => [id, `what is ${/\d+/u.exec(id)?.[0]}?`])));
  const search = `${path}/search?text=boxed&outcome=timeout&field=completion`;
  await expect
    .poll(async () => (await data(search)).index, { timeout: 60_000 })
    .toEqual({ indexed: 36, total: 36 });
  const timeouts = (await data(`${path}/rollouts?outcome=timeout&limit=500`)).total;
  let found = 0;
  for (let next: number | null = Number.MAX_SAFE_INTEGER; next !== null;) {
    const page: { rows: { text: string; match: [number, number] }[]; next: number | null } = await data(
      `${search}&before=${next}`,
    );
    for (const { text, match } of page.rows) expect(text.slice(...match)).toBe('boxed');
    found += page.rows.length;
    next = page.next;
  }
  expect(found).toBe(timeouts);
  const { rows: before } = await data(search);
  // Damage the index after its first page, as a crash may do.
  const index = new DatabaseSync(runLayout(run.directory).search, { defensive: false });
  index.exec('DELETE FROM texts_data WHERE id > 10');
  index.close();
  await expect.poll(async () => (await data(search)).rows, { timeout: 60_000 }).toEqual(before);
});

test('counts every rollout of a level exactly once', async () => {
  const cells: { correct: number; trials: number }[] = await data(
    `/api/runs/${folder}/levels?by=domain&spans=5`,
  );
  const { rows } = await data(`/api/runs/${folder}/groups?limit=500&purpose=train`);
  const sum = (all: readonly { correct: number; trials: number }[]) =>
    all.reduce(([c, t], one) => [c! + one.correct, t! + one.trials], [0, 0]);
  expect(sum(cells)).toEqual(sum(rows));
});

test('streams changes: first all runs, then the runs that recorded something', async () => {
  const response = await fetch(new URL('/api/changes', dashboard.url));
  const events = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const next = async () => JSON.parse(/data: (.+)/u.exec((await events.read()).value!)![1]!) as unknown;
  expect(await next()).toEqual({ runs: ['broken-0001', folder] });
  await run.recordEvent({ step: run.step, type: 'note', message: 'something' });
  expect(await next()).toEqual({ runs: [folder] });
  expect((await data(`/api/runs/${folder}/notes?limit=1`)).rows[0]).toMatchObject({ type: 'note' });
  await events.cancel();
});

test('ends change streams when it closes', async () => {
  const closing = await startDashboard(settings);
  const responses = await Promise.all(
    Array.from({ length: 8 }, () => fetch(new URL('/api/changes', closing.url))),
  );
  await closing[Symbol.asyncDispose]();
  const ends = responses.map((response) => response.text().catch(() => 'cut'));
  expect(await Promise.all(ends)).toHaveLength(8);
  await expect(fetch(new URL('/api/runs', closing.url))).rejects.toThrow('fetch failed');
});

test('sends the page with a content security policy that lets it load only its own files', async () => {
  const { status, text, headers } = await get(dashboard.url);
  expect({ status, text }).toEqual({ status: 200, text: '<!doctype html><title>Gradus</title>' });
  expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect((await get(dashboard.url, { path: '/assets/main.js' })).text).toBe('0;');
});

test('compares seeds, with a limited number of points per curve, or returns a note that explains why they cannot be compared', async () => {
  for (const [index, name] of ['one', 'one', 'two', 'two'].entries()) {
    const seed = index % 2;
    await using seeded = await createRun(root, { name, seed, recipe: { seed, setting: name } });
    for (let step = 1; step <= 450; step++)
      await seeded.recordStep({ step, stage: 'all', metrics: { 'reward/mean': seed } });
    for (let step = 1; step <= 450; step++)
      await seeded.recordEvaluation({ step, name: 'held-out', result: shownEvaluation(0.1 * index) });
  }
  const sides = 'before=one-0001&before=one-0002&after=two-0001&after=two-0002';
  const { comparison, note, rewards } = await data(`/api/compare/seeds?${sides}`);
  expect(note).toBeNull();
  expect(comparison).toMatchObject({
    seeds: [0, 1],
    recipe: [{ path: 'setting', before: 'one', after: 'two' }],
    suites: [{ suite: 'held-out', overall: { problems: 10 } }],
  });
  expect(comparison.suites[0].curves.before[0].steps.length).toBeLessThanOrEqual(200);
  const [first, second] = rewards.after;
  expect(first.steps).toHaveLength(150);
  expect(second).toEqual({ seed: 1, steps: first.steps, values: first.steps.map(() => 1) });

  const alone = await data(`/api/compare/seeds?before=one-0001&after=two-0001`);
  expect(alone).toMatchObject({ comparison: null, note: expect.stringContaining('at least two seeds') });
  const heads = (await data('/api/runs')) as { folder: string; settingsHash?: string }[];
  const hashOf = (name: string) => heads.find((head) => head.folder === name)!.settingsHash;
  expect(hashOf('one-0001')).toBe(hashOf('one-0002'));
  expect(hashOf('one-0001')).not.toBe(hashOf('two-0001'));
});

describe('rejects', () => {
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
    [`/api/runs/${folder}/problem?id=none`, 404],
    [`/api/runs/${folder}/groups?colour=red`, 400],
    [`/api/runs/${folder}/groups?limit=100000`, 400],
    [`/api/runs/${folder}/groups?limit=1&limit=2`, 400],
    [`/api/runs/${folder}/groups?cursor=bm9uc2Vuc2U`, 400],
    [`/api/runs/${folder}/rollouts?outcome=excellent`, 400],
    [`/api/runs/${folder}/metrics`, 400],
    [`/api/compare?before=${folder}&after=..%2f..`, 404],
    [`/api/compare/seeds?before=${folder}&after=..%2f..`, 404],
    [`/api/compare/seeds?before=${folder}&after=none`, 404],
    [`/api/compare/seeds?before=${folder}`, 400],
    [`/api/compare/seeds?after=${folder}${`&before=${folder}`.repeat(21)}`, 400],
  ])('%s', async (path, expected) => {
    const { status, text } = await get(dashboard.url, { path });
    expect(status).toBe(expected);
    expect(text).not.toContain('not for you');
  });

  test('every request method that could write', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const { status, text } = await get(dashboard.url, { path: '/api/runs', method });
      expect([status, text]).toEqual([405, expect.stringContaining(`${method} /api/runs is not allowed`)]);
    }
  });
});

describe('edits', () => {
  const at = join(root, '.edited');
  const post = (path: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
    fetch(new URL(path, editing.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  let editing: Listening;
  let digest: string;
  beforeAll(async () => {
    for (let n = 0; n < 2; n++) {
      await using written = await createRun(at, { name: 'demo', recipe: {}, seed: n });
      await written.finish('finished', 'done');
    }
    digest = (await runDigest(join(at, 'demo-0002'))).total;
    editing = await startDashboard({ ...settings, root: at, token: 'sesame' });
  });
  afterAll(async () => editing[Symbol.asyncDispose]());
  const token = { authorization: 'Bearer sesame' };

  test('stores title, tags and note in a separate file, without changing the digest of the run', async () => {
    const annotations = { title: 'Baseline', tags: ['keep', 'gsm8k'], note: 'first\nsecond' };
    const path = '/api/runs/demo-0002/annotations';
    expect((await post(path, annotations, token)).status).toBe(200);
    expect(await readAnnotations(join(at, 'demo-0002'))).toEqual(annotations);
    expect((await runDigest(join(at, 'demo-0002'))).total).toBe(digest);
    expect(formatRunList(await listRuns(at))).toMatch(/demo-0002.* Baseline · #keep #gsm8k · first$/u);
    for (const [body, headers, status] of [
      [annotations, {}, 401],
      [annotations, { ...token, origin: 'https://evil.example' }, 403],
      [annotations, { ...token, 'content-type': 'text/plain' }, 415],
      [{ ...annotations, colour: 'red' }, token, 400],
      [{ tags: ['a,b'] }, token, 400],
    ] as const)
      expect((await post(path, body, headers)).status).toBe(status);
    const crafted = join(at, 'demo-0001', 'annotations.json');
    symlinkSync('/dev/zero', crafted);
    expect(await readAnnotations(join(at, 'demo-0001'))).toEqual({ title: '', tags: [], note: '' });
    expect((await post('/api/runs/demo-0001/annotations', annotations, token)).status).toBe(500);
    rmSync(crafted);
    expect((await post('/api/runs/none/annotations', annotations, token)).status).toBe(404);
    expect((await post('/api/runs/..%2fdemo-0002/annotations', annotations, token)).status).toBe(404);
  });

  test('moves a run to the trash and back, but never a run in progress and never over another run', async () => {
    const list = async () =>
      ((await (await fetch(new URL('/api/runs', editing.url), { headers: token })).json()) as RunHead[]).map(
        (head) => head.folder,
      );
    await using live = await createRun(at, { name: 'live', recipe: {}, seed: 0 });
    const busy = await post('/api/runs/live-0001/trash', {}, token);
    expect([busy.status, await busy.text()]).toEqual([409, expect.stringContaining('has it open')]);
    await live.finish('finished', 'done');
    expect((await post('/api/runs/demo-0002/trash', {}, { origin: 'null' })).status).toBe(403);
    expect((await post('/api/runs/demo-0002/trash', {}, token)).status).toBe(200);
    expect(await list()).toEqual(['demo-0001', 'live-0001']);
    const trash = await fetch(new URL('/api/trash', editing.url), { headers: token });
    expect(await trash.json()).toEqual([{ folder: 'demo-0002', title: 'Baseline' }]);
    // A new run does not get the number of a run in the trash.
    await (await createRun(at, { name: 'demo', recipe: {}, seed: 0 }))[Symbol.asyncDispose]();
    expect(await list()).toEqual(['demo-0001', 'demo-0003', 'live-0001']);
    {
      using _lock = takeLock(runLayout(join(at, '.trash', 'demo-0002')).lock)!;
      expect((await post('/api/trash/demo-0002/restore', {}, token)).status).toBe(409);
    }
    expect((await post('/api/trash/demo-0002/restore', {}, token)).status).toBe(200);
    expect(await list()).toContain('demo-0002');
    expect((await runDigest(join(at, 'demo-0002'))).total).toBe(digest);
    for (const name of ['..%2fdemo-0001', 'none', '.', '..'])
      expect((await post(`/api/trash/${name}/restore`, {}, token)).status).not.toBe(200);
    await mkdir(join(at, '.trash', 'demo-0001'), { recursive: true });
    for (const file of ['run.sqlite', 'recipe.json'])
      writeFileSync(join(at, '.trash', 'demo-0001', file), '');
    expect((await post('/api/trash/demo-0001/restore', {}, token)).status).toBe(409);
    const { lock } = runLayout(join(at, 'demo-0003'));
    rmSync(lock, { force: true });
    symlinkSync(join(at, 'outside'), lock);
    expect((await post('/api/runs/demo-0003/trash', {}, token)).status).toBe(500);
    expect(existsSync(join(at, 'outside'))).toBe(false);
  });
});

test('requires the token, and stores it in a cookie after a visit with ?token=', async () => {
  await using locked = await startDashboard({ ...settings, token: 'sesame; 1' });
  expect((await get(locked.url, { path: '/api/runs' })).status).toBe(401);
  expect((await get(locked.url, { path: '/?token=wrong' })).status).toBe(401);
  const { status, headers } = await get(locked.url);
  expect(status).toBe(200);
  const cookie = String(headers['set-cookie']).split(';')[0]!;
  expect((await get(locked.url, { path: '/api/runs', cookie })).status).toBe(200);
});

describe('with a player', () => {
  const gate = Promise.withResolvers<void>();
  const player: Player = {
    models: async () => [{ step: 3, label: 'step 3' }],
    async *answer(_directory, { messages, count }) {
      yield { type: 'part', index: 0, text: `${count} × ${messages[0]!.content}` };
      await gate.promise;
      throw new Error('the model broke');
    },
  };
  const question = { run: folder, messages: [{ role: 'user', content: '1+1?' }] };
  let playing: Listening;
  beforeAll(async () => (playing = await startDashboard({ ...settings, player })));
  afterAll(async () => playing[Symbol.asyncDispose]());
  const post = (body: unknown, path = '/api/play') =>
    fetch(new URL(path, playing.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  test('streams answers, one request at a time, with an error as the last event', async () => {
    const first = await post(question);
    const reader = first.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect(JSON.parse((await reader.read()).value!)).toEqual({ type: 'part', index: 0, text: '1 × 1+1?' });
    expect((await post(question)).status).toBe(409);
    gate.resolve();
    expect(JSON.parse((await reader.read()).value!)).toEqual({ type: 'error', message: 'the model broke' });
    expect((await reader.read()).done).toBe(true);
    expect((await post(question)).status).toBe(200);
    const detail = await (await fetch(new URL(`/api/runs/${folder}`, playing.url))).json();
    expect(detail).toMatchObject({ can: { play: true } });
  });

  test.each([
    ['too many answers', { ...question, count: 1000 }, 400],
    ['no message', { run: folder, messages: [] }, 400],
    ['an unknown field', { ...question, colour: 'red' }, 400],
    ['a folder outside the root', { ...question, run: '../../..' }, 404],
  ] as const)('rejects %s', async (_name, body, status) => {
    expect((await post(body)).status).toBe(status);
  });

  test('accepts POST only at one path, and at none without a player', async () => {
    expect((await post({}, '/api/runs')).status).toBe(405);
    expect((await get(dashboard.url, { path: '/api/play', method: 'POST' })).status).toBe(405);
  });
});
