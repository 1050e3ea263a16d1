import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRng, hashKey, uniformAt } from '../../src/core/rng.ts';

/** Choices of one request. */
export interface Exchanged {
  readonly prompt: string;
  readonly seed: number;
  /** Asked for, or sent whole: those from 0 on. */
  readonly choices: number;
}

/** A model server that breaks a share of its answers in every way servers do, and remembers what it said. */
export interface HostileServer extends AsyncDisposable {
  readonly baseUrl: string;
  readonly asked: readonly Exchanged[];
  readonly sent: readonly Exchanged[];
  readonly faults: Map<string, number>;
}

/** What the server writes for a choice: right or wrong by chance, the same each time. */
export const isRight = (prompt: string, seed: number, choice: number): boolean =>
  uniformAt(hashKey(prompt, choice), seed) < 0.5;

interface Question {
  readonly isChat: boolean;
  readonly prompt: string;
  readonly seed: number;
  readonly n: number;
  readonly stream: boolean;
}

const textOf = ({ prompt, seed }: Question, index: number): string =>
  isRight(prompt, seed, index) ? '\\boxed{1}' : '\\boxed{0}';

function wholeChoice(question: Question, index: number): object {
  const text = textOf(question, index);
  const said = question.isChat ? { message: { role: 'assistant', content: text } } : { text };
  return { index, ...said, finish_reason: 'stop' };
}

const indices = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const answerOf = (question: Question, count = question.n): string => {
  const usage = { prompt_tokens: 3, completion_tokens: count };
  return JSON.stringify({ choices: indices(count).map((index) => wholeChoice(question, index)), usage });
};

/** The events of `count` choices, each in two pieces. */
function eventsOf(question: Question, count = question.n): string[] {
  const piece = (index: number, text: string, end: string | null): string => {
    const said = question.isChat ? { delta: { content: text } } : { text };
    return `data: ${JSON.stringify({ choices: [{ index, ...said, finish_reason: end }] })}\n\n`;
  };
  const pieces = indices(count).flatMap((index) => {
    const text = textOf(question, index);
    return [piece(index, text.slice(0, 4), null), piece(index, text.slice(4), 'stop')];
  });
  return [': a comment\n\n', ...pieces, 'data: [DONE]\n\n'];
}

const isStream = { 'content-type': 'text/event-stream' };
const isJson = { 'content-type': 'application/json' };

/** Sends something for a question; returns how many of its choices came whole, from the first on. */
type Reaction = (response: ServerResponse, question: Question) => number;

const nothing = (send: (response: ServerResponse, question: Question) => unknown): Reaction => {
  return (response, question) => {
    send(response, question);
    return 0;
  };
};

const good: Reaction = (response, question) => {
  if (question.stream) response.writeHead(200, isStream).end(eventsOf(question).join(''));
  else response.writeHead(200, isJson).end(answerOf(question));
  return question.n;
};

