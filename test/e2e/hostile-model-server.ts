import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRng, hashKey, uniformAt } from '../../src/core/rng.ts';

/** One request and its choices. */
export interface Exchanged {
  readonly seed: number;
  readonly prompt: string;
  /** Number of choices that were requested, or sent completely, starting with choice 0. */
  readonly choices: number;
}

/** Usage reports that reached the client. */
export interface Stated {
  readonly requests: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/**
 * Dialects of usage reports.
 * `openai`: usage of all choices, at the end of a stream.
 * `vllm`: the same, and on request every event of a stream also reports the usage of its choice so far.
 * `llama.cpp`: usage of only choice 0; in a stream, usage of each choice after its end, without an
 * index.
 */
export type Dialect = 'openai' | 'vllm' | 'llama.cpp';

/** A model server that breaks a share of its answers in every way that real servers do, and records the answers that it
 * sent. */
export interface HostileServer extends AsyncDisposable {
  readonly baseUrl: string;
  readonly asked: readonly Exchanged[];
  readonly sent: readonly Exchanged[];
  readonly faults: Map<string, number>;
  /** Sum over all answers, including discarded and interrupted answers. */
  stated(): Stated;
}

/** Returns whether the answer to a choice is right: random, but reproducible. */
export const isRight = (prompt: string, seed: number, choice: number): boolean =>
  uniformAt(hashKey(prompt, choice), seed) < 0.5;

interface Question {
  readonly dialect: Dialect;
  readonly isChat: boolean;
  readonly prompt: string;
  readonly seed: number;
  readonly n: number;
  readonly stream: boolean;
  readonly includesUsage: boolean;
  readonly isContinuous: boolean;
}

/** Result of a reaction: the number of complete choices, starting with choice 0, and the completion tokens it reported,
 * if any. */
interface Sent {
  readonly choices: number;
  readonly tokens?: number | undefined;
}

const promptTokens = 3;

/** Tokens of one choice: the pieces of its text. */
const tokensPerChoice = 2;

const usageOf = (tokens: number): object => ({
  prompt_tokens: promptTokens,
  completion_tokens: tokens,
  total_tokens: promptTokens + tokens,
});

const textOf = ({ prompt, seed }: Question, index: number): string =>
  isRight(prompt, seed, index) ? '\\boxed{1}' : '\\boxed{0}';

function wholeChoice(question: Question, index: number, finish = 'stop'): object {
  const text = textOf(question, index);
  const content = question.seed % 2 === 0 ? text : [{ type: 'thinking' }, { type: 'text', text }];
  const said = question.isChat ? { message: { role: 'assistant', content } } : { text };
  return { index, ...said, finish_reason: finish };
}

const indices = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Returns the number of completion tokens reported for a complete answer. */
const wholeTokens = ({ dialect }: Question, count: number): number =>
  dialect === 'llama.cpp' ? tokensPerChoice : tokensPerChoice * count;

const answerOf = (question: Question, count = question.n): string => {
  const choices = indices(count).map((index) => wholeChoice(question, index));
  return JSON.stringify({ choices, usage: usageOf(wholeTokens(question, count)) });
};

/** An event of a stream, and the tokens of a choice that its usage counts. */
interface StreamEvent {
  readonly text: string;
  readonly counts?: { readonly choice: number | 'all'; readonly tokens: number };
}

const eventText = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;

/** Returns the events of all choices, each in two pieces, with pings before them. */
function eventsOf(question: Question): StreamEvent[] {
  const { dialect, isContinuous, includesUsage, n } = question;
  const pieceOf = (index: number, text: string, tokens: number): StreamEvent => {
    const said = question.isChat ? { delta: { content: text } } : { text };
    const finish = tokens === tokensPerChoice ? 'stop' : null;
    const choices = [{ index, ...said, finish_reason: finish }];
    if (dialect !== 'vllm' || !isContinuous) return { text: eventText({ choices }) };
    return {
      text: eventText({ choices, usage: usageOf(tokens) }),
      counts: { choice: index, tokens },
    };
  };
  const closing = (choice: number | 'all', tokens: number): StreamEvent => ({
    text: eventText({ choices: [], usage: usageOf(tokens) }),
    counts: { choice, tokens },
  });
  const pieces = indices(n).flatMap((index) => {
    const text = textOf(question, index);
    const both = [pieceOf(index, text.slice(0, 4), 1), pieceOf(index, text.slice(4), 2)];
    return dialect === 'llama.cpp' && includesUsage ? [...both, closing(index, tokensPerChoice)] : both;
  });
  const pings = [': a comment\n\n', 'event: ping\ndata: {"type": "ping"}\n\n', 'data: \n\n'];
  const atEnd = dialect !== 'llama.cpp' && includesUsage ? [closing('all', tokensPerChoice * n)] : [];
  return [...pings.map((text) => ({ text })), ...pieces, ...atEnd];
}

const done = 'data: [DONE]\n\n';

const textsOf = (events: readonly StreamEvent[]): string => events.map(({ text }) => text).join('');

/** Sums the tokens that events report. */
function tokensIn(events: readonly StreamEvent[]): number | undefined {
  const counts = new Map(events.flatMap(({ counts: one }) => (one ? [[one.choice, one.tokens]] : [])));
  if (counts.size === 0) return undefined;
  return counts.get('all') ?? [...counts.values()].reduce((sum, tokens) => sum + tokens, 0);
}

const isStream = { 'content-type': 'text/event-stream' };
const isJson = { 'content-type': 'application/json' };

type Reaction = (response: ServerResponse, question: Question) => Sent;

const nothing = (send: (response: ServerResponse, question: Question) => unknown): Reaction => {
  return (response, question) => {
    send(response, question);
    return { choices: 0 };
  };
};

const good: Reaction = (response, question) => {
  const { stream, n } = question;
  if (!stream) {
    response.writeHead(200, isJson).end(answerOf(question));
    return { choices: n, tokens: wholeTokens(question, n) };
  }
  const events = eventsOf(question);
  response.writeHead(200, isStream).end(textsOf(events) + done);
  return { choices: n, tokens: tokensIn(events) };
};

/** Sends an answer whose last choice is aborted by the server. */
const interrupted: Reaction = (response, question) => {
  const last = question.n - 1;
  const choices = indices(question.n).map((index) =>
    wholeChoice(question, index, index === last ? 'insufficient_system_resource' : 'stop'),
  );
  const tokens = wholeTokens(question, question.n);
  response.writeHead(200, isJson).end(JSON.stringify({ choices, usage: usageOf(tokens) }));
  return { choices: last, tokens };
};

/** Faults of any request. */
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
  'too many choices': (response, question) => {
    response.writeHead(200, isJson).end(answerOf(question, question.n + 1));
    return { choices: 0, tokens: wholeTokens(question, question.n + 1) };
  },
  'wrong type, with usage': (response) => {
    const body = { choices: [{ message: { content: 7 }, text: 7 }], usage: usageOf(5) };
    response.end(JSON.stringify(body));
    return { choices: 0, tokens: 5 };
  },
  interrupted,
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
    return { choices: question.n };
  },
};

