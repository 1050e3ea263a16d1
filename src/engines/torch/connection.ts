import type * as z from 'zod';
import { EngineError, ProtocolError, WorkerCrashed } from '../../core/errors.ts';
import { encodeFrame, type Frame } from '../../protocol/frame.ts';
import {
  type Reply,
  replySchema,
  type Request,
  requestSchema,
  resultSchemas,
} from '../../protocol/messages.ts';
import { packTensors, type Tensors, unpackTensors } from '../../protocol/tensors.ts';
import type { OpenTransport, Transport } from './transport.ts';

/** Name of a request. */
export type RequestType = Request['type'];
/** A reply to a `sample` request with tokens of its completions. */
export type Part = Extract<Reply, { type: 'part' }>;

/** A request without the fields that the connection adds. */
export type Fields<T extends RequestType> = T extends RequestType
  ? Omit<Extract<Request, { type: T }>, 'id' | 'seq' | 'type' | 'tensors'>
  : never;

/** The content of a request to a worker: fields and tensors. */
export interface Ask<T extends RequestType> {
  readonly fields: Fields<T>;
  readonly tensors?: Tensors;
}

/** The final reply to a request. */
export interface Answer<T extends RequestType> {
  readonly result: z.output<(typeof resultSchemas)[T]>;
  readonly tensors: Tensors;
}

/** Receives each part of a `sample` request; returns true when the part finishes a completion. */
export type OnPart = (part: Part, tensors: Tensors) => boolean;

/** Connection to one worker for the worker's entire lifetime. */
export interface WorkerConnection extends AsyncDisposable {
  /** Why the connection accepts no more requests; `null` while it is open. */
  readonly lost: EngineError | null;
  /**
   * Sends a request immediately, so requests take effect in the order of these calls. `id` is for `abort`.
   */
  request<T extends RequestType>(
    type: T,
    ask: Ask<T>,
    onPart?: OnPart,
  ): { readonly id: number; readonly answer: Promise<Answer<T>> };
}

interface Waiting {
  readonly type: RequestType;
  readonly resolve: (answer: { result: unknown; tensors: Tensors }) => void;
  readonly reject: (error: unknown) => void;
  readonly onPart: OnPart | undefined;
}

const unordered: ReadonlySet<RequestType> = new Set(['hello', 'abort', 'stats', 'ping', 'shutdown']);

/** Maximum interval between pings, in milliseconds: the server drops clients after a minute of silence. */
const longestPauseMs = 15_000;

/**
 * Opens a connection. When the worker ends, all open and later requests fail with one error that names the cause.
 * @param silenceMs maximum wait for the answer to a ping, in milliseconds.
 * @param tell receives the worker's messages to the user.
 */
export const connectWorker = (
  open: OpenTransport,
  silenceMs: number,
  tell: (line: string) => void = () => {},
): WorkerConnection => new Connection(open, silenceMs, tell);

/** See {@link connectWorker}. */
class Connection implements WorkerConnection {
  readonly #transport: Transport;
  readonly #waiting = new Map<number, Waiting>();
  readonly #heartbeat: NodeJS.Timeout;
  #lost: EngineError | null = null;
  #lastId = 0;
  #lastSeq = 0;

  constructor(open: OpenTransport, silenceMs: number, tell: (line: string) => void) {
    this.#heartbeat = setInterval(() => this.#beat(silenceMs), Math.min(silenceMs / 2, longestPauseMs));
    this.#heartbeat.unref();
    this.#transport = open({
      onFrame: (frame) => this.#receive(frame),
      onEnd: (error) => this.#fail(error),
      onWords: tell,
    });
  }

  get lost(): EngineError | null {
    return this.#lost;
  }

  request<T extends RequestType>(
    type: T,
    { fields, tensors = {} }: Ask<T>,
    onPart?: OnPart,
  ): { readonly id: number; readonly answer: Promise<Answer<T>> } {
    const id = ++this.#lastId;
    const answer = new Promise((resolve, reject) => {
      if (this.#lost !== null) throw this.#lost;
      const isOrdered = !unordered.has(type);
      const packed = packTensors(tensors);
      const place = isOrdered ? { seq: this.#lastSeq + 1 } : {};
      const header = requestSchema.parse({ ...fields, id, type, tensors: packed.tensors, ...place });
      const frame = encodeFrame({ header, payload: packed.payload });
      if (isOrdered) this.#lastSeq++;
      this.#waiting.set(id, { type, resolve, reject, onPart });
      this.#transport.send(frame, isOrdered);
    });
    return { id, answer: answer as Promise<Answer<T>> };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    if (this.#lost === null) this.request('shutdown', { fields: {} }).answer.catch(() => {});
    await this.#transport.close();
  }

  #receive({ header, payload }: Frame): void {
    if (this.#lost !== null) return;
    const reply = replySchema.parse(header);
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined)
      throw new ProtocolError(`a ${reply.type} for request ${reply.id}, which is not open`);
    const tensors = unpackTensors(reply.tensors, payload);
    if (reply.type === 'part') {
      waiting.onPart?.(reply, tensors);
      return;
    }
    if (reply.type === 'error') {
      const { code: kind } = reply;
      const code = kind === 'mismatch' ? 'ENGINE_MISMATCH' : `WORKER_${kind.toUpperCase().replace('-', '_')}`;
      this.#waiting.delete(reply.id);
      waiting.reject(new EngineError(`${waiting.type}: ${reply.message}`, { code }));
      return;
    }
    if (reply.request !== waiting.type)
      throw new ProtocolError(`expected the result of ${waiting.type}, got that of ${reply.request}`);
    const result = resultSchemas[waiting.type].parse(reply.result);
    if ('session' in result) this.#transport.useSession(result.session);
    this.#waiting.delete(reply.id);
    waiting.resolve({ result, tensors });
  }

  #beat(silenceMs: number): void {
    if (this.#lost !== null) return;
    const late = setTimeout(() => {
      this.#fail(
        new WorkerCrashed(`the worker (${this.#transport.name}) did not answer for ${silenceMs / 1000} s`),
      );
      this.#transport.kill();
    }, silenceMs);
    late.unref();
    this.request('ping', { fields: {} })
      .answer.catch(() => {})
      .finally(() => clearTimeout(late));
  }

  #fail(error: EngineError): void {
    this.#lost ??= error;
    clearInterval(this.#heartbeat);
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
  }
}
