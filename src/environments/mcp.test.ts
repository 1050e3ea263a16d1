import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openCallResults, recordCalls } from './call-results.ts';
import { tags } from './call-format.ts';
import type { Environment, WrittenTurn } from './environment.ts';
import { mcp, mcpConfig, openMcp } from './mcp.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp-'));

/** Source of a server that answers JSON-RPC requests, so that the test controls every answer. */
const answers = `
const number = { type: 'number' };
const tools = [
  { name: 'add', description: 'Adds two numbers.', inputSchema: { type: 'object', properties: { a: number, b: number }, required: ['a', 'b'] } },
  { name: 'echo', inputSchema: { type: 'object', properties: { text: { type: 'string' } } } },
  { name: 'variable', inputSchema: { type: 'object', properties: { name: { type: 'string' } } } },
  { name: 'die', inputSchema: { type: 'object' } },
  { name: 'hang', inputSchema: { type: 'object' } },
  { name: 'image', inputSchema: { type: 'object' } },
];
const text = (content, isError) => ({ content: [{ type: 'text', text: content }], ...(isError && { isError }) });
const call = ({ name, arguments: args }) => {
  if (name === 'add')
    return typeof args.a === 'number' ? text(String(args.a + args.b)) : { code: -32602, message: 'a must be a number' };
  if (name === 'echo') return text(args.text.repeat(args.times ?? 1), args.text === 'bad');
  if (name === 'image') return { content: [{ type: 'image', data: 'AA==', mimeType: 'image/png' }, { type: 'text', text: 'seen' }] };
  if (name === 'variable') return text(process.env[args.name] ?? 'unset');
  if (name === 'die') process.exit(1);
  return undefined;
};
export const answer = ({ id, method, params }) => {
  if (id === undefined) return undefined;
  const result = (value) => ({ jsonrpc: '2.0', id, result: value });
  if (method === 'initialize')
    return result({ protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'adder', version: '1' } });
  if (method === 'tools/list') return result({ tools });
  if (method !== 'tools/call') return { jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } };
  const made = call(params);
  if (made === undefined) return undefined;
  return 'code' in made ? { jsonrpc: '2.0', id, error: made } : result(made);
};
`;
writeFileSync(join(folder, 'answers.mjs'), answers);
const program = join(folder, 'server.mjs');
writeFileSync(
  program,
  `import { createInterface } from 'node:readline';
import { answer } from './answers.mjs';
for await (const line of createInterface({ input: process.stdin })) {
  const reply = answer(JSON.parse(line));
  if (reply !== undefined) process.stdout.write(JSON.stringify(reply) + '\\n');
}
`,
);
const command = [process.execPath, program] as [string, ...string[]];

const open = (options: Partial<Parameters<typeof mcp>[0]>): Promise<Environment> =>
  openMcp(mcpConfig.parse(mcp({ tools: ['add', 'echo', 'die', 'hang', 'image'], ...options })), folder);

interface WrittenCall {
  readonly name: string;
  readonly arguments: object;
}

/** Returns the outcomes and texts of the reply to one turn with these calls. */
async function reply(environment: Environment, ...calls: WrittenCall[]) {
  return await replyWithin(60_000, environment, ...calls);
}

/** @param limit time limit of a call, in milliseconds. */
async function replyWithin(limit: number, environment: Environment, ...calls: WrittenCall[]) {
  using results = openCallResults(':memory:');
  const record = recordCalls(results);
  const { signal } = new AbortController();
  const turn: WrittenTurn = {
    text: calls.map((one) => `<tool_call>${JSON.stringify(one)}</tool_call>`).join(''),
    hasEnded: true,
  };
  const { state } = await environment.start({} as never, 1);
  const answered = await environment.reply(state, turn, {
    signal,
    call: (tool, args) => record(tool, args, AbortSignal.any([signal, AbortSignal.timeout(limit)])),
    cut: (text, most) => text.slice(0, most),
  });
  return answered.calls!.map(({ outcome, result }) => [outcome, result]);
}

test('calls the tools of a local server, and reports invalid calls to the policy', async () => {
  await using environment = await open({ command });
  expect(environment.tools!.map(({ name }) => name)).toEqual(['add', 'echo', 'die', 'hang', 'image']);
  expect(
    await reply(
      environment,
      { name: 'add', arguments: { a: 1, b: 2 } },
      { name: 'add', arguments: { a: 'x' } },
      { name: 'echo', arguments: { text: 'bad' } },
      { name: 'image', arguments: {} },
    ),
  ).toEqual([
    ['ok', '3'],
    ['failed', 'Error: a must be a number'],
    ['failed', 'bad'],
    ['ok', '[image]\nseen'],
  ]);
});