/** Faults of requests for several choices. */
const severalFaults: Record<string, Reaction> = {
  'a choice missing': (response, question) => {
    response.writeHead(200, isJson).end(answerOf(question, question.n - 1));
    return { choices: question.n - 1, tokens: wholeTokens(question, question.n - 1) };
  },
  'one choice alone': (response, question) => {
    response.writeHead(200, isJson).end(answerOf(question, 1));
    return { choices: 1, tokens: tokensPerChoice };
  },
  'a choice twice': nothing((response, question) => {
    const choices = indices(question.n).map(() => wholeChoice(question, 0));
    response.writeHead(200, isJson).end(JSON.stringify({ choices }));
  }),
};

/** Sends the first events of a stream. */
function sendFirst(response: ServerResponse, events: readonly StreamEvent[], rest = ''): number | undefined {
  response.writeHead(200, isStream).end(textsOf(events) + rest);
  return tokensIn(events);
}

/** Returns the events before the last piece of the last choice. */
function beforeLastPiece(question: Question): { readonly sent: StreamEvent[]; readonly next: StreamEvent } {
  const events = eventsOf(question);
  const last = events.findLastIndex(({ text }) => text.includes('"finish_reason":"stop"'));
  return { sent: events.slice(0, last), next: events[last]! };
}

