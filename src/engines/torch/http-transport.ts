import * as http from 'node:http';
import * as https from 'node:https';
import { WorkerCrashed } from '../../core/errors.ts';
import { createFrameReader } from '../../protocol/frame.ts';
import { breach, graceMs, type OpenTransport } from './transport.ts';

/**
 * Creates a transport to a remote worker (`python -m gradus_worker --http`): the body of each HTTP request is
 * one frame, and the response contains the frames of the reply. An ordered request is sent only after the
 * response head of the previous one, which confirms the order. The worker outlives the connection: closing
 * ends the session, not the server.
 */
export function httpTransport(address: string, token: string | null): OpenTransport {
  return (listener) => {
    const url = new URL('/v1/frames', address);
    const { request, Agent } = url.protocol === 'https:' ? https : http;
    // Use a shorter idle timeout than the server.
    const agent = new Agent({ keepAlive: true, timeout: keptMs });
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

    const post = (frame: Uint8Array, { placed, done }: Posted): void => {
      const headers = {
        'content-type': 'application/x-gradus-frames',
        'content-length': frame.length,
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(session !== null && { 'x-gradus-session': session }),
      };
      let hasHead = false;
      const sent = request(url, { method: 'POST', headers, agent }, (response) => {
        hasHead = true;
        placed.resolve();
        if (response.statusCode === 200) readReply(response);
        else void refusal(response).then(lose);
        response.on('error', () => {});
        response.on('close', () => {
          if (!response.complete) lose('closed the connection during a reply');
          done.resolve();
        });
      });
      sent.on('error', ({ message }) => {
        // The server closed the idle connection while the request was being sent. If it did receive the request, it
        // detects the repetition.
        if (sent.reusedSocket && !hasHead && !isOver) return post(frame, { placed, done });
        lose(`cannot be reached: ${message}`);
        placed.resolve();
        done.resolve();
      });
      sent.end(frame);
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
      const [placed, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      post(frame, { placed, done });
      underway.add(done.promise);
      void done.promise.then(() => underway.delete(done.promise));
      return placed.promise;
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
      kill: () => lose('was abandoned'),
      close: async () => {
        await settleWithin(graceMs, underway);
        isOver = true;
        agent.destroy();
      },
    };
  };
}

/** Waits until every promise settles, but at most `ms` milliseconds. */
async function settleWithin(ms: number, promises: Iterable<Promise<void>>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([Promise.allSettled(promises), patience]);
  clearTimeout(timer);
}

/** Idle timeout of a connection in milliseconds; the worker closes it after 10 s. */
const keptMs = 5000;

/** A request in flight: `placed` resolves once the worker has confirmed its order, `done` at the end of the reply. */
interface Posted {
  readonly placed: PromiseWithResolvers<void>;
  readonly done: PromiseWithResolvers<void>;
}

/** Returns the reason why a request was rejected, from the server's response. */
async function refusal(response: http.IncomingMessage): Promise<string> {
  let said = '';
  try {
    for await (const text of response.setEncoding('utf8')) said += String(text);
  } catch {
    // Use the text received before the connection broke.
  }
  return `refused a request with HTTP ${response.statusCode}: ${said.trim().slice(0, 400)}`;
}
