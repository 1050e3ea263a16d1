import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import {
  chatAnswer,
  openFake as open,
  type RequestBody,
  serveModel as serve,
  streamAnswer,
} from '../../../test/model-server/fake-model-server.ts';
import { createRng } from '../../core/rng.ts';
import { promptLength } from '../../core/transcript.ts';
import { type SampledTurn, sampleTurns } from '../../testing/single-turn.ts';
import { completionsOf, type Engine } from '../engine.ts';
import { openaiConfig } from './config.ts';
import { createLimiter } from './limiter.ts';

const message = [{ role: 'user' as const, content: 'q' }];
const promptsOf = (count: number, each: number, firstIndex = 0) =>
  Array.from({ length: count }, (_, i) => ({ key: `p${i}`, prompt: message, count: each, firstIndex }));
const sampling = { maxTokens: 4, seed: 1 };

async function collect(engine: Engine, prompts = promptsOf(1, 1)): Promise<SampledTurn[]> {
  const all: SampledTurn[] = [];
  for await (const completion of sampleTurns(engine, { ...sampling, prompts })) all.push(completion);
  return all;
}

/** Returns the message of the error with which a promise rejects. */
const failureOf = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.then(
    () => new Error('nothing went wrong'),
    (thrown: unknown) => thrown,
  );
  return String(error);
};

const choicesOf = ({ n = 1, seed }: RequestBody, ...only: number[]): object => {
  const wanted = only.length > 0 ? only : Array.from({ length: n }, (_, i) => i);
  return { choices: wanted.map((index) => ({ index, message: { content: `${seed}/${index}` } })) };
};

test('returns every attempt exactly once, whichever choices the server returns', async () => {
  const rng = createRng(1, 'subsets');
  let requests = 0;
  const baseUrl = await serve((body, response) => {
    requests++;
    const n = body.n ?? 1;
    const some = Array.from({ length: n }, (_, i) => i).filter(() => rng.next() < 0.85);
    // Return no choice, all or some, in any order.
    const choices = rng.next() < 0.05 ? { choices: [] } : choicesOf(body, ...rng.shuffle(some));
    response.end(JSON.stringify(choices));
  });
  await using engine = await open({ baseUrl, choicesPerRequest: 5, maxAttempts: 40 });
  const seen = await collect(engine, promptsOf(40, 12, 3));
  const wanted = promptsOf(40, 12).flatMap(({ key }) =>
    Array.from({ length: 12 }, (_, i) => `${key}#${i + 3}`),
  );
  expect(seen.map(({ key, index }) => `${key}#${index}`).toSorted()).toEqual(wanted.toSorted());
  // No choice was used twice.
  expect(new Set(seen.map(({ text }) => text)).size).toBe(seen.length);
  expect(requests).toBeLessThan(seen.length);
  expect([engine.learner, engine.weights]).toEqual([undefined, undefined]);
});

test('requests attempts one by one from a server that repeats one choice n times', async () => {
  const asked: (number | undefined)[] = [];
  const baseUrl = await serve((body, response) => {
    asked.push(body.n);
    const choices = Array.from({ length: body.n ?? 1 }, (_, index) => ({
      index,
      message: { content: `${body.seed}` },
    }));
    response.end(JSON.stringify({ choices }));
  });
  await using engine = await open({ baseUrl, choicesPerRequest: 4 });
  expect(engine.sampler.info.server?.choices).toBe('no');
  asked.length = 0;
  expect(new Set((await collect(engine, promptsOf(1, 4))).map(({ text }) => text)).size).toBe(4);
  expect(asked).toEqual([undefined, undefined, undefined, undefined]);
});

test('redacts an API key that the server repeats, and requires the variable that apiKeyEnv names', async () => {
  const key = 'sk-secret-secret-secret';
  const baseUrl = await serve((_, response, request) => {
    response.writeHead(401).end(`${'x'.repeat(270)} bad key: ${request.headers.authorization}`);
  });
  const options = { baseUrl, apiKeyEnv: 'GRADUS_TEST_KEY' };
  await expect(open(options)).rejects.toThrow('GRADUS_TEST_KEY');
  process.env['GRADUS_TEST_KEY'] = key;
  const failure = await failureOf(open(options));
  delete process.env['GRADUS_TEST_KEY'];
  expect(failure).toContain('401');
  expect(failure).not.toContain('sk-');
});

