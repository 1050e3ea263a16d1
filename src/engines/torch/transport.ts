import * as z from 'zod';
import { type EngineError, ProtocolError } from '../../core/errors.ts';
import type { Frame } from '../../protocol/frame.ts';

/** The way to one worker and back: a process, or a server elsewhere. */
export interface Transport {
  /** The worker in words, for messages. */
  readonly name: string;
  /** Sends the frame of a request. Those sent with `isOrdered` reach the worker in the order they were sent. */
  send(frame: Uint8Array, isOrdered: boolean): void;
  /** The session that the worker's `hello` named; what is sent from now on belongs to it. */
  useSession(session: string): void;
  /** Ends it at once, whatever the worker is doing. */
  kill(): void;
  /** Says that no request will come any more; resolves when the worker, or the way to it, is gone. */
  close(): Promise<void>;
}

/** Who hears what comes back. */
export interface TransportListener {
  /** A frame of a reply. What it throws ends the transport as a breach of the protocol. */
  onFrame(frame: Frame): void;
  /** The worker is gone, and why; nothing follows. */
  onEnd(error: EngineError): void;
  /** Something the worker says to people, a line without its name before it. */
  onWords(line: string): void;
}

/** Opens the way to a worker. What keeps it from opening is told to the listener. */
export type OpenTransport = (listener: TransportListener) => Transport;

/** How long a worker that was asked to end may take, ms. */
export const graceMs = 5000;

/** What the worker sent is not what the protocol says. */
export function breach(worker: string, cause: unknown): ProtocolError {
  const what =
    cause instanceof z.ZodError
      ? z.prettifyError(cause)
      : cause instanceof Error
        ? cause.message
        : String(cause);
  return new ProtocolError(`the worker (${worker}) does not follow the protocol: ${what}`, { cause });
}
