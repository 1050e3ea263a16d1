import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { encodeFrame } from '../../protocol/frame.ts';
import { httpTransport } from './http-transport.ts';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Starts a server that passes its n-th request to `answer`; returns its address. */
async function serve(answer: (n: number, socket: Socket, response: ServerResponse) => void): Promise<string> {
  let heard = 0;
  server = createServer((request, response) => {
    request.resume().on('end', () => answer(++heard, request.socket, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const frame = (id: number): Uint8Array =>
  encodeFrame({ header: { id, tensors: [] }, payload: new Uint8Array(0) });

/**
 * Sends requests one after the other, each after the previous answer; returns the replies and the errors that ended the
 * connection.
 */
async function converse(address: string, requests: number): Promise<{ replies: unknown[]; ends: string[] }> {
  const replies: unknown[] = [];
  const ends: string[] = [];
  let heard = Promise.withResolvers<void>();
  const transport = httpTransport(
    address,
    null,
  )({
    onFrame: ({ header }) => {
      replies.push((header as { id: number }).id);
      heard.resolve();
    },
    onEnd: ({ message }) => {
      ends.push(message);
      heard.resolve();
    },
    onWords: () => {},
  });
  for (let sent = 0; sent < requests && ends.length === 0; sent++) {
    heard = Promise.withResolvers();
    transport.send(frame(1), true);
    await heard.promise;
    // Wait until the connection is free again.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await transport.close();
  return { replies, ends };
}

test('retries if the server closes an idle connection that is being reused', async () => {
  const used = new Set<Socket>();
  const address = await serve((n, socket, response) => {
    if (used.has(socket)) return socket.destroy();
    used.add(socket);
    response.end(frame(n));
  });
  expect(await converse(address, 3)).toEqual({ replies: [1, 3, 5], ends: [] });
});

test('treats a connection that the server breaks as lost', async () => {
  const address = await serve((_, socket) => socket.destroy());
  const { replies, ends } = await converse(address, 3);
  expect(replies).toEqual([]);
  expect(ends).toEqual([expect.stringContaining('cannot be reached')]);
});
