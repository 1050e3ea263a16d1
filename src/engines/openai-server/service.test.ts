import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashKey } from '../../core/rng.ts';
import { openEmbeddedEngine } from '../embedded/engine.ts';
import type { Engine } from '../engine.ts';
import { openaiConfig, openOpenaiEngine } from '../openai/engine.ts';
import { type ModelService, startModelService } from './service.ts';

let engine: Engine;
let service: ModelService;
beforeAll(async () => {
  engine = await openEmbeddedEngine({ model: 'test/golden/parity-qwen2', lanes: 1, slots: 8 });
  service = await startModelService(engine, { host: '127.0.0.1', port: 0, name: 'tiny', token: 'secret' });
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer secret', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer };
};

interface Answer {
  readonly choices: readonly {
    readonly text: string;
    readonly index: number;
    readonly finish_reason: string;
  }[];
  readonly usage: Record<string, number>;
  readonly error: { readonly message: string };
}

test('our own client gets what the engine behind writes', async () => {
  process.env['GRADUS_TEST_TOKEN'] = 'secret';
  const baseUrl = `${service.url}/v1/`;
  const config = openaiConfig.parse({ type: 'openai', baseUrl, apiKeyEnv: 'GRADUS_TEST_TOKEN' });
  await using client = openOpenaiEngine(config, 'tiny');
  const prompt = [{ role: 'user' as const, content: '1+2' }];
  const sampling = { maxTokens: 8, temperature: 0.8, seed: 3 };
  const seen: string[] = [];
  const prompts = [{ key: 'a', prompt, count: 6, firstIndex: 2 }];
  for await (const { index, text, finishReason } of client.sample({ ...sampling, prompts })) {
    const seed = hashKey(3, 'a', index) & 0x7fffffff;
    const direct = { ...sampling, seed, prompts: [{ key: '0', prompt, count: 1 }] };
    for await (const same of engine.sample(direct)) {
      expect(text).toBe(same.text);
      expect(finishReason).toBe(same.finishReason);
    }
    seen.push(`${index}:${text}`);
  }
  expect(new Set(seen.map((one) => one[0]))).toEqual(new Set(['2', '3', '4', '5', '6', '7']));
  expect(new Set(seen.map((one) => one.slice(2))).size).toBeGreaterThan(1);
});

test('plain completions take texts and token ids, several at once, and n of each', async () => {
  const ids = Array.from(engine.encodeText('1+2='));
  const asked = { max_tokens: 5, seed: 1, n: 2 };
  const texts = await post('/v1/completions', { ...asked, prompt: ['1+2=', '1+2='] });
  expect(texts.body.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  expect(texts.body.usage['prompt_tokens']).toBe(2 * ids.length);
  const tokens = await post('/v1/completions', { ...asked, prompt: ids });
  expect(tokens.body.choices).toEqual(texts.body.choices.slice(0, 2));
});

test('a stop string is left out', async () => {
  const asked = { prompt: '1+2=', max_tokens: 24, seed: 1, n: 16 };
  const free = await post('/v1/completions', asked);
  const stop = free.body.choices.map(({ text }) => text[2]).find((one) => one !== undefined)!;
  const stopped = await post('/v1/completions', { ...asked, stop });
  for (const { text } of stopped.body.choices) expect(text).not.toContain(stop);
});

test('what cannot be answered is refused in OpenAI’s words', async () => {
  const good = { prompt: '1', max_tokens: 1 };
  for (const [status, body] of [
    [400, 'no json'],
    [400, { max_tokens: 1 }],
    [400, { ...good, stream: true }],
    [400, { ...good, logprobs: 5 }],
    [400, { ...good, echo: true }],
    [400, { ...good, max_tokens: 0 }],
    [400, { ...good, prompt: [1e6] }],
    [404, { ...good, model: 'another' }],
  ] as const) {
    const answered = await post('/v1/completions', body);
    expect([answered.status, typeof answered.body.error.message]).toEqual([status, 'string']);
  }
  expect((await post('/v1/completions', good, { authorization: 'Bearer wrong' })).status).toBe(401);
  expect((await post('/v1/completions', good, { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await post('/v1/other', good)).status).toBe(404);
});

test('health needs no token, the list of models does; off loopback there must be one', async () => {
  expect(await (await fetch(`${service.url}/health`)).json()).toEqual({ status: 'ok', model: 'tiny' });
  expect((await fetch(`${service.url}/v1/models`)).status).toBe(401);
  const headers = { authorization: 'Bearer secret' };
  const models = await (await fetch(`${service.url}/v1/models`, { headers })).json();
  expect(models).toMatchObject({ data: [{ id: 'tiny', object: 'model' }] });
  expect(await (await fetch(`${service.url}/metrics`, { headers })).text()).toContain('status="200"');
  const open = startModelService(engine, { host: '0.0.0.0', port: 0, name: 'tiny' });
  await expect(open).rejects.toThrow('needs a token');
});

test('stopping answers what was accepted', async () => {
  const own = await startModelService(engine, { host: '127.0.0.1', port: 0, name: 'tiny' });
  const answering = fetch(`${own.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: '1', max_tokens: 24, n: 64, seed: 1 }),
  });
  while (!(await (await fetch(`${own.url}/metrics`)).text()).includes('running 1')) continue;
  await own[Symbol.asyncDispose]();
  const { choices } = (await (await answering).json()) as Answer;
  expect(choices.length).toBe(64);
  await expect(fetch(`${own.url}/health`)).rejects.toThrow('fetch failed');
});
