import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, sep } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import * as z from 'zod';
import { VerifierError } from '../../core/errors.ts';
import { killGroup } from '../../sandbox/kill-group.ts';
import type { Arguments } from './arguments.ts';
import { type FunctionSpec, harnessFile, type LoadedFunction, refusalSchema } from './load.ts';

const saidSchema = z.object({
  score: z.number().nullable(),
  details: z.record(z.string(), z.unknown()),
});

/** What a function said of a completion: its score as it gave it, `null` for "not judged", and what else it told. */
export type Said = z.output<typeof saidSchema>;

const failureSchema = z.object({ error: z.string(), at: z.array(z.string()) });

/** How a process is started and what it may take. */
export interface ProcessSpec extends FunctionSpec {
  /** What the function was when the verifier was opened: that is what judges, whatever the files hold by now. */
  readonly sources: LoadedFunction['sources'];
  /** For one call, by the clock. */
  readonly maxMs: number;
}

/** The process ends itself in time and can say where it was; this much later it is ended from here. */
const graceMs = 1000;
const maxLastWordsMs = 500;
const maxTail = 4000;

/** A process with the function loaded, started when first needed and anew after it ended. One call at a time. */
export class FunctionProcess implements AsyncDisposable {
  readonly #spec: ProcessSpec;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #isClosed = false;
  #answer: { resolve(line: string): void; reject(why: unknown): void } | undefined;

  constructor(spec: ProcessSpec) {
    this.#spec = spec;
  }

  /** @throws VerifierError when the function raises, takes too long or ends its process; the signal's reason when it aborts. */
  async call(given: Arguments, signal?: AbortSignal): Promise<Said> {
    const { maxMs, maxLoadMs } = this.#spec;
    if (this.#child === undefined) await this.#start(maxLoadMs, signal);
    const reply = await this.#ask(given, maxMs + graceMs, signal);
    const said = saidSchema.safeParse(reply);
    if (said.success) return said.data;
    const { error, at } = failureSchema.parse(reply);
    throw new VerifierError([...at.map((place) => this.#short(place)), error].join(': '));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined) {
      // The end of an idle process is waited for after all.
      child.ref();
      killGroup(child);
    }
    this.#answer?.reject(new VerifierError('its process was ended'));
    await this.#gone;
  }

  async #start(maxLoadMs: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new VerifierError('the verifier is closed');
    const { file, function: name, python, sources, maxMs } = this.#spec;
    const child = spawn(python, [harnessFile], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
      // A group of its own, so that what the function starts ends with it, and Ctrl-C is for Gradus alone.
      detached: true,
    });
    this.#child = child;
    this.#gone = this.#listen(child);
    const setup = { file, function: name, maxSeconds: maxMs / 1000, sources };
    const refusal = refusalSchema.safeParse(await this.#ask(setup, maxLoadMs, signal));
    if (!refusal.success) return;
    await this.#end();
    throw new VerifierError([...refusal.data.at, refusal.data.refused].join(': '));
  }

  /** Resolves when the process is gone. */
  #listen(child: ChildProcess): Promise<void> {
    const [stdin, , stderr, replies] = child.stdio as unknown as [Writable, null, Readable, Readable];
    let tail = '';
    stderr.setEncoding('utf8').on('data', (text: string) => (tail = (tail + text).slice(-maxTail)));
    createInterface({ input: replies }).on('line', (line) => {
      // What one that was given up on says after all is no answer to what its successor is asked.
      if (child === this.#child) this.#answer?.resolve(line);
    });
    // A broken pipe shows as the end of the process; without a listener it would end this one.
    stdin.on('error', () => {});
    letGo(child);
    const end = (why: string): void => {
      if (child !== this.#child) return;
      this.#child = undefined;
      this.#answer?.reject(new VerifierError(why));
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
        if (this.#answer === undefined) return tell();
        // Its last words may come after its end, and what it started may hold its pipes open for ever.
        child.once('close', tell);
        setTimeout(tell, maxLastWordsMs).unref();
      });
    });
  }

  /** One line in, one line out; whatever else happens ends the process. */
  async #ask(message: object, maxMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const abort = (): void => reject(signal!.reason);
    const timer = setTimeout(() => reject(new VerifierError(`no answer within ${maxMs} ms`)), maxMs);
    this.#answer = { resolve, reject };
    try {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', abort, { once: true });
      this.#child!.stdin!.write(`${JSON.stringify(message)}\n`);
      return JSON.parse(await promise) as unknown;
    } catch (error) {
      await this.#end();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#answer = undefined;
    }
  }

  #reasonOf(end: string, tail: string): string {
    const place = placeInTail(tail, this.#spec.sources);
    if (end === 'exit code 1' && tail.includes('Timeout ('))
      return `no verdict within ${this.#spec.maxMs} ms${place === undefined ? '' : `; it was at ${this.#short(place)}`}`;
    const last = tail.trim().split('\n').at(-1);
    return `its process ended (${end})${last ? `: ${last}` : ''}`;
  }

  /** Places are told from the folder that the file lies in. */
  #short(place: string): string {
    const folder = dirname(this.#spec.file) + sep;
    return place.startsWith(folder) ? place.slice(folder.length) : place;
  }
}

/** Where the thread that was called stood when the process ended itself: innermost in the user's files, else anywhere. */
function placeInTail(tail: string, sources: ProcessSpec['sources']): string | undefined {
  const thread = tail.split(/^.*[Tt]hread 0x.*$/m).find((stack) => stack.includes(harnessFile));
  const frames = [...(thread ?? '').matchAll(/File "(.+)", line (\d+) in (.+)/g)];
  const frame = frames.find(([, file = '']) => file in sources) ?? frames[0];
  return frame === undefined ? undefined : `${frame[1]}:${frame[2]} in ${frame[3]}`;
}

/** An idle process keeps nobody from ending; while it is waited for, a timer does. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const pipe of child.stdio) (pipe as { unref?(): void } | null)?.unref?.();
}
