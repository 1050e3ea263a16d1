import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Verdict } from '../../core/verdict.ts';
import { type Grader, openGrader } from './grader.ts';
import { type ServiceOptions, startVerifierService } from './service.ts';

const start = async (grader: Grader, options: Partial<ServiceOptions> = {}) =>
  startVerifierService(grader, {
    host: '127.0.0.1',
    port: 0,
    width: 4,
    maxItems: 8,
    maxBytes: 10_000,
    ...options,
  });
const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const item = { gold: '1/2', completion: '\\boxed{0.5}' };

test('one item, a batch in order, health and metrics', async () => {
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

test('requests that are not understood are told what was expected', async () => {
  await using grader = openGrader();
  await using service = await start(grader);
  const status = async (path: string, body: unknown, headers?: Record<string, string>) =>
    (await post(`${service.url}${path}`, body, headers)).status;
  expect(await status('/verify', '{"gold"')).toBe(400);
  expect(await status('/verify/batch', [item])).toBe(400);
  expect(await status('/verify', item, { 'content-type': 'text/plain' })).toBe(415);
  expect(await status('/verify', { ...item, pad: 'x'.repeat(20_000) })).toBe(413);
  expect(await status('/verify/batch', { items: Array.from({ length: 9 }, () => item) })).toBe(503);
  expect(await status('/other', item)).toBe(404);
  expect(await status('/verify', item)).toBe(200);
});

test('the token is asked for; off loopback there must be one', async () => {
  await using grader = openGrader();
  await using service = await start(grader, { token: 'secret' });
  const status = async (headers: Record<string, string>) =>
    (await post(`${service.url}/verify`, item, headers)).status;
  expect(await status({})).toBe(401);
  expect(await status({ authorization: 'Bearer secre' })).toBe(401);
  expect(await status({ authorization: 'Bearer secret' })).toBe(200);
  expect((await fetch(`${service.url}/metrics`)).status).toBe(401);
  expect((await fetch(`${service.url}/health`)).status).toBe(200);
  await expect(start(grader, { host: '0.0.0.0' })).rejects.toThrow('needs a token');
  const port = Number(new URL(service.url).port);
  await expect(start(grader, { port })).rejects.toThrow(`cannot listen on 127.0.0.1 port ${port}`);
});

test('what was accepted is answered before the service ends, and what is too much is sent away', async () => {
  const gate = Promise.withResolvers<void>();
  const slow: Grader = {
    verifiers: {},
    grade: async () => {
      await gate.promise;
      return { outcome: 'correct', score: 1, reason: '', verifier: 'slow@1' };
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const service = await start(slow);
  const accepted = post(`${service.url}/verify/batch`, { items: Array.from({ length: 8 }, () => ({})) });
  const waiting = async () =>
    (await (await fetch(`${service.url}/metrics`)).text()).includes('items_waiting 8');
  while (!(await waiting())) await new Promise((resolve) => setTimeout(resolve, 5));
  const refused = await post(`${service.url}/verify`, {});
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  const ended = service[Symbol.asyncDispose]();
  await expect(fetch(`${service.url}/health`)).rejects.toThrow('fetch failed');
  gate.resolve();
  expect(((await (await accepted).json()) as { verdicts: unknown[] }).verdicts).toHaveLength(8);
  await ended;
});

const hasPython = (): boolean => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

// Skipped where there is no python3: the clients are Python.
test.skipIf(!hasPython())("verl's and TRL's reward functions get their scores", async () => {
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
