import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { runProgress } from '../../src/evaluation/run-progress.ts';
import { compareRuns } from '../../src/evaluation/compare-runs.ts';
import { compareSeeds } from '../../src/evaluation/seeds/compare-seeds.ts';
import { startDashboard } from '../../src/services/dashboard/dashboard.ts';
import type { Player } from '../../src/services/dashboard/play.ts';
import type { ListenAddress, Listening } from '../../src/services/listen.ts';
import { startModelService } from '../../src/services/model/service.ts';
import { openGrader } from '../../src/services/verifier/grader.ts';
import { startVerifierService } from '../../src/services/verifier/service.ts';
import { scriptedEngine } from '../../src/testing/scripted-engine.ts';
import { makeFastFolder } from '../runs/fast-folder.ts';

/** A service and a request that it answers with 200. */
interface Service {
  readonly name: string;
  start(address: ListenAddress): Promise<Listening>;
  readonly path: string;
  readonly body: object;
  /** Largest body in bytes. */
  readonly maxBodyBytes: number;
}

const root = makeFastFolder('doors');
const pages = join(root, '.pages');
mkdirSync(pages);
mkdirSync(join(root, 'run-1'));
writeFileSync(join(pages, 'index.html'), '<!doctype html><title>Gradus</title>');
const grader = openGrader();
afterAll(async () => {
  rmSync(root, { recursive: true });
  await grader[Symbol.asyncDispose]();
});

const engine = scriptedEngine({ complete: () => 'four' });
const player: Player = {
  models: async () => [],
  async *answer() {
    yield { type: 'part', index: 0, text: 'four' };
  },
};

const services: readonly Service[] = [
  {
    name: 'dashboard',
    start: (address) =>
      startDashboard({
        ...address,
        root,
        pages,
        player,
        compareSuites: compareRuns,
        compareSeeds,
        compareProgress: runProgress,
      }),
    path: '/api/play',
    body: { run: 'run-1', messages: [{ role: 'user', content: '2+2?' }] },
    maxBodyBytes: 2 ** 20,
  },
  {
    name: 'model service',
    start: (address) => startModelService(engine, { ...address, name: 'scripted' }),
    path: '/v1/completions',
    body: { prompt: '2+2?', max_tokens: 8 },
    maxBodyBytes: 2 ** 24,
  },
  {
    name: 'verifier service',
    start: (address) =>
      startVerifierService(grader, { ...address, width: 2, maxItems: 8, maxBodyBytes: 10_000 }),
    path: '/verify',
    body: { gold: '1/2', completion: '\\boxed{0.5}' },
    maxBodyBytes: 10_000,
  },
];

const json = { 'content-type': 'application/json' };
const local: ListenAddress = { host: '127.0.0.1', port: 0 };

/** Opens a connection to a service and sends bytes that `fetch` would normalise. */
function send({ url }: Pick<Listening, 'url'>, bytes: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname.replaceAll(/[[\]]/g, ''));
  socket.write(bytes);
  return socket;
}

/** Returns all data received until the connection ends, even if it is reset. */
async function allOf(socket: Socket): Promise<string> {
  let received = '';
  socket.setEncoding('utf8').on('data', (part: string) => (received += part));
  await finished(socket).catch(() => undefined);
  return received;
}

/** Returns the status of the response to a request with exactly these headers; 0 if the connection ends without a
 * response. */
