import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashKey } from '../../core/rng.ts';
import { openEmbeddedEngine } from '../../engines/embedded/engine.ts';
import type { LocalEngine } from '../../engines/engine.ts';
import { openaiConfig } from '../../engines/openai/config.ts';
import { openOpenaiEngine } from '../../engines/openai/engine.ts';
import type { Listening } from '../listen.ts';
import { startModelService } from './service.ts';
import { sampleTurns } from '../../testing/single-turn.ts';

let engine: LocalEngine;
let service: Listening;
beforeAll(async () => {
  engine = await openEmbeddedEngine({ model: 'test/golden/parity-qwen2', lanes: 1, slots: 8 });
  const limits = { maxTokens: 1000, maxWaiting: 100 };
  const options = { host: '127.0.0.1', port: 0, name: 'tiny', token: 'secret', ...limits };
  service = await startModelService(engine, options);
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
    readonly token_ids?: readonly number[];
    readonly logprobs: {
      readonly tokens: readonly string[];
      readonly token_logprobs: readonly (number | null)[];
      readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
      readonly text_offset: readonly number[];
    };
  }[];
  readonly usage: Record<string, number>;
  readonly error: { readonly message: string };
}

test('our client receives the same samples as a direct call to the engine', async () => {
  process.env['GRADUS_TEST_TOKEN'] = 'secret';
  const baseUrl = `${service.url}/v1/`;
  const config = openaiConfig.parse({ type: 'openai', baseUrl, apiKeyEnv: 'GRADUS_TEST_TOKEN' });
  await using client = await openOpenaiEngine(config, 'tiny');
  const prompt = [{ role: 'user' as const, content: '1+2' }];
  const sampling = { maxTokens: 8, temperature: 0.8, seed: 3 };
  const seen: string[] = [];
  const prompts = [{ key: 'a', prompt, count: 6, firstIndex: 2 }];
  for await (const { index, text, finishReason } of sampleTurns(client, { ...sampling, prompts })) {
    const seed = hashKey(3, 'a', index) & 0x7fffffff;
    const direct = { ...sampling, seed, prompts: [{ key: '0', prompt, count: 1 }] };
    for await (const same of sampleTurns(engine, direct)) {
      expect(text).toBe(same.text);
      expect(finishReason).toBe(same.finishReason);
    }
    seen.push(`${index}:${text}`);
  }
  expect(new Set(seen.map((one) => one[0]))).toEqual(new Set(['2', '3', '4', '5', '6', '7']));
  expect(new Set(seen.map((one) => one.slice(2))).size).toBeGreaterThan(1);
});

test("our client receives the engine's tokens, with several choices per request, both streamed and not", async () => {
  process.env['GRADUS_TEST_TOKEN'] = 'secret';
  const address = { baseUrl: `${service.url}/v1`, apiKeyEnv: 'GRADUS_TEST_TOKEN' };
  const settings = { tokenizer: 'test/golden/parity-qwen2', logprobs: true, choicesPerRequest: 3 };
  const prompt = [{ role: 'user' as const, content: '1+2' }];
  const sampling = { maxTokens: 8, seed: 3 };
  for (const stream of [false, true]) {
    const config = openaiConfig.parse({ type: 'openai', ...address, ...settings, stream });
    await using client = await openOpenaiEngine(config, 'tiny');
    expect(client.sampler.info.server).toMatchObject({
      tokenPrompts: 'yes',
      tokenIds: 'yes',
      choices: 'yes',
    });
    let seen = 0;
    for await (const completion of sampleTurns(client, {
      ...sampling,
      prompts: [{ key: 'a', prompt, count: 5 }],
    })) {
      const first = completion.index < 3 ? 0 : 3;
      const seed = hashKey(3, 'a', first) & 0x7fffffff;
      const choice = { key: '0', prompt, count: 1, firstIndex: completion.index - first };
      for await (const same of sampleTurns(engine, { ...sampling, seed, prompts: [choice] })) {
        expect(completion).toMatchObject({
          text: same.text,
          tokens: same.tokens,
          promptTokens: same.promptTokens,
        });
        const gap = completion.logprobs.map((logprob, t) => Math.abs(logprob - same.logprobs[t]!));
        expect(Math.max(...gap)).toBeLessThan(1e-5);
        expect(gap.length).toBe(same.tokens.length);
      }
      seen++;
    }
    expect(seen).toBe(5);
    expect(client.sampler.spending!.total().completionTokens).toBeGreaterThan(0);
  }
});