/** Ways of going wrong whatever was asked. */
const anyFaults: Record<string, Reaction> = {
  drop: nothing((response) => response.destroy()),
  'drop midway': nothing((response, question) => {
    const answer = answerOf(question);
    response.writeHead(200, { 'content-length': answer.length + 100 }).write(answer);
    setTimeout(() => response.destroy(), 5);
  }),
  stall: nothing(() => {}),
  malformed: nothing((response) => response.end('{"choices": [{"message": ')),
  'no choices': nothing((response) => response.writeHead(200, isJson).end('{"choices": []}')),
  'too many choices': nothing((response, question) =>
    response.writeHead(200, isJson).end(answerOf(question, question.n + 1)),
  ),
  'wrong type': nothing((response) => response.end('{"choices": [{"message": {"content": 7}, "text": 7}]}')),
  html: nothing((response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>busy</h1>')),
  huge: nothing((response) => response.writeHead(200, isJson).end(`{"choices": "${'x'.repeat(2 ** 21)}"}`)),
  '429': nothing((response) => response.writeHead(429).end()),
  '429 with seconds': nothing((response) => response.writeHead(429, { 'retry-after': '0' }).end('slow')),
  '429 with a date': nothing((response) =>
    response.writeHead(429, { 'retry-after': new Date(0).toUTCString() }).end(),
  ),
  '500': nothing((response) => response.writeHead(500).end('<html>')),
  '503': nothing((response) => response.writeHead(503, { 'retry-after': 'soon' }).end()),
  'bad usage': (response, question) => {
    const usage = { prompt_tokens: -5, completion_tokens: 'many' };
    response.end(JSON.stringify({ ...(JSON.parse(answerOf(question)) as object), usage }));
    return question.n;
  },
};

/** Ways of going wrong with several choices. */
const severalFaults: Record<string, Reaction> = {
  'a choice missing': (response, question) => {
    response.writeHead(200, isJson).end(answerOf(question, question.n - 1));
    return question.n - 1;
  },
  'one choice alone': (response, question) => {
    response.writeHead(200, isJson).end(answerOf(question, 1));
    return 1;
  },
  'a choice twice': nothing((response, question) => {
    const choices = indices(question.n).map(() => wholeChoice(question, 0));
    response.writeHead(200, isJson).end(JSON.stringify({ choices }));
  }),
};

/** Ways of going wrong while streaming. */
const streamFaults: Record<string, Reaction> = {
  'cut stream': (response, question) => {
    response.writeHead(200, isStream).end(eventsOf(question).slice(0, -2).join(''));
    return question.n - 1;
  },
  'cut event': (response, question) => {
    const sent = eventsOf(question).slice(0, -1).join('');
    response.writeHead(200, isStream).end(sent.slice(0, -20));
    return question.n - 1;
  },
  'stream stalls midway': nothing((response, question) =>
    response.writeHead(200, isStream).write(eventsOf(question).slice(0, 2).join('')),
  ),
  'garbage in the stream': nothing((response, question) =>
    response.writeHead(200, isStream).end(`data: {"choi\n\n${eventsOf(question).join('')}`),
  ),
  'an error in the stream': nothing((response) =>
    response.writeHead(200, isStream).end('data: {"error": {"message": "out of memory"}}\n\n'),
  ),
  'a stream in small writes': (response, question) => {
    response.writeHead(200, isStream);
    for (const byte of Buffer.from(eventsOf(question).join('').replaceAll('\n', '\r\n')))
      response.write(Buffer.of(byte));
    response.end();
    return question.n;
  },
  'not streamed': (response, question) => {
    response.writeHead(200, isJson).end(answerOf(question));
    return question.n;
  },
};

/** Starts one; `share` of the requests, chosen by `seed`, meet a fault. */
export async function startHostileServer(share: number, seed: number): Promise<HostileServer> {
  const rng = createRng(seed, 'faults');
  const asked: Exchanged[] = [];
  const sent: Exchanged[] = [];
  const met = new Map<string, number>();
  const react = (response: ServerResponse, question: Question): number => {
    if (rng.next() >= share) return good(response, question);
    const faults = {
      ...anyFaults,
      ...(question.n > 1 && severalFaults),
      ...(question.stream && streamFaults),
    };
    const fault = rng.pick(Object.keys(faults));
    met.set(fault, (met.get(fault) ?? 0) + 1);
    return faults[fault]!(response, question);
  };
  const server = createServer((request, response) => {
    void readQuestion(request).then((question) => {
      if (question === null) return response.writeHead(404).end();
      const { prompt, seed: own, n } = question;
      asked.push({ prompt, seed: own, choices: n });
      sent.push({ prompt, seed: own, choices: react(response, question) });
      return response;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    sent,
    faults: met,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readQuestion(request: IncomingMessage): Promise<Question | null> {
  const chunks: Buffer[] = [];
  request.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => request.on('end', resolve));
  if (request.method !== 'POST') return null;
  const body = JSON.parse(Buffer.concat(chunks).toString()) as {
    readonly messages?: readonly [{ readonly content: string }];
    readonly prompt?: string;
    readonly seed: number;
    readonly n?: number;
    readonly stream?: boolean;
  };
  return {
    isChat: body.messages !== undefined,
    prompt: body.messages?.[0].content ?? body.prompt!,
    seed: body.seed,
    n: body.n ?? 1,
    stream: body.stream === true,
  };
}