test('restarts a server that died, after the unanswered call has thrown an error', async () => {
  await using environment = await open({ command });
  await expect(reply(environment, { name: 'die', arguments: {} })).rejects.toThrow(/^mcp .*closed/i);
  expect(await reply(environment, { name: 'add', arguments: { a: 1, b: 2 } })).toEqual([['ok', '3']]);
});

test('a tool that never answers fails at its time limit', async () => {
  await using environment = await open({ command });
  await expect(replyWithin(300, environment, { name: 'hang', arguments: {} })).rejects.toThrow('timeout');
  expect(await reply(environment, { name: 'add', arguments: { a: 1, b: 2 } })).toEqual([['ok', '3']]);
});

test('passes only the named environment variables on to the server', async () => {
  vi.stubEnv('GRADUS_TEST_KEY', 'secret');
  vi.stubEnv('GRADUS_TEST_OTHER', 'other');
  await using environment = await open({ command, tools: ['variable'], env: ['GRADUS_TEST_KEY'] });
  const ask = (name: string) => ({ name: 'variable', arguments: { name } });
  expect(await reply(environment, ask('GRADUS_TEST_KEY'), ask('GRADUS_TEST_OTHER'))).toEqual([
    ['ok', 'secret'],
    ['ok', 'unset'],
  ]);
  vi.unstubAllEnvs();
});

test('truncates a result of 5 MB', async () => {
  await using environment = await open({ command });
  const [[outcome, text]] = (await reply(environment, {
    name: 'echo',
    arguments: { text: 'long ', times: 1e6 },
  })) as [[string, string]];
  expect(outcome).toBe('ok');
  expect(text.length).toBe(512);
});

/** Serves the answers over HTTP with sessions; `restart` drops all sessions. */
async function httpServer([status, text]: readonly [number, string] = [404, '']) {
  const { answer } = (await import(join(folder, 'answers.mjs'))) as { answer: (message: unknown) => unknown };
  let session = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString()));
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(405).end();
      const message = JSON.parse(body) as { readonly method: string };
      const isKnown = request.headers['mcp-session-id'] === String(session);
      if (message.method !== 'initialize' && !isKnown) return void response.writeHead(status).end(text);
      const made = answer(message);
      if (made === undefined) return void response.writeHead(202).end();
      const headers = { 'content-type': 'application/json', 'mcp-session-id': String(session) };
      response.writeHead(200, headers).end(JSON.stringify(made));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    restart: () => void session++,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await server[Symbol.asyncDispose]();
    },
  };
}

test('calls the tools of a server over HTTP', async () => {
  await using server = await httpServer();
  await using environment = await open({ url: server.url });
  expect(await reply(environment, { name: 'add', arguments: { a: 1, b: 2 } })).toEqual([['ok', '3']]);
});

test.for([
  [404, ''],
  [400, 'Bad Request: No valid session ID'],
] as const)('begins a new session after a restarted HTTP server replied %i', async (refusal) => {
  await using server = await httpServer(refusal);
  await using environment = await open({ url: server.url });
  server.restart();
  const add = { name: 'add', arguments: { a: 1, b: 2 } };
  const lost = await Promise.allSettled([reply(environment, add), reply(environment, add)]);
  expect(lost.map(({ status }) => status)).toContain('rejected');
  expect(await reply(environment, add)).toEqual([['ok', '3']]);
});

test.for<[string, Partial<Parameters<typeof mcp>[0]>, RegExp]>([
  ['both ways', { command, url: 'http://127.0.0.1:1/mcp' }, /either "command" or "url"/],
  ['neither', {}, /either "command" or "url"/],
  ['a missing tool', { command, tools: ['add', 'subtract'] }, /expected a tool "subtract", got add, echo/],
  [
    'a missing program',
    { command: [join(folder, 'none')] },
    /expected a server of the Model Context Protocol, got: .*ENOENT/,
  ],
  ['a program that fails', { command: [process.execPath, '-e', 'throw new Error("no key")'] }, /no key/],
  [
    'an address without a server',
    { url: 'http://127.0.0.1:1/mcp' },
    /expected a server of the Model Context Protocol/,
  ],
  [
    'tags with two tools',
    { command, tools: ['add', 'echo'], format: tags({ call: ['<a>', '</a>'], result: ['', ''] }) },
    /expected one tool for format tags/,
  ],
])('rejects a configuration with %s', async ([, options, message]) => {
  await expect(open(options)).rejects.toThrow(message);
});

test('the version changes with the tools and with the version in the recipe', async () => {
  await using one = await open({ command });
  await using two = await open({ command, version: '2' });
  await using few = await open({ command, tools: ['add'] });
  expect(new Set([one.version, two.version, few.version]).size).toBe(3);
});