test('completes strings and token ids, with several prompts per request and n choices per prompt', async () => {
  const ids = Array.from(engine.renderer.encode('1+2='));
  const asked = { max_tokens: 5, seed: 1, n: 2 };
  const texts = await post('/v1/completions', { ...asked, prompt: ['1+2=', '1+2='] });
  expect(texts.body.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  expect(texts.body.usage['prompt_tokens']).toBe(2 * ids.length);
  const tokens = await post('/v1/completions', { ...asked, prompt: ids });
  expect(tokens.body.choices).toEqual(texts.body.choices.slice(0, 2));
});

test('omits the stop string', async () => {
  const asked = { prompt: '1+2=', max_tokens: 24, seed: 1, n: 16 };
  const free = await post('/v1/completions', asked);
  const stop = free.body.choices.map(({ text }) => text[2]).find((one) => one !== undefined)!;
  const stopped = await post('/v1/completions', { ...asked, stop });
  for (const { text } of stopped.body.choices) expect(text).not.toContain(stop);
});

test('echoes prompts with their log-probabilities from scoring, and with the greedy token', async () => {
  const prompts = ['1+2=', '12*(3+4)-5=?'].map((text) => Array.from(engine.renderer.encode(text)));
  const asked = {
    prompt: prompts,
    max_tokens: 1,
    echo: true,
    logprobs: 1,
    temperature: 0,
    return_token_ids: true,
  };
  const { body } = await post('/v1/completions', asked);
  for (const [i, prompt] of prompts.entries()) {
    const { text, logprobs, token_ids } = body.choices[i]!;
    expect(text.startsWith(['1+2=', '12*(3+4)-5=?'][i]!)).toBe(true);
    const tokens = Int32Array.from([...prompt, ...token_ids!]);
    const [scored] = await engine.weights.logprobs({ sequences: [{ tokens }] }, 'policy');
    expect(logprobs.token_logprobs.length).toBe(tokens.length);
    expect(logprobs.token_logprobs[0]).toBe(null);
    for (let t = 1; t < tokens.length; t++) {
      const best = Math.max(...Object.values(logprobs.top_logprobs[t]!));
      const greedy = sampleTurns(engine, {
        prompts: [{ key: '0', prompt: tokens.slice(0, t), count: 1 }],
        maxTokens: 1,
        temperature: 0,
        seed: 0,
      });
      for await (const next of greedy)
        expect(logprobs.token_logprobs[t] === best).toBe(next.tokens[0] === tokens[t]);
      expect(logprobs.token_logprobs[t]).toBeCloseTo(scored![t]!, 5);
    }
    expect(logprobs.tokens.slice(0, prompt.length).join('')).toBe(['1+2=', '12*(3+4)-5=?'][i]);
    expect(logprobs.text_offset.slice(0, 3)).toEqual([0, 1, 2]);
  }
  const scored = await post('/v1/completions', {
    prompt: prompts[0],
    max_tokens: 0,
    echo: true,
    logprobs: 0,
  });
  expect(scored.body.choices[0]).toMatchObject({ text: '1+2=', finish_reason: 'length' });
  expect(scored.body.usage['completion_tokens']).toBe(0);
});

/** Returns the events of a streamed answer; checks that the last event is `[DONE]`, and omits it. */
async function events(path: string, body: object): Promise<Record<string, never>[]> {
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer secret' },
    body: JSON.stringify({ ...body, stream: true }),
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: '));
  expect(lines.at(-1)).toBe('data: [DONE]');
  return lines.slice(0, -1).map((line) => JSON.parse(line.slice(6)) as Record<string, never>);
}

test('streams pieces that concatenate to the unstreamed answer, with stop strings and usage', async () => {
  interface Chunk {
    readonly choices: readonly {
      readonly index: number;
      readonly text?: string;
      readonly delta?: { readonly role?: string; readonly content: string };
      readonly finish_reason: string | null;
    }[];
    readonly usage?: object;
  }
  const prompt = { prompt: '1+2=', max_tokens: 24, seed: 4, n: 6, stop: ['1'] };
  const chat = { messages: [{ role: 'user', content: '1+2' }], max_tokens: 24, seed: 4, n: 3 };
  for (const [path, body] of [
    ['/v1/completions', prompt],
    ['/v1/completions', { ...prompt, logprobs: 2, echo: true }],
    ['/v1/chat/completions', chat],
  ] as const) {
    const whole = (await post(path, body)).body as unknown as {
      readonly choices: readonly {
        readonly text?: string;
        readonly message?: { readonly content: string };
      }[];
      readonly usage: object;
    };
    const chunks = (await events(path, {
      ...body,
      stream_options: { include_usage: true },
    })) as unknown as Chunk[];
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    const pieces = chunks.flatMap(({ choices }) => choices);
    for (const [index, { text, message }] of whole.choices.entries()) {
      const own = pieces.filter((piece) => piece.index === index);
      expect(own.map((one) => one.text ?? one.delta!.content).join('')).toBe(text ?? message!.content);
      expect(own.filter(({ finish_reason }) => finish_reason !== null)).toEqual([own.at(-1)]);
      expect(own[0]!.delta?.role).toBe(message === undefined ? undefined : 'assistant');
    }
    const atLeast = whole.choices.length + (path.includes('chat') ? 1 : 0);
    expect(pieces.length).toBeGreaterThanOrEqual(atLeast);
  }
});

const metric = async (name: string): Promise<number> => {
  const headers = { authorization: 'Bearer secret' };
  const text = await (await fetch(`${service.url}/metrics`, { headers })).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)![1]);
};

