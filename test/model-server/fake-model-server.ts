import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { openaiConfig, type OpenaiOptions } from '../../src/engines/openai/config.ts';
import { openOpenaiEngine } from '../../src/engines/openai/engine.ts';
import type { Engine } from '../../src/engines/engine.ts';

/** The fields of a request that the tests read. */
export interface RequestBody {
  readonly messages?: readonly { readonly content: string }[];
  readonly prompt?: string | readonly number[];
  readonly n?: number;
  readonly seed: number;
  readonly stream?: boolean;
  readonly stop?: readonly string[];
  readonly max_tokens: number;
  readonly temperature?: number;
  readonly logprobs?: true | number;
  readonly include_stop_str_in_output?: boolean;
}

/** Answers one request for a completion. */
export type AnswerRequest = (body: RequestBody, response: ServerResponse, request: IncomingMessage) => void;

/** Serves completions on loopback until the test ends; lists no models. Resolves to the base URL. */
export async function serveModel(answer: AnswerRequest, base = '/v1'): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        if (request.method === 'GET') return void response.writeHead(404).end();
        answer(JSON.parse(Buffer.concat(chunks).toString()) as RequestBody, response, request);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`;
}

/** Opens an engine that uses a server, for a model named `fake`. */
export const openFake = (options: OpenaiOptions): Promise<Engine> =>
  openOpenaiEngine(openaiConfig.parse({ type: 'openai', ...options }), 'fake');

/** Returns a chat answer with one text per choice. */
export const chatAnswer = (texts: readonly string[], more: object = {}): string => {
  const choices = texts.map((content, index) => ({ index, message: { content }, finish_reason: 'stop' }));
  return JSON.stringify({ choices, ...more });
};

/** Streams a chat answer with one piece per choice, and its usage in a closing event. */
export function streamAnswer(response: ServerResponse, texts: readonly string[], usage: object): void {
  const pieces = texts.map((content, index) => ({ index, delta: { content }, finish_reason: 'stop' }));
  const events = [{ choices: pieces }, { choices: [], usage }].map((event) => JSON.stringify(event));
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end([...events, '[DONE]'].map((data) => `data: ${data}\n\n`).join(''));
}
