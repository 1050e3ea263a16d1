import * as http from 'node:http';
import * as https from 'node:https';
import { WorkerCrashed } from '../../core/errors.ts';
import { createFrameReader } from '../../protocol/frame.ts';
import { breach, graceMs, type OpenTransport } from './transport.ts';

/**
 * A worker that listens elsewhere (`python -m gradus_worker --http`): a frame is the body of a request, its reply the frames of
 * the response. An ordered request leaves once the one before has its place, which the head of the response says. The worker outlives
 * the conversation: closing ends the session, not the server.
 */
export function httpTransport(address: string, token: string | null): OpenTransport {
  return (listener) => {
    const url = new URL('/v1/frames', address);
    const { request, Agent } = url.protocol === 'https:' ? https : http;
    const agent = new Agent({ keepAlive: true });
    const underway = new Set<Promise<void>>();
    let session: string | null = null;
    let isOver = false;
    let lastPlaced: Promise<void> = Promise.resolve();

    const fail = (error: Parameters<typeof listener.onEnd>[0]): void => {
      if (isOver) return;
      isOver = true;
      listener.onEnd(error);
      agent.destroy();
    };
    const lose = (how: string): void => fail(new WorkerCrashed(`the worker at ${address} ${how}`));

    const post = (frame: Uint8Array): { placed: Promise<void>; done: Promise<void> } => {
      const placed = Promise.withResolvers<void>();
      const done = Promise.withResolvers<void>();
      const headers = {
        'content-type': 'application/x-gradus-frames',
        'content-length': frame.length,
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(session !== null && { 'x-gradus-session': session }),
      };
      const sent = request(url, { method: 'POST', headers, agent }, (response) => {
        placed.resolve();
        if (response.statusCode === 200) readReply(response);
        else void refusal(response).then(lose);
        response.on('error', () => {});
        response.on('close', () => {
          if (!response.complete) lose('broke off in the middle of a reply');
          done.resolve();
        });
      });
      sent.on('error', ({ message }) => {
        lose(`cannot be reached: ${message}`);
        placed.resolve();
        done.resolve();
      });
      sent.end(frame);
      return { placed: placed.promise, done: done.promise };
    };

    const readReply = (response: http.IncomingMessage): void => {
      const reader = createFrameReader();
      response.on('data', (bytes: Buffer) => {
        if (isOver) return;
        try {
          for (const frame of reader.push(bytes)) listener.onFrame(frame);
        } catch (cause) {
          fail(breach(address, cause));
        }
      });
    };

    const begin = (frame: Uint8Array): Promise<void> => {
      if (isOver) return Promise.resolve();
      const { placed, done } = post(frame);
      underway.add(done);
      void done.then(() => underway.delete(done));
      return placed;
    };

    return {
      name: address,
      send: (frame, isOrdered) => {
        if (isOrdered) lastPlaced = lastPlaced.then(() => begin(frame));
        else void begin(frame);
      },
      useSession: (named) => {
        session = named;
      },
      kill: () => lose('was given up'),
      close: async () => {
        let timer: NodeJS.Timeout | undefined;
        const patience = new Promise((resolve) => (timer = setTimeout(resolve, graceMs)));
        await Promise.race([Promise.allSettled(underway), patience]);
        clearTimeout(timer);
        isOver = true;
        agent.destroy();
      },
    };
  };
}

/** Why a request was refused, as the server says it. */
async function refusal(response: http.IncomingMessage): Promise<string> {
  let said = '';
  try {
    for await (const text of response.setEncoding('utf8')) said += String(text);
  } catch {
    // What was said before it broke off will do.
  }
  return `refused a request with ${response.statusCode}: ${said.trim().slice(0, 400)}`;
}