test('stops sampling when the client disconnects, streamed or not', async () => {
  // Request 100 long completions, which are written 8 at a time.
  const long = { prompt: '1', max_tokens: 200, n: 100, seed: 1 };
  const begun = performance.now();
  await post('/v1/completions', long);
  const wholeMs = performance.now() - begun;
  for (const stream of [false, true]) {
    const leaving = new AbortController();
    const asking = fetch(`${service.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer secret' },
      body: JSON.stringify({ ...long, stream }),
      signal: leaving.signal,
    }).then((response) => response.text());
    while ((await metric('gradus_model_completions_waiting')) < 100) continue;
    leaving.abort();
    await expect(asking).rejects.toThrow('aborted');
    const left = performance.now();
    while ((await metric('gradus_model_completions_waiting')) > 0) continue;
    expect(performance.now() - left).toBeLessThan(wholeMs / 2);
  }
});

test('answers 429 with Retry-After when the queue is full', async () => {
  const many = { prompt: '1', max_tokens: 100, n: 100, seed: 1 };
  const first = post('/v1/completions', many);
  while ((await metric('gradus_model_completions_waiting')) < 100) continue;
  const response = await fetch(`${service.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer secret' },
    body: JSON.stringify({ ...many, n: 1 }),
  });
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1']);
  expect((await first).body.choices.length).toBe(100);
});

test('tokenizes and detokenizes for clients without the tokenizer', async () => {
  const { body } = await post('/tokenize', { prompt: '1+2=' });
  const tokens = (body as unknown as { tokens: number[] }).tokens;
  expect(tokens).toEqual(Array.from(engine.renderer.encode('1+2=')));
  expect((await post('/detokenize', { tokens })).body).toEqual({ prompt: '1+2=' });
  expect((await post('/tokenize', { prompt: 3 })).status).toBe(400);
});

test("rejects invalid requests in the format of OpenAI's errors", async () => {
  const good = { prompt: '1', max_tokens: 1 };
  for (const [status, body] of [
    [400, 'no json'],
    [400, { max_tokens: 1 }],
    [400, { ...good, logprobs: 21 }],
    [400, { ...good, best_of: 2 }],
    [400, { ...good, response_format: { type: 'json_object' } }],
    [400, { ...good, presence_penalty: 0.5 }],
    [400, { ...good, logit_bias: { 3: 1 } }],
    [400, { ...good, max_tokens: 0 }],
    [400, { ...good, max_tokens: 2000 }],
    [400, { ...good, n: 200 }],
    [400, { ...good, prompt: [1e6] }],
    [404, { ...good, model: 'another' }],
  ] as const) {
    const answered = await post('/v1/completions', body);
    expect([answered.status, typeof answered.body.error.message]).toEqual([status, 'string']);
  }
  expect((await post('/v1/other', good)).status).toBe(404);
  expect(await post('/v1/completions', good, { authorization: 'Bearer wrong' })).toMatchObject({
    status: 401,
    body: { error: { type: 'authentication_error', code: 'invalid_api_key' } },
  });
});

test('requires the token for every route except health', async () => {
  expect(await (await fetch(`${service.url}/health`)).json()).toEqual({ status: 'ok', model: 'tiny' });
  expect((await fetch(`${service.url}/v1/models`)).status).toBe(401);
  const headers = { authorization: 'Bearer secret' };
  const models = await (await fetch(`${service.url}/v1/models`, { headers })).json();
  expect(models).toMatchObject({ data: [{ id: 'tiny', object: 'model' }] });
  expect(await (await fetch(`${service.url}/metrics`, { headers })).text()).toContain('status="200"');
});

test('answers accepted requests before it closes', async () => {
  const own = await startModelService(engine, { host: '127.0.0.1', port: 0, name: 'tiny' });
  const accepted = fetch(`${own.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: '1', max_tokens: 24, n: 64, seed: 1 }),
  });
  while (!(await (await fetch(`${own.url}/metrics`)).text()).includes('running 1')) continue;
  await own[Symbol.asyncDispose]();
  const { choices } = (await (await accepted).json()) as Answer;
  expect(choices.length).toBe(64);
  await expect(fetch(`${own.url}/health`)).rejects.toThrow('fetch failed');
});
