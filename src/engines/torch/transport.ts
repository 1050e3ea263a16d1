import * as z from 'zod';
import { type EngineError, ProtocolError } from '../../core/errors.ts';
import type { Frame } from '../../protocol/frame.ts';

/** Connection to one worker: a process or a remote server. */
export interface Transport {
  /** Name of the worker, for error messages. */
  readonly name: string;
  /** Sends the frame of a request. Requests with `isOrdered` reach the worker in sending order. */
  send(frame: Uint8Array, isOrdered: boolean): void;
  /** Sets the session that the worker's reply to `hello` named; later requests belong to it. */
  useSession(session: string): void;
  /** Ends the worker immediately, whatever it is doing. */
  kill(): void;
  /** Ends the request stream; resolves when the worker, or the connection to it, is closed. */
  close(): Promise<void>;
}

/** Receives the replies and messages from a worker, and the reason why it ended. */
export interface TransportListener {
  /** Receives a frame of a reply. If this throws, the transport ends with a `ProtocolError`. */
  onFrame(frame: Frame): void;
  /** Receives the reason why the worker ended; no calls follow. */
  onEnd(error: EngineError): void;
  /** Receives the worker's messages to the user, one line at a time, without the worker's name. */
  onWords(line: string): void;
}

/** Opens a transport. The listener also receives a failure to open it. */
export type OpenTransport = (listener: TransportListener) => Transport;

/** Maximum time to wait for a worker to exit on request, in milliseconds. */
export const graceMs = 5000;

/** Creates the error for frames that violate the protocol. */
export function breach(worker: string, cause: unknown): ProtocolError {
  const what =
    cause instanceof z.ZodError
      ? z.prettifyError(cause)
      : cause instanceof Error
        ? cause.message
        : String(cause);
  return new ProtocolError(`the worker (${worker}) does not follow the protocol: ${what}`, { cause });
}
