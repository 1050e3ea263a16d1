import { execFile, execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { SandboxError } from '../../core/errors.ts';
import type { Verdict } from '../../core/verdict.ts';
import { type Grader, openGrader } from './grader.ts';
import { startVerifierService, type VerifierServiceOptions } from './service.ts';

const start = async (grader: Grader, options: Partial<VerifierServiceOptions> = {}) =>
  startVerifierService(grader, {
    host: '127.0.0.1',
    port: 0,
    width: 4,
    maxItems: 8,
    maxBodyBytes: 10_000,
    ...options,
  });
const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const item = { gold: '1/2', completion: '\\boxed{0.5}' };

test('judges one item, and a batch in order; reports health and metrics', async () => {
  await using grader = openGrader();
  await using service = await start(grader);
  expect(await (await post(`${service.url}/verify`, item)).json()).toMatchObject({
    outcome: 'correct',
    score: 1,
  });
  const items = [item, { gold: '3', pred: '4' }, { pred: '5' }];
  const batch = (await (await post(`${service.url}/verify/batch`, { items })).json()) as {
    verdicts: Verdict[];
  };
  expect(batch.verdicts.map(({ outcome }) => outcome)).toEqual(['correct', 'incorrect', 'ungradable']);
  expect(await (await fetch(`${service.url}/health`)).json()).toEqual({
    status: 'ok',
    verifiers: grader.verifiers,
  });
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  expect(metrics).toContain('gradus_verdicts_total{outcome="correct"} 2\n');
  expect(metrics).toContain('gradus_items_waiting 0\n');
  expect(metrics).toContain('gradus_request_seconds_count 2\n');
});

test('rejects requests that it cannot parse, with an error that names the expected format', async () => {
  await using grader = openGrader();
  await using service = await start(grader);
  const answer = async (path: string, body: unknown) => {
    const response = await post(`${service.url}${path}`, body);
    return [response.status, ((await response.json()) as { error?: string }).error];
  };
  expect(await answer('/verify', '{"gold"')).toEqual([400, expect.stringContaining('expected JSON')]);
  expect(await answer('/verify/batch', [item])).toEqual([400, 'expected {"items": [...]}']);
  expect(await answer('/other', item)).toEqual([404, expect.stringContaining('POST /other not found')]);
  expect(await answer('/verify', item)).toEqual([200, undefined]);
});

test('requires the token for every route except health', async () => {
  await using grader = openGrader();
  await using service = await start(grader, { token: 'secret' });
  expect((await fetch(`${service.url}/metrics`)).status).toBe(401);
  expect((await fetch(`${service.url}/health`)).status).toBe(200);
});

const verdict = { outcome: 'correct', score: 1, reason: '', verifier: 'slow@1' } as const;

test('answers 413 to a batch above the limit, and 503 with Retry-After when the queue is full', async () => {
  const gate = Promise.withResolvers<void>();
  const slow: Grader = {
    verifiers: {},
    grade: async () => {
      await gate.promise;
      return verdict;
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const service = await start(slow);
  const batch = (count: number) =>
    post(`${service.url}/verify/batch`, { items: Array.from({ length: count }, () => ({})) });
  const large = await batch(9);
  expect([large.status, large.headers.get('retry-after'), await large.json()]).toEqual([
    413,
    null,
    { error: 'expected at most 8 items in a batch, got 9; split the batch' },
  ]);
  const accepted = batch(8);
  const isFull = async () =>
    (await (await fetch(`${service.url}/metrics`)).text()).includes('items_waiting 8');
  while (!(await isFull())) await new Promise((resolve) => setTimeout(resolve, 5));
  const refused = await batch(1);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  const head = 'POST /verify HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n';
  const late = connect(Number(new URL(service.url).port), '127.0.0.1');
  late.write(`${head}content-length: 2\r\n\r\n{`);
  while (!(await isFull())) continue;
  const ended = service[Symbol.asyncDispose]();
  await expect(fetch(`${service.url}/health`)).rejects.toThrow('fetch failed');
  late.write('}');
  expect(await text(late)).toMatch(/^HTTP\/1.1 503 [^]*connection: close[^]*the service is stopping/);
  gate.resolve();
  // The service answered the accepted request before it closed.
  expect(((await (await accepted).json()) as { verdicts: unknown[] }).verdicts).toHaveLength(8);
  await ended;
});

test('stops judging when the client disconnects', async () => {
  const stopped = Promise.withResolvers<void>();
  const endless: Grader = {
    verifiers: {},
    grade: (_item, _where, signal) =>
      new Promise((_resolve, reject) =>
        signal!.addEventListener('abort', () => {
          stopped.resolve();
          reject(new Error('aborted'));
        }),
      ),
    [Symbol.asyncDispose]: async () => {},
  };
  await using service = await start(endless);
  const leaving = new AbortController();
  const asked = fetch(`${service.url}/verify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    signal: leaving.signal,
  });
  const metrics = async () => (await fetch(`${service.url}/metrics`)).text();
  while (!(await metrics()).includes('items_waiting 1')) continue;
  leaving.abort();
  await expect(asked).rejects.toThrow('aborted');
  await stopped.promise;
  while (!(await metrics()).includes('items_waiting 0')) continue;
});

test('answers 500 without Retry-After if the sandbox is broken', async () => {
  const broken: Grader = {
    verifiers: {},
    grade: () => Promise.reject(new SandboxError('python3: not found')),
    [Symbol.asyncDispose]: async () => {},
  };
  await using service = await start(broken);
  const response = await post(`${service.url}/verify`, item);
  expect([response.status, response.headers.get('retry-after'), await response.json()]).toEqual([
    500,
    null,
    { error: 'python3: not found' },
  ]);
});

const hasPython = (): boolean => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

// Skip without python3, because the clients are written in Python.
test.skipIf(!hasPython())('the reward functions for verl and TRL receive scores', async () => {
  await using grader = openGrader();
  await using service = await start(grader, { token: 'secret' });
  const script = `
import json, sys
sys.path.insert(0, "integrations")
from trl_reward import gradus_reward
from verl_reward import compute_score
js = {"type": "function", "language": "javascript", "entryPoint": "f", "cases": [{"arguments": [2], "expected": 6}]}
print(json.dumps([
    gradus_reward(["\\\\boxed{5}", [{"role": "assistant", "content": "6"}], "5"], answer=["5", 5, "\\\\frac{{"]),
    gradus_reward(["f = x => 3 * x", "f = x => x"], problem=[{"tests": js}] * 2),
    compute_score("math", "\\\\boxed{0.5}", "1/2"),
    compute_score("math", "\\\\boxed{0.5}", 2)["score"],
    compute_score("code", "f = x => 3 * x", json.dumps(js))["outcome"],
]))`;
  const env = {
    ...process.env,
    GRADUS_URL: service.url,
    GRADUS_TOKEN: 'secret',
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const { stdout } = await promisify(execFile)('python3', ['-c', script], { env });
  expect(JSON.parse(stdout)).toEqual([
    [1, 0, null],
    [1, 0],
    { score: 1, acc: true, outcome: 'correct' },
    0,
    'correct',
  ]);
});
