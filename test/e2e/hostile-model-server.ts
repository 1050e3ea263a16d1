import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRng, hashKey, uniformAt } from '../../src/core/rng.ts';

/** A model server that breaks a share of its answers in every way servers do, and remembers what it said. */
export interface HostileServer extends AsyncDisposable {
  readonly baseUrl: string;
  /** Requests by attempt, `prompt#seed`. */
  readonly asked: Map<string, number>;
  /** Whole answers sent, by attempt. */
  readonly answered: Map<string, number>;
  readonly faults: Map<string, number>;
}

/** What the server writes for an attempt: right or wrong by chance, the same each time. */
export const isRight = (prompt: string, seed: number): boolean => uniformAt(hashKey(prompt), seed) < 0.5;

const choice = (content: string) => ({
  index: 0,
  message: { role: 'assistant', content },
  finish_reason: 'stop',
});

const json = (response: ServerResponse, body: unknown): void =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** Each fault takes the answer that should have been given. */
const faults: Record<string, (response: ServerResponse, answer: string) => void> = {
  drop: (response) => void response.destroy(),
  'drop midway': (response, answer) => {
    response.writeHead(200, { 'content-length': answer.length + 100 }).write(answer);
    setTimeout(() => response.destroy(), 5);
  },
  stall: () => {},
  'stall midway': (response, answer) => void response.writeHead(200).write(answer.slice(0, 20)),
  malformed: (response) => void response.end('{"choices": [{"message": '),
  'no choices': (response) => json(response, { choices: [] }),
  'two choices': (response) => json(response, { choices: [choice('\\boxed{1}'), choice('\\boxed{0}')] }),
  'wrong type': (response) => json(response, { choices: [{ message: { content: 7 } }] }),
  html: (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>busy</h1>'),
  '429': (response) => void response.writeHead(429).end(),
  '429 with seconds': (response) => void response.writeHead(429, { 'retry-after': '0' }).end('slow down'),
  '429 with a date': (response) =>
    void response.writeHead(429, { 'retry-after': new Date(0).toUTCString() }).end(),
  '500': (response) => void response.writeHead(500).end('<html>'),
  '503': (response) => void response.writeHead(503, { 'retry-after': 'soon' }).end(),
};

/** Starts one; `share` of the requests, chosen by `seed`, meet a fault. */
export async function startHostileServer(share: number, seed: number): Promise<HostileServer> {
  const rng = createRng(seed, 'faults');
  const [asked, answered, met] = [new Map(), new Map(), new Map()] as Map<string, number>[];
  const count = (counts: Map<string, number>, name: string): void =>
    void counts.set(name, (counts.get(name) ?? 0) + 1);
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Body;
      const prompt = body.messages[0].content;
      const name = `${prompt}#${body.seed}`;
      count(asked!, name);
      const answer = { choices: [choice(isRight(prompt, body.seed) ? '\\boxed{1}' : '\\boxed{0}')] };
      if (rng.next() < share) {
        const fault = rng.pick(Object.keys(faults));
        count(met!, fault);
        faults[fault]!(response, JSON.stringify(answer));
        return;
      }
      json(response, answer);
      count(answered!, name);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked: asked!,
    answered: answered!,
    faults: met!,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Body {
  readonly messages: readonly [{ readonly content: string }];
  readonly seed: number;
}
