import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import * as z from 'zod';
import { EngineError, ProtocolError, WorkerCrashed } from '../../core/errors.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../protocol/frame.ts';
import {
  type Reply,
  replySchema,
  type Request,
  requestSchema,
  resultSchemas,
} from '../../protocol/messages.ts';
import { packTensors, type Tensors, unpackTensors } from '../../protocol/tensors.ts';

type Type = Request['type'];
type Part = Extract<Reply, { type: 'part' }>;

/** A request without what the connection adds. */
export type Fields<T extends Type> = Omit<Extract<Request, { type: T }>, 'id' | 'seq' | 'type' | 'tensors'>;

/** The last reply to a request. */
export interface Answer<T extends Type> {
  readonly result: z.output<(typeof resultSchemas)[T]>;
  readonly tensors: Tensors;
}

/** A worker process and the conversation with it. */
export interface WorkerConnection extends AsyncDisposable {
  /** Sends a request at once, so that requests take effect in the order of these calls. `id` is for `abort`. */
  request<T extends Type>(
    type: T,
    fields: Fields<T>,
    tensors?: Tensors,
    onPart?: (part: Part, tensors: Tensors) => void,
  ): { readonly id: number; readonly answer: Promise<Answer<T>> };
}

/** How a worker is started and how long it may stay silent. */
export interface WorkerCommand {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Longest wait for the answer to a ping, ms. */
  readonly silenceMs: number;
}

interface Waiting {
  readonly type: Type;
  readonly resolve: (answer: { result: unknown; tensors: Tensors }) => void;
  readonly reject: (error: unknown) => void;
  readonly onPart: ((part: Part, tensors: Tensors) => void) | undefined;
}

const unordered: ReadonlySet<Type> = new Set(['hello', 'abort', 'stats', 'ping', 'shutdown']);
const keptStderr = 4000;
/** How long a worker that was asked to end may take, ms. */
const graceMs = 5000;

/** Starts a worker process. Whatever ends it ends every open and later request with one error that says the cause. */
export function startWorker({ command, env, silenceMs }: WorkerCommand): WorkerConnection {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'], env });
  return new ProcessConnection(child, command.join(' '), silenceMs);
}

/** See {@link startWorker}. */
class ProcessConnection implements WorkerConnection {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #requests: Writable;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  readonly #heartbeat: NodeJS.Timeout;
  #lost: EngineError | null = null;
  #lastId = 0;
  #lastSeq = 0;
  #stderr = '';

  constructor(child: ChildProcess, name: string, silenceMs: number) {
    this.#child = child;
    this.#name = name;
    this.#requests = child.stdio[3] as Writable;
    // A worker that is gone shows in its exit, which says more.
    this.#requests.on('error', () => {});
    this.#readReplies(child.stdio[4] as Readable);
    child.stderr?.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-keptStderr);
    });
    this.#exited = new Promise((resolve) => {
      child.on('error', (cause) => {
        this.#fail(this.#crash(`could not be started: ${cause.message}`));
        resolve();
      });
      // Not 'exit': its last words may still be on the way then.
      child.on('close', (code, signal) => {
        this.#fail(this.#crash(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`));
        resolve();
      });
    });
    this.#heartbeat = setInterval(() => this.#beat(silenceMs), silenceMs / 2);
    this.#heartbeat.unref();
  }

  request<T extends Type>(
    type: T,
    fields: Fields<T>,
    tensors: Tensors = {},
    onPart?: Waiting['onPart'],
  ): { readonly id: number; readonly answer: Promise<Answer<T>> } {
    const id = ++this.#lastId;
    const answer = new Promise((resolve, reject) => {
      if (this.#lost !== null) throw this.#lost;
      const packed = packTensors(tensors);
      const place = unordered.has(type) ? {} : { seq: this.#lastSeq + 1 };
      const header = requestSchema.parse({ ...fields, id, type, tensors: packed.tensors, ...place });
      const bytes = encodeFrame({ header, payload: packed.payload });
      if (!unordered.has(type)) this.#lastSeq++;
      this.#waiting.set(id, { type, resolve, reject, onPart });
      this.#requests.write(bytes);
    });
    return { id, answer: answer as Promise<Answer<T>> };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    if (this.#lost === null) this.request('shutdown', {}).answer.catch(() => {});
    this.#requests.end();
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    await this.#exited;
    clearTimeout(kill);
  }

  #readReplies(stream: Readable): void {
    const reader = createFrameReader();
    stream.on('error', () => {});
    stream.on('data', (bytes: Buffer) => {
      if (this.#lost !== null) return;
      try {
        for (const frame of reader.push(bytes)) this.#receive(frame);
      } catch (cause) {
        this.#fail(this.#violation(cause));
        this.#child.kill('SIGKILL');
      }
    });
  }

  #receive({ header, payload }: Frame): void {
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
      const code = `WORKER_${reply.code.toUpperCase().replace('-', '_')}`;
      this.#waiting.delete(reply.id);
      waiting.reject(new EngineError(`${waiting.type}: ${reply.message}`, { code }));
      return;
    }
    if (reply.request !== waiting.type)
      throw new ProtocolError(`expected the result of ${waiting.type}, got one of ${reply.request}`);
    const result: unknown = resultSchemas[waiting.type].parse(reply.result);
    this.#waiting.delete(reply.id);
    waiting.resolve({ result, tensors });
  }

  #beat(silenceMs: number): void {
    if (this.#lost !== null) return;
    const late = setTimeout(() => {
      this.#fail(this.#crash(`gave no sign of life for ${silenceMs / 1000} s`));
      this.#child.kill('SIGKILL');
    }, silenceMs);
    late.unref();
    this.request('ping', {})
      .answer.catch(() => {})
      .finally(() => clearTimeout(late));
  }

  #fail(error: EngineError): void {
    this.#lost ??= error;
    clearInterval(this.#heartbeat);
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
  }

  #crash(how: string): WorkerCrashed {
    const said = this.#stderr.trim().split('\n').slice(-8).join('\n');
    const last = said === '' ? 'it wrote nothing to stderr' : `its last words:\n${said}`;
    return new WorkerCrashed(`the worker (${this.#name}) ${how}; ${last}`);
  }

  #violation(cause: unknown): ProtocolError {
    const what =
      cause instanceof z.ZodError
        ? z.prettifyError(cause)
        : cause instanceof Error
          ? cause.message
          : String(cause);
    return new ProtocolError(`the worker (${this.#name}) does not follow the protocol: ${what}`, { cause });
  }
}