/** Faults of streamed requests. */
const streamFaults: Record<string, Reaction> = {
  'cut stream': (response, question) => {
    const { sent } = beforeLastPiece(question);
    return { choices: question.n - 1, tokens: sendFirst(response, sent) };
  },
  'cut event': (response, question) => {
    const { sent, next } = beforeLastPiece(question);
    return { choices: question.n - 1, tokens: sendFirst(response, sent, next.text.slice(0, -20)) };
  },
  'no [DONE]': (response, question) => {
    return { choices: question.n, tokens: sendFirst(response, eventsOf(question)) };
  },
  'stream stalls midway': (response, question) => {
    const events = eventsOf(question).slice(0, 4);
    response.writeHead(200, isStream).write(textsOf(events));
    return { choices: 0, tokens: tokensIn(events) };
  },
  'garbage in the stream': nothing((response, question) =>
    response.writeHead(200, isStream).end(`data: {"choi\n\n${textsOf(eventsOf(question))}`),
  ),
  'an error in the stream': nothing((response) =>
    response.writeHead(200, isStream).end('data: {"error": {"message": "out of memory"}}\n\n'),
  ),
  'a stream in small writes': (response, question) => {
    const events = eventsOf(question);
    response.writeHead(200, isStream);
    for (const byte of Buffer.from((textsOf(events) + done).replaceAll('\n', '\r\n')))
      response.write(Buffer.of(byte));
    response.end();
    return { choices: question.n, tokens: tokensIn(events) };
  },
  'not streamed': (response, question) => {
    response.writeHead(200, isJson).end(answerOf(question));
    return { choices: question.n, tokens: wholeTokens(question, question.n) };
  },
};

/** Starts a server; `share` of the requests, chosen by `seed`, get a fault. */
export async function startHostileServer(
  share: number,
  seed: number,
  dialect: Dialect = 'openai',
): Promise<HostileServer> {
  const rng = createRng(seed, 'faults');
  const asked: Exchanged[] = [];
  const sent: Exchanged[] = [];
  const met = new Map<string, number>();
  let stated: Stated = { requests: 0, promptTokens: 0, completionTokens: 0 };
  const react = (response: ServerResponse, question: Question): Sent => {
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
    void readQuestion(request, dialect).then((question) => {
      if (question === null) return response.writeHead(404).end();
      const { prompt, seed: own, n } = question;
      asked.push({ prompt, seed: own, choices: n });
      const { choices, tokens } = react(response, question);
      sent.push({ prompt, seed: own, choices });
      if (tokens !== undefined) {
        stated = {
          requests: stated.requests + 1,
          promptTokens: stated.promptTokens + promptTokens,
          completionTokens: stated.completionTokens + tokens,
        };
      }
      return response;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    sent,
    faults: met,
    stated: () => stated,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readQuestion(request: IncomingMessage, dialect: Dialect): Promise<Question | null> {
  const chunks: Buffer[] = [];
  request.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => request.on('end', resolve));
  if (request.method !== 'POST') return null;
  const body = JSON.parse(Buffer.concat(chunks).toString()) as {
    readonly messages?: readonly [{ readonly content: string }];
    readonly prompt?: string | readonly number[];
    readonly seed: number;
    readonly n?: number;
    readonly stream?: boolean;
    readonly stream_options?: {
      readonly include_usage?: boolean;
      readonly continuous_usage_stats?: boolean;
    };
  };
  return {
    dialect,
    isChat: body.messages !== undefined,
    prompt: body.messages?.[0].content ?? String(body.prompt!),
    seed: body.seed,
    n: body.n ?? 1,
    stream: body.stream === true,
    includesUsage: body.stream_options?.include_usage === true,
    isContinuous: body.stream_options?.continuous_usage_stats === true,
  };
}
