import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { stringifyJson } from '../../core/lossless-json.ts';
import { VerifierError } from '../../core/errors.ts';
import { killGroup } from '../../sandbox/kill-group.ts';
import type { Arguments } from './arguments.ts';
import {
  failureSchema,
  graceMs,
  harnessFile,
  refusalSchema,
  type Said,
  saidSchema,
  type Setup,
} from './harness.ts';
import { lastLine, placeWhenTimeWasUp, shortPlace } from './last-words.ts';
import type { FunctionSpec, LoadedFunction } from './load.ts';

/** Start options and limits of a process. */
export interface ProcessSpec extends FunctionSpec {
  /** The function as loaded; later edits of its files have no effect. */
  readonly sources: LoadedFunction['sources'];
  /** Wall-clock limit per call. */
  readonly maxMs: number;
}

const maxLastWordsMs = 500;
const maxTail = 4000;

/** A process with the function loaded; starts on first use and restarts after it ended. One call at a time. */
export class FunctionProcess implements AsyncDisposable {
  readonly #spec: ProcessSpec;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #isClosed = false;
  #asked: { readonly maxMs: number; answer(line: string): void; fail(why: unknown): void } | undefined;

  constructor(spec: ProcessSpec) {
    this.#spec = spec;
  }

  /**
   * @throws VerifierError when the function raises, takes too long or ends its process; the signal's reason when it
   * aborts.
   */
  async call(given: Arguments, signal?: AbortSignal): Promise<Said> {
    if (this.#child === undefined) await this.#start(signal);
    const reply = await this.#ask(given, this.#spec.maxMs, signal);
    const said = saidSchema.safeParse(reply);
    if (said.success) return said.data;
    const { error, at } = failureSchema.parse(reply);
    throw new VerifierError([...at.map((place) => shortPlace(place, this.#spec.file)), error].join(': '));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined) {
      // Ref the idle process again: its end is now awaited.
      child.ref();
      killGroup(child);
    }
    this.#asked?.fail(new VerifierError('its process was stopped'));
    await this.#gone;
  }

  async #start(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new VerifierError('the verifier is closed');
    const { file, function: name, python, sources, maxMs, maxLoadMs } = this.#spec;
    const child = spawn(python, [harnessFile], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      // A new process group, so that children end with it, and Ctrl-C reaches only Gradus.
      detached: true,
    });
    this.#child = child;
    this.#gone = this.#listen(child);
    const limits = { maxLoadSeconds: maxLoadMs / 1000, maxSeconds: maxMs / 1000 };
    const setup: Setup = { file, function: name, ...limits, sources };
    const refusal = refusalSchema.safeParse(await this.#ask(setup, maxLoadMs, signal));
    if (!refusal.success) return;
    await this.#end();
    throw new VerifierError([...refusal.data.at, refusal.data.refused].join(': '));
  }

  /** Resolves when the process has ended. */
  #listen(child: ChildProcess): Promise<void> {
    const [stdin, , stderr, replies] = child.stdio as unknown as [Writable, null, Readable, Readable];
    let tail = '';
    stderr.setEncoding('utf8').on('data', (text: string) => (tail = (tail + text).slice(-maxTail)));
    createInterface({ input: replies }).on('line', (line) => {
      // Ignore late output of an abandoned process: it must not answer its successor's request.
      if (child === this.#child) this.#asked?.answer(line);
    });
    // The exit event reports a broken pipe; without this listener, the error would end Gradus.
    stdin.on('error', () => {});
    letGo(child);
    const end = (why: string): void => {
      if (child !== this.#child) return;
      this.#child = undefined;
      this.#asked?.fail(new VerifierError(why));
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
        // Stderr may arrive after the exit, and children may keep the pipes open forever.
        child.once('close', tell);
        setTimeout(tell, maxLastWordsMs).unref();
      });
    });
  }

  /** Writes one line and reads one; any other outcome ends the process. */
  async #ask(message: object, maxMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const abort = (): void => reject(signal!.reason);
    const giveUp = (): void => reject(new VerifierError(`no answer within ${maxMs} ms`));
    const timer = setTimeout(giveUp, maxMs + graceMs);
    this.#asked = { maxMs, answer: resolve, fail: reject };
    try {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', abort, { once: true });
      this.#child!.stdin!.write(`${stringifyJson(message)}\n`);
      return JSON.parse(await promise) as unknown;
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
    const place = placeWhenTimeWasUp(tail, this.#spec.file);
    if (place !== undefined) return `no answer within ${this.#asked?.maxMs} ms; it was at ${place}`;
    const last = lastLine(tail);
    return `its process ended (${end})${last === '' ? '' : `: ${last}`}`;
  }
}

/** An idle process does not keep Gradus alive; while its end is awaited, a timer does. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const pipe of child.stdio) (pipe as { unref?(): void } | null)?.unref?.();
}