test('accepts base URLs with trailing slashes, a path and a query, and rejects the URL of an endpoint', async () => {
  const paths: string[] = [];
  const baseUrl = await serve((body, response, request) => {
    paths.push(request.url!);
    response.end(JSON.stringify(choicesOf(body)));
  }, '/gate/v1');
  for (const end of ['', '/', '///']) {
    await using engine = await open({ baseUrl: `${baseUrl}${end}?api-version=2`, api: 'chat' });
    expect(engine.sampler.info.modelHash).toBe(`fake@${new URL(baseUrl).host}/gate/v1`);
    await collect(engine);
  }
  expect(new Set(paths)).toEqual(new Set(['/gate/v1/chat/completions?api-version=2']));
  await expect(open({ baseUrl: `${baseUrl}/chat/completions/` })).rejects.toMatchObject({
    tryNext: expect.stringContaining('/gate/v1"') as string,
  });
  await expect(open({ baseUrl: 'http://me:pw@localhost/v1' })).rejects.toThrow('no user or password');
  await expect(open({ baseUrl: 'http://localhost/v1?api-key=1' })).rejects.toThrow('no key in the URL');
});

test('does not use fetch, which times out after five minutes even if the deadline is later', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new Error('HeadersTimeoutError')));
  const baseUrl = await serve((body, response) => response.end(JSON.stringify(choicesOf(body))));
  await using engine = await open({ baseUrl });
  expect(await collect(engine)).toHaveLength(1);
  vi.unstubAllGlobals();
});

test('does not follow redirects, and reports their target', async () => {
  const baseUrl = await serve((_, response) =>
    response.writeHead(307, { location: 'http://elsewhere/v1/' }).end(),
  );
  expect(await failureOf(open({ baseUrl }))).toContain('http://elsewhere/v1/');
});

test('fails immediately if no server listens', async () => {
  expect(await failureOf(open({ baseUrl: 'http://127.0.0.1:1/v1' }))).toContain('ECONNREFUSED');
});

test('stops probing a server that never answers', async () => {
  let asked = 0;
  const baseUrl = await serve(() => asked++);
  await using engine = await open({
    baseUrl,
    timeoutSeconds: 0.1,
    stream: true,
    choicesPerRequest: 4,
    logprobs: true,
  });
  expect(asked).toBe(3);
  expect(new Set(Object.values(engine.sampler.info.server!))).toEqual(new Set(['unknown']));
});

test('requests several greedy attempts one by one', async () => {
  const asked: (number | undefined)[] = [];
  const baseUrl = await serve((body, response) => {
    asked.push(body.n);
    response.end(JSON.stringify(choicesOf(body)));
  });
  await using engine = await open({ baseUrl, choicesPerRequest: 4 });
  asked.length = 0;
  for await (const { index } of engine.sampler.sample({
    ...sampling,
    temperature: 0,
    prompts: promptsOf(1, 4),
  }))
    expect(index).toBeLessThan(4);
  expect(asked).toEqual([undefined, undefined, undefined, undefined]);
});

test('stops reading an answer that is too large', async () => {
  let written = 0;
  const baseUrl = await serve((body, response) => {
    if (body.seed === 1) return void response.end(JSON.stringify(choicesOf(body)));
    const more = (): void => {
      if (response.destroyed) return;
      written += 2 ** 16;
      response.write('x'.repeat(2 ** 16), () => setImmediate(more));
    };
    more();
  });
  await using engine = await open({ baseUrl, maxAttempts: 2 });
  expect(await failureOf(collect(engine))).toContain('an answer of more than');
  expect(written).toBeLessThan(2 ** 26);
});