async function statusOf(
  service: Pick<Listening, 'url'>,
  { path }: Service,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
): Promise<{ readonly status: number; readonly message: string }> {
  const all = { 'content-length': String(Buffer.byteLength(body)), connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = send(service, `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  socket.write(body);
  const response = await allOf(socket);
  return { status: Number(response.split(' ')[1] ?? 0), message: response };
}

describe.each(services)('HTTP access to the $name', (service) => {
  const { start, path, maxBodyBytes } = service;
  const body = JSON.stringify(service.body);
  const post = (url: string, headers: Readonly<Record<string, string>> = {}, sent: string = body) =>
    fetch(new URL(path, url), { method: 'POST', headers: { ...json, ...headers }, body: sent });

  test.each(['127.0.0.1', '127.8.9.10', 'localhost', '::1'])(
    'answers a valid request on %s',
    async (host) => {
      await using opened = await start({ ...local, host });
      const response = await post(opened.url);
      expect([response.status, await response.text()]).toEqual([200, expect.stringMatching(/four|correct/)]);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    },
  );

  test('answers requests to every name of this machine, at any port, from its own origin', async () => {
    await using opened = await start(local);
    const { port } = new URL(opened.url);
    for (const host of [`localhost:${port}`, '127.0.0.1', `[::1]:${port}`, 'LOCALHOST:9999', '127.1.2.3']) {
      const origin = `http://${host.toLowerCase()}`;
      expect((await statusOf(opened, service, { ...json, host, origin }, body)).status).toBe(200);
    }
  });

  test.each([
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '0.0.0.0',
    '192.168.0.1',
    '[::]',
  ])('rejects the foreign Host %s on loopback', async (host) => {
    await using opened = await start(local);
    const { status, message } = await statusOf(opened, service, { ...json, host }, body);
    expect(status).toBe(403);
    expect(message).toContain(`the Host header must name this machine (127.0.0.1 or localhost), got ${host}`);
  });

  test('rejects a request without Host, and a request whose Host hides a name', async () => {
    await using opened = await start(local);
    expect((await statusOf(opened, service, json, body)).status).toBe(400);
    for (const host of ['127.0.0.1@evil.example', 'evil.example@127.0.0.1', '127.0.0.1/evil.example', 'a b'])
      expect((await statusOf(opened, service, { ...json, host }, body)).status).toBeOneOf([400, 403]);
  });

  test.each(['https://evil.example', 'null', 'http://localhost:1', 'http://127.0.0.1', 'file://', 'x'])(
    'rejects the foreign Origin %s, even with the token',
    async (origin) => {
      await using opened = await start({ ...local, token: 'secret' });
      const { host } = new URL(opened.url);
      const headers = { ...json, authorization: 'Bearer secret', host };
      const { status, message } = await statusOf(opened, service, { ...headers, origin }, body);
      expect(status).toBe(403);
      expect(message).toContain('cross-origin requests are not allowed');
      expect((await statusOf(opened, service, headers, body)).status).toBe(200);
    },
  );

  test('does not allow a preflight request from a different origin', async () => {
    await using opened = await start(local);
    const headers = {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };
    const response = await fetch(new URL(path, opened.url), { method: 'OPTIONS', headers });
    expect(response.status).toBe(403);
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test.each(['0.0.0.0', '::', 'fe80::1'])('refuses to listen on %s without a token', async (host) => {
    for (const token of [undefined, ''])
      await expect(start({ ...local, host, token })).rejects.toThrow(`listening on ${host} needs a token`);
  });

  test('answers requests to any name off loopback, with the token', async () => {
    await using opened = await start({ ...local, host: '0.0.0.0', token: 'secret' });
    const here = { url: opened.url.replace('0.0.0.0', '127.0.0.1') };
    const headers = { ...json, host: 'gradus.example' };
    expect((await statusOf(here, service, headers, body)).status).toBe(401);
    const authorization = 'Bearer secret';
    expect((await statusOf(here, service, { ...headers, authorization }, body)).status).toBe(200);
  });

  test('rejects a missing or wrong token', async () => {
    await using opened = await start({ ...local, token: 'secret' });
    const wrong = ['', 'Bearer', 'Bearer ', 'Bearer secre', 'Bearer secrets', 'Bearer SECRET', 'secret'];
    for (const authorization of [...wrong, 'Basic secret', 'Bearer secret, Bearer x']) {
      const response = await post(opened.url, { authorization });
      expect([response.status, await response.text()]).toEqual([
        401,
        expect.stringContaining('Bearer <token>'),
      ]);
    }
    expect((await post(opened.url, { authorization: 'bearer secret' })).status).toBe(200);
  });

  test('rejects a body that is not declared as JSON', async () => {
    await using opened = await start(local);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])
      expect((await post(opened.url, { 'content-type': type })).status).toBe(415);
    const type = 'Application/JSON; charset=utf-8';
    expect((await post(opened.url, { 'content-type': type })).status).toBe(200);
  });

  test('answers 400 to an unreadable request', async () => {
    await using opened = await start(local);
    const head = `TRACE ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n`;
    const socket = send(opened, `${head}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`);
    expect(await allOf(socket)).toMatch(/^HTTP\/1.1 400 [^]*nosniff[^]*cannot read the request/);
  });

  test('answers 413 to a body over the limit, with its length or in chunks, and 400 to broken JSON', async () => {
    await using opened = await start(local);
    const long = Buffer.alloc(maxBodyBytes + 1, ' ');
    const { host } = new URL(opened.url);
    const { status, message } = await statusOf(opened, service, { ...json, host }, long);
    expect([status, message]).toEqual([413, expect.stringContaining(`at most ${maxBodyBytes} bytes`)]);
    const chunks = new Blob([long]).stream();
    const init = { method: 'POST', headers: json, body: chunks, duplex: 'half' } as RequestInit;
    expect((await fetch(new URL(path, opened.url), init)).status).toBe(413);
    const padded = body + ' '.repeat(maxBodyBytes - body.length);
    expect((await post(opened.url, {}, padded)).status).toBe(200);
    expect((await post(opened.url, {}, body.slice(1))).status).toBe(400);
  });

  test('ends connections that send their headers or their body too slowly', async () => {
    await using opened = await start({ ...local, timeouts: { headersMs: 500, requestMs: 800 } });
    const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n`;
    for (const begun of ['', 'POST /', head, `${head}content-length: 100\r\n\r\n{`]) {
      const socket = send(opened, begun);
      const dribble = setInterval(() => socket.write(begun === '' ? '' : 'a'), 20);
      const response = await allOf(socket);
      clearInterval(dribble);
      expect(response).toMatch(/^HTTP\/1.1 408 Request Timeout/);
    }
    expect((await post(opened.url)).status).toBe(200);
  });

  test('closes even if clients keep connections open', async () => {
    const opened = await start(local);
    const idle = send(opened, '');
    const stalled = send(opened, `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n`);
    const ended = Promise.all([idle, stalled].map(allOf));
    expect((await post(opened.url)).status).toBe(200);
    await opened[Symbol.asyncDispose]();
    await ended;
    await expect(post(opened.url)).rejects.toThrow('fetch failed');
  });

  test('the error contains the address on which it cannot listen', async () => {
    await using opened = await start(local);
    const port = Number(new URL(opened.url).port);
    await expect(start({ ...local, port })).rejects.toThrow(`cannot listen on 127.0.0.1 port ${port}`);
  });
});
