import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { httpRetriever, httpRetrieverConfig, openHttpRetriever } from './http-retriever.ts';

interface Request {
  readonly queries: readonly string[];
  readonly topk: number;
  readonly return_scores: boolean;
}
type Answer = { readonly status?: number; readonly body?: unknown } | 'hang' | 'drop';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Serves scripted responses at `/retrieve` and records the requests. */
async function serve(
  answer: (request: Request, attempt: number) => Answer,
  when: (respond: () => void) => void = (respond) => respond(),
) {
  const requests: Request[] = [];
  server = createServer((message, response) => {
    let text = '';
    message.on('data', (piece: Buffer) => (text += piece.toString()));
    message.on('end', () => {
      const request = JSON.parse(text) as Request;
      requests.push(request);
      const given = answer(request, requests.length);
      if (given === 'hang') return;
      if (given === 'drop') return void response.destroy();
      when(() => {
        response.writeHead(given.status ?? 200, { 'content-type': 'application/json' });
        response.end(typeof given.body === 'string' ? given.body : JSON.stringify(given.body ?? {}));
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/retrieve`;
  return { requests, url };
}

const passageFor = (query: string, score = 1) => ({
  document: { id: `of ${query}`, contents: `"Title"\nText of ${query}` },
  score,
});

const found = ({ queries, topk }: Request): Answer => ({
  body: {
    result: queries.map((query) => Array.from({ length: topk }, (_, i) => passageFor(query, 1 / (i + 1)))),
  },
});

const open = (url: string, options: Partial<Parameters<typeof httpRetriever>[0]> = {}) =>
  openHttpRetriever(httpRetrieverConfig.parse(httpRetriever({ url, version: 'test', ...options })));

test("uses Search-R1's protocol: sends queries, topk and return_scores, and reads documents", async () => {
  const { requests, url } = await serve(found);
  await using retriever = open(url);
  expect(await retriever.search('capital of Peru', 2)).toEqual([
    { id: 'of capital of Peru', title: 'Title', text: 'Text of capital of Peru', score: 1 },
    { id: 'of capital of Peru', title: 'Title', text: 'Text of capital of Peru', score: 0.5 },
  ]);
  expect(requests).toEqual([{ queries: ['capital of Peru'], topk: 2, return_scores: true }]);
  expect(retriever.version).toBe('http-test');
});

test('sends queries that arrive together in one request, and gives each query its own answer', async () => {
  const { requests, url } = await serve(found);
  await using retriever = open(url, { maxQueries: 3 });
  const queries = ['a', 'b', 'c', 'd', 'e'];
  const answers = await Promise.all(queries.map((query) => retriever.search(query, 1)));
  expect(answers.map(([first]) => first!.id)).toEqual(queries.map((query) => `of ${query}`));
  expect(requests.map((request) => request.queries)).toEqual([
    ['a', 'b', 'c'],
    ['d', 'e'],
  ]);
});

test('never mixes queries with different depths in a request', async () => {
  const { requests, url } = await serve(found);
  await using retriever = open(url);
  const [one, two] = await Promise.all([retriever.search('a', 1), retriever.search('b', 2)]);
  expect([one.length, two.length]).toEqual([1, 2]);
  expect(requests.map(({ topk }) => topk).toSorted((a, b) => a - b)).toEqual([1, 2]);
});

test('keeps at most the configured number of requests in flight', async () => {
  const held: (() => void)[] = [];
  let most = 0;
  // Responds only after two requests are waiting.
  const { url } = await serve(found, (respond) => {
    most = Math.max(most, held.push(respond));
    if (held.length >= 2) setTimeout(() => held.splice(0).forEach((one) => one()), 10);
  });
  await using retriever = open(url, { maxRequests: 2, maxQueries: 1 });
  await Promise.all(Array.from({ length: 12 }, (_, i) => retriever.search(`q${i}`, 1)));
  expect(most).toBe(2);
});

test.for([
  ['a busy server', { status: 503 }],
  ['a dropped connection', 'drop'],
  ['a body that is cut off', { body: '{"result": [[' }],
] as const)('retries after %s', async ([, first]) => {
  const { requests, url } = await serve((request, attempt) => (attempt === 1 ? first : found(request)));
  await using retriever = open(url);
  expect(await retriever.search('a', 1)).toHaveLength(1);
  expect(requests).toHaveLength(2);
});

test('fails after the last attempt with an error that names the address', async () => {
  const { requests, url } = await serve(() => ({ status: 500 }));
  await using retriever = open(url, { maxAttempts: 2 });
  await expect(retriever.search('a', 1)).rejects.toThrow(
    `${url}: expected passages, got status 500 (tried 2 times)`,
  );
  expect(requests).toHaveLength(2);
});

test('fails after the timeout if the server never answers', async () => {
  const { url } = await serve(() => 'hang');
  await using retriever = open(url, { maxAttempts: 1, timeout: '50ms' });
  await expect(retriever.search('a', 1)).rejects.toThrow('tried 1 time)');
});

test.for([
  ['a refusal', { status: 422, body: 'topk is missing' }, 'status 422: topk is missing'],
  ['another protocol', { body: { hits: [] } }, 'a body other than {"result": [1 lists]}'],
  ['too few lists', { body: { result: [] } }, 'a body other than {"result": [1 lists]}'],
  [
    'a document without text',
    { body: { result: [[{ document: { id: '1' }, score: 1 }]] } },
    "expected the passage's text",
  ],
] as const)('fails at once after %s', async ([, given, message]) => {
  const { requests, url } = await serve(() => given);
  await using retriever = open(url);
  await expect(retriever.search('a', 1)).rejects.toThrow(message);
  expect(requests).toHaveLength(1);
});

test('reads bare documents from services without scores', async () => {
  const { url } = await serve(() => ({ body: { result: [[{ id: '7', contents: 'plain text' }]] } }));
  await using retriever = open(url);
  expect(await retriever.search('a', 1)).toEqual([{ id: '7', text: 'plain text', score: 0 }]);
});

test('aborting a query ends only that query; closing the retriever ends all queries', async () => {
  const { url } = await serve(({ queries }) =>
    queries.includes('slow') ? 'hang' : { body: { result: [[passageFor('a')]] } },
  );
  const retriever = open(url, { maxQueries: 1 });
  const abort = new AbortController();
  const slow = retriever.search('slow', 1, abort.signal);
  abort.abort(new Error('stop now'));
  await expect(slow).rejects.toThrow('stop now');
  expect(await retriever.search('a', 1)).toHaveLength(1);
  const hanging = retriever.search('slow', 1);
  setImmediate(() => void retriever[Symbol.asyncDispose]());
  await expect(hanging).rejects.toThrow('the retriever was closed');
  await expect(retriever.search('a', 1)).rejects.toThrow('the retriever was closed');
});

test('leaves out an empty passage, and keeps the passages of the other queries in the request', async () => {
  const { url } = await serve(({ queries }) => ({
    body: {
      result: queries.map((query) =>
        query === 'a' ? [{ document: { id: '1', contents: ' ' }, score: 1 }] : [passageFor(query)],
      ),
    },
  }));
  await using retriever = open(url);
  const [a, b] = await Promise.all([retriever.search('a', 1), retriever.search('b', 1)]);
  expect(a).toEqual([]);
  expect(b.map(({ id }) => id)).toEqual(['of b']);
});