test('retries a stalled stream long before the deadline', async () => {
  let asked = 0;
  const baseUrl = await serve((body, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const piece = (content: string, end: string | null): string =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: end }] })}\n\n`;
    response.write(piece('4', null));
    // The probes request one token.
    if (body.max_tokens > 1 && asked++ === 0) return;
    response.end(`${piece('2', 'stop')}data: [DONE]\n\n`);
  });
  await using engine = await open({ baseUrl, stream: true, idleSeconds: 0.1, timeoutSeconds: 60 });
  expect(engine.sampler.info.server?.stream).toBe('yes');
  const begun = performance.now();
  expect((await collect(engine)).map(({ text }) => text)).toEqual(['42']);
  expect([asked, performance.now() - begun < 10_000]).toEqual([2, true]);
});

test('sends messages, plain prompts, or tokens if there is a tokenizer and the server accepts them', async () => {
  const prompts: unknown[] = [];
  const baseUrl = await serve((body, response) => {
    prompts.push(body.prompt ?? body.messages);
    const choices = [{ index: 0, text: 'w', message: { content: 'w' } }];
    response.end(JSON.stringify({ choices }));
  });
  const tokenizer = 'models/gradus-tiny';
  for (const [options, expected] of [
    [{ api: 'completions' }, 'q'],
    [{ api: 'chat', tokenizer }, message],
    [{ api: 'auto' }, message],
  ] as const) {
    await using engine = await open({ baseUrl, ...options });
    await collect(engine);
    expect(prompts.at(-1)).toEqual(expected);
  }
  await using engine = await open({ baseUrl, tokenizer });
  const rendered = engine.renderer!.render(message);
  const sampled = engine.sampler.sample({ ...sampling, prompts: promptsOf(1, 1) });
  for await (const { transcript } of completionsOf(sampled))
    expect(promptLength(transcript)).toBe(rendered.length);
  expect(prompts.at(-1)).toEqual(Array.from(rendered));
});

test('falls back to the prompt form that the server accepts', async () => {
  const baseUrl = await serve((body, response) => {
    if (body.messages !== undefined) return void response.writeHead(400).end('no chat template');
    if (typeof body.prompt !== 'string') return void response.writeHead(422).end('text only');
    response.end('{"choices": [{"text": "w"}]}');
  });
  await using engine = await open({ baseUrl, tokenizer: 'models/gradus-tiny' }).catch(() =>
    open({ baseUrl }),
  );
  expect(engine.sampler.info.server).toMatchObject({ chat: 'no', completions: 'yes' });
  expect((await collect(engine))[0]!.text).toBe('w');
  expect(await failureOf(open({ baseUrl, api: 'chat' }))).toContain('no chat template');
});

test('finishes requests in flight once the budget is spent, and sends no more', async () => {
  let answers = 0;
  const baseUrl = await serve((body, response) => {
    answers++;
    const usage = { prompt_tokens: 100, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 40 } };
    response.end(JSON.stringify({ ...choicesOf(body), usage }));
  });
  const prices = { prompt: 10, cached: 1, completion: 100 };
  await using engine = await open({ baseUrl, prices, budget: { maxTokens: 1000 }, maxConcurrency: 2 });
  const probed = answers;
  const seen: SampledTurn[] = [];
  const sample = async (): Promise<void> => {
    for await (const one of sampleTurns(engine, { ...sampling, prompts: promptsOf(50, 1) })) seen.push(one);
  };
  await expect(sample()).rejects.toMatchObject({ code: 'BUDGET_SPENT' });
  expect(seen.length).toBe(answers - probed);
  const total = engine.sampler.spending!.total();
  expect(total).toMatchObject({ requests: answers, promptTokens: 100 * answers, cachedTokens: 40 * answers });
  expect(total.cost).toBeCloseTo((answers * (60 * 10 + 40 + 10 * 100)) / 1e6, 9);
  expect(total.promptTokens + total.completionTokens).toBeLessThanOrEqual(1000 + 2 * 110);
  // Earlier spending counts too.
  await using another = await open({ baseUrl, budget: { maxTokens: 1000 } });
  another.sampler.spending!.carryOver(total);
  await expect(collect(another)).rejects.toMatchObject({ code: 'BUDGET_SPENT' });
  expect(openaiConfig.safeParse({ type: 'openai', baseUrl, budget: { maxCost: 1 } }).success).toBe(false);
});

test('stops streamed sampling when the budget is spent', async () => {
  let answers = 0;
  const baseUrl = await serve(({ stream, n = 1 }, response) => {
    answers++;
    const texts = Array.from({ length: n }, (_, index) => `${answers}/${index}`);
    const usage = { prompt_tokens: 20, completion_tokens: 5 * n };
    if (stream === true) return streamAnswer(response, texts, usage);
    response.end(chatAnswer(texts, { usage }));
  });
  await using engine = await open({ baseUrl, stream: true, budget: { maxTokens: 500 }, maxConcurrency: 1 });
  await expect(collect(engine, promptsOf(50, 1))).rejects.toMatchObject({ code: 'BUDGET_SPENT' });
  const total = engine.sampler.spending!.total();
  expect(total).toMatchObject({
    requests: answers,
    promptTokens: 20 * answers,
    completionTokens: 5 * answers,
  });
  expect(25 * answers).toBe(500);
});

test('rejects a budget for a server that reports no usage', async () => {
  const baseUrl = await serve((body, response) => response.end(JSON.stringify(choicesOf(body))));
  expect(await failureOf(open({ baseUrl, budget: { maxTokens: 5 } }))).toContain('reports token usage');
});

test('keeps the concurrency limit between one and its maximum', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('ok', 'overloaded', 'failed')), async (outcomes) => {
      const limiter = createLimiter(16);
      for (const outcome of outcomes) {
        const leave = await limiter.enter();
        expect(limiter.running).toBe(1);
        leave(outcome);
        expect(limiter.limit).toBeGreaterThanOrEqual(1);
        expect(limiter.limit).toBeLessThanOrEqual(16);
      }
    }),
  );
});
