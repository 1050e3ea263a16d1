import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { stringifyJson } from '../core/lossless-json.ts';
import { killGroup } from '../sandbox/kill-group.ts';
import { lastLine, placeWhenTimeWasUp } from './last-words.ts';

/** Milliseconds that a process has after its own time limit to report its stack and exit, before Gradus kills it. */
export const graceMs = 2000;

/** Specifies the program, limits and errors of a {@link LineProcess}. */
export interface LineProcessSpec {
  /** Interpreter: a name on PATH, or an absolute path. */
  readonly python: string;
  /** The Python program; it reads requests from standard input and writes replies to descriptor 3. */
  readonly program: string;
  /** A file in the user's folder: error messages show source locations relative to that folder. */
  readonly userFile: string;
  /** Working directory; default: that of this process. */
  readonly cwd?: string | undefined;
  /** First request. */
  readonly setup: object;
  /** Time limit for the reply to `setup`. */
  readonly maxLoadMs: number;
  /** Time limit for every other reply. */
  readonly maxMs: number;
  /** Longest reply, in characters; a longer one ends the process. */
  readonly maxReplyCharacters: number;
  /** Owner of the process, named in the error that calls throw after it is closed, e.g. `the verifier`. */
  readonly name: string;
  /** Builds the error of a failed call. */
  readonly errorOf: (why: string) => Error;
  /** Throws if the reply to `setup` is a refusal; the process then ends. */
  readonly checkSetup: (reply: unknown) => void;
}

const maxLastWordsMs = 500;
const maxTail = 4000;

/**
 * A Python process that reads and writes one JSON value per line. Starts on first use and restarts after it has ended.
 * Every failed call ends it. Allows one call at a time.
 */
export class LineProcess implements AsyncDisposable {
  readonly #spec: LineProcessSpec;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #isClosed = false;
  #asked: { readonly maxMs: number; answer(line: string): void; fail(why: unknown): void } | undefined;

  constructor(spec: LineProcessSpec) {
    this.#spec = spec;
  }

  /**
   * Writes a request and returns the reply.
   *
   * @throws the error of `errorOf` if the process exceeds a time limit, ends, or replies with something other than
   * JSON; the signal's reason if it aborts.
   */
  async call(request: object, signal?: AbortSignal): Promise<unknown> {
    if (this.#child === undefined) await this.#start(signal);
    return this.#ask(request, this.#spec.maxMs, signal);
  }

  /** Returns whether the process is running with no call in progress. */
  get isIdle(): boolean {
    return this.#child !== undefined && this.#asked === undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined) {
      // Ref the idle process again, because its exit is now awaited.
      child.ref();
      killGroup(child);
    }
    this.#asked?.fail(this.#spec.errorOf('its process was stopped'));
    await this.#gone;
  }

  async #start(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { python, program, cwd, setup, maxLoadMs, checkSetup, name, errorOf } = this.#spec;
    if (this.#isClosed) throw errorOf(`${name} is closed`);
    const child = spawn(python, [program], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      // A new process group, so that its children can be killed with it, and Ctrl-C reaches only Gradus.
      detached: true,
      ...(cwd !== undefined && { cwd }),
    });
    this.#child = child;
    this.#gone = this.#listen(child);
    const reply = await this.#ask(setup, maxLoadMs, signal);
    try {
      checkSetup(reply);
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  /** Listens to the process; resolves when it has ended. */
  #listen(child: ChildProcess): Promise<void> {
    const [stdin, , stderr, replies] = child.stdio as unknown as [Writable, null, Readable, Readable];
    let tail = '';
    stderr.setEncoding('utf8').on('data', (text: string) => (tail = (tail + text).slice(-maxTail)));
    const { maxReplyCharacters, errorOf } = this.#spec;
    // Ignore late output of an abandoned process: it must not answer its successor's request.
    const asked = () => (child === this.#child ? this.#asked : undefined);
    splitLines(replies, maxReplyCharacters, {
      line: (line) => asked()?.answer(line),
      overflow: () => {
        killGroup(child);
        asked()?.fail(errorOf(`its reply is longer than ${maxReplyCharacters} characters`));
      },
    });
    // The exit event reports a broken pipe; without this listener, the error would end Gradus.
    stdin.on('error', () => {});
    letGo(child);
    const end = (why: string): void => {
      if (child !== this.#child) return;
      this.#child = undefined;
      this.#asked?.fail(errorOf(why));
    };
    return new Promise((resolve) => {
      child.once('error', (error) => {
        end(`its process could not be started: ${error.message}`);
        resolve();
      });
      child.once('exit', (code, signal) => {
        const tell = (): void => end(this.#reasonOf(signal ?? `exit code ${code}`, tail));
        killGroup(child);
        resolve();
        if (this.#asked === undefined) return tell();
        // Stderr may arrive after the exit event, but children may keep the pipes open forever.
        child.once('close', tell);
        setTimeout(tell, maxLastWordsMs).unref();
      });
    });
  }

  /** Writes a request and waits for its reply; any failure ends the process. */
  async #ask(message: object, maxMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const { errorOf } = this.#spec;
    const abort = (): void => reject(signal!.reason);
    const giveUp = (): void => reject(errorOf(`no answer within ${maxMs} ms`));
    const timer = setTimeout(giveUp, maxMs + graceMs);
    this.#asked = { maxMs, answer: resolve, fail: reject };
    try {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', abort, { once: true });
      this.#child!.stdin!.write(`${stringifyJson(message)}\n`);
      return parseReply(await promise, errorOf);
    } catch (error) {
      await this.#end();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#asked = undefined;
    }
  }

  #reasonOf(end: string, tail: string): string {
    const place = placeWhenTimeWasUp(tail, this.#spec.program, this.#spec.userFile);
    if (place !== undefined) return `no answer within ${this.#asked?.maxMs} ms; it was at ${place}`;
    const last = lastLine(tail);
    return `its process ended (${end})${last === '' ? '' : `: ${last}`}`;
  }
}

function parseReply(line: string, errorOf: LineProcessSpec['errorOf']): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw errorOf(`expected a reply in JSON, got ${JSON.stringify(line.slice(0, 200))}`);
  }
}

/** Calls `line` for each complete line of a stream, and `overflow` once if a line exceeds `maxCharacters`. */
function splitLines(
  stream: Readable,
  maxCharacters: number,
  { line, overflow }: { line(text: string): void; overflow(): void },
): void {
  let pieces: string[] = [];
  let length = 0;
  stream.setEncoding('utf8').on('data', (text: string) => {
    if (length > maxCharacters) return;
    const parts = text.split('\n');
    for (const [i, part] of parts.entries()) {
      pieces.push(part);
      length += part.length;
      if (length > maxCharacters) return overflow();
      if (i === parts.length - 1) return;
      line(pieces.join(''));
      [pieces, length] = [[], 0];
    }
  });
}

/** Unrefs a process, so that it does not keep Gradus alive. During a call, the call's timer does. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const pipe of child.stdio) (pipe as { unref?(): void } | null)?.unref?.();
}
