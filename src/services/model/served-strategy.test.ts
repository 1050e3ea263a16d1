import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import { serveModel } from '../../../test/model-server/fake-model-server.ts';
import { scriptedEngine } from '../../testing/index.ts';
import { openServedStrategy } from './served-strategy.ts';
import { startModelService } from './service.ts';

const folder = mkdtempSync(join(tmpdir(), 'gradus-strategy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Answers by a policy whose wrong answers differ. */
const answers = ['\\boxed{5}', '\\boxed{4}', '4. So \\boxed{4.0}', '\\boxed{7}'];
const engine = scriptedEngine({ complete: (_, index) => answers[index % 4]! });

const fileOf = (config: object): string => {
  const file = join(folder, 'strategy.json');
  writeFileSync(file, JSON.stringify(config));
  return file;
};

/** Serves the engine with a strategy until the test ends; returns a function that sends a request. */
async function serve(config: object): Promise<(body: object) => Promise<Response>> {
  const opened = new AsyncDisposableStack();
  onTestFinished(() => opened.disposeAsync());
  const strategy = await openServedStrategy(fileOf(config), engine, opened);
  const options = { host: '127.0.0.1', port: 0, name: 'tiny', maxWaiting: 8, strategy };
  const { url } = opened.use(await startModelService(engine, options));
  const headers = { 'content-type': 'application/json' };
  return (body) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify({
        messages: [{ role: 'user', content: '2+2' }],
        max_tokens: 40,
        seed: 1,
        ...body,
      }),
    });
}

interface Chat {
  readonly choices: readonly { readonly index: number; readonly message: { readonly content: string } }[];
  readonly usage: Record<string, number>;
}

/** Tokens of all four answers, one per character and an end token. */
const written = answers.reduce((sum, { length }) => sum + length + 1, 0);

test('returns the most frequent answer by normal form, and counts all tokens written', async () => {
  const ask = await serve({ strategy: { type: 'majority' }, budget: 4 });
  const { choices, usage } = (await (await ask({ n: 2 })).json()) as Chat;
  expect(choices.map(({ index, message }) => [index, message.content])).toEqual([
    [0, '\\boxed{4}'],
    [1, '\\boxed{4}'],
  ]);
  const completion = 2 * written;
  expect(usage).toEqual({
    prompt_tokens: 3,
    completion_tokens: completion,
    total_tokens: completion + 3,
    scored_tokens: 0,
  });
  // Three choices of four answers each do not fit into a queue of eight.
  expect((await ask({ n: 3 })).status).toBe(400);
});

test('returns the answer with the highest score, streamed in one piece, and reports the tokens that the scorer read', async () => {
  const baseUrl = await serveModel((body, response) => {
    const text = (
      body as unknown as Chat['choices'][number] & { messages: { content: string }[] }
    ).messages.at(-1)!;
    const good = /boxed\{7\}|2\+3=5/.test(text.content) ? 0.9 : 0.2;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ data: [{ data: [[1 - good, good]] }] }));
  });
  const scorer = { type: 'pooling', baseUrl, model: 'prm' };
  const ask = await serve({ strategy: { type: 'best-of-n' }, budget: 4, scorer });
  const response = await ask({ stream: true, stream_options: { include_usage: true } });
  const events = (await response.text())
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map(
      (event) =>
        JSON.parse(event.slice(6)) as { choices: { delta: { content: string } }[]; usage?: Chat['usage'] },
    );
  expect(events.flatMap(({ choices }) => choices.map(({ delta }) => delta.content))).toEqual(['\\boxed{7}']);
  // The scorer reads the prompt with each answer.
  expect(events.at(-1)!.usage).toMatchObject({ completion_tokens: written, scored_tokens: written + 4 * 3 });
});

test('rejects a strategy that lacks a scorer, the verifier as the scorer, and a budget that is not a multiple of the width', async () => {
  const open = (config: object) => openServedStrategy(fileOf(config), engine, new AsyncDisposableStack());
  await expect(open({ strategy: { type: 'best-of-n' }, budget: 4 })).rejects.toThrow(/got none/);
  const oracle = { strategy: { type: 'best-of-n' }, budget: 4, scorer: { type: 'verifier' } };
  await expect(open(oracle)).rejects.toThrow(/got verifier/);
  await expect(open({ strategy: { type: 'beam', width: 4 }, budget: 6 })).rejects.toThrow(
    /multiples of its width 4/,
  );
  await expect(open({ strategy: { type: 'majority' }, budget: 4, buget: 5 })).rejects.toThrow(/budget/);
  const noJson = join(folder, 'no-json.json');
  writeFileSync(noJson, '{ budget: 4 }');
  for (const file of [noJson, join(folder, 'missing.json')])
    await expect(openServedStrategy(file, engine, new AsyncDisposableStack())).rejects.toThrow(
      `${file}: expected a JSON file that contains a strategy (`,
    );
});

test('aborts the other choices if one fails', async () => {
  const broken = scriptedEngine({
    complete: (_, index) => {
      if (index < 4) throw new Error('out of memory');
      return '4';
    },
  });
  const sample = vi.spyOn(broken, 'sample');
  await using opened = new AsyncDisposableStack();
  const file = fileOf({ strategy: { type: 'majority' }, budget: 4 });
  const strategy = await openServedStrategy(file, broken, opened);
  const request = {
    prompts: [{ key: '0', prompt: broken.encode('2+2'), count: 2 }],
    sampling: { maxTokens: 40, seed: 1, stop: [] },
    alternatives: null,
    isEchoed: false,
    isStreamed: false,
    withUsage: false,
    withTokens: false,
  };
  const asked = new AbortController();
  const answering = async () => {
    for await (const _ of strategy.answer(request, asked.signal));
  };
  await expect(answering()).rejects.toThrow('out of memory');
  expect(sample.mock.calls.map(([, signal]) => signal?.aborted)).toEqual([true, true]);
});
