import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, GradusError, messageOf, ProtocolError, WorkerCrashed } from '../../core/errors.ts';
import type { Answer, Ask, OnPart, RequestType, WorkerConnection } from './connection.ts';
import { createReplayLog } from './replay-log.ts';
import type { Place } from './sampling.ts';

/** Settings for starting and restoring a worker. */
export interface Supervision {
  /** Starts a worker and creates the model in it; cleans up after an error. */
  readonly start: () => Promise<StartedWorker>;
  /** Maximum memory for the updates since the last kept state, in bytes. */
  readonly maxReplayBytes: number;
  /**
   * Folder for an intermediate state if the updates exceed the limit; `null`: a worker then cannot be restored until
   * the next kept state.
   */
  readonly scratch: string | null;
  /** Receives messages about crashes and other problems that do not fail a request. */
  readonly notify: (message: string) => void;
}

/** A worker in which the model has been created. */
export interface StartedWorker {
  readonly connection: WorkerConnection;
  readonly created: Answer<'createModel'>['result'];
}

/** A request in flight, which may be sent to several workers in turn. */
export interface Pending<T extends RequestType> {
  readonly answer: Promise<Answer<T>>;
  /** Stops these completions of a `sample` request, or all of them (`null`). */
  abort(places: readonly Place[] | null): void;
}

interface Open {
  readonly type: RequestType;
  readonly ask: Ask<RequestType>;
  readonly again: (() => Ask<RequestType> | null) | undefined;
  readonly onPart: OnPart | undefined;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
  /** Whether this is an internal state save, which keeps the log short. */
  readonly isScratch: boolean;
  /** Id of the request on the current worker. */
  id: number | null;
  isAborted: boolean;
}

/** Number of supervised workers in this process so far. */
let supervisors = 0;

/**
 * A worker that survives crashes of its process. Stores the updates since the last kept state as requests. A new worker
 * loads that state, replays them, and then repeats all open requests. On a CPU the results are identical; on a GPU they
 * are nearly identical, because kernels may sum in a different order each time.
 *
 * If two workers crash without finishing anything in between, throws one error that names the request.
 */
export class SupervisedWorker implements AsyncDisposable {
  readonly #supervision: Supervision;
  readonly #log = createReplayLog();
  readonly #modelHash: string;
  #connection: WorkerConnection | null;
  /** Open requests in call order. */
  #open: Open[] = [];
  #failed: EngineError | null = null;
  #isClosed = false;
  #bringingBack: Promise<void> = Promise.resolve();
  /** Number of workers lost since the last finished request. */
  #losses = 0;
  #restarts = 0;
  /** Unique folder name, because several engines may share a scratch folder. */
  readonly #scratchName = `state-${process.pid}-${++supervisors}`;
  #scratchStates = 0;
  #removal: Promise<void> = Promise.resolve();
  #policyVersion: number;

  constructor(supervision: Supervision, { connection, created }: StartedWorker) {
    this.#supervision = supervision;
    this.#connection = connection;
    this.#modelHash = created.modelHash;
    this.#policyVersion = created.policyVersion;
  }

  /** Number of restarts. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Policy version after the last answered request. */
  get policyVersion(): number {
    return this.#policyVersion;
  }

  /**
   * Sends a request; requests take effect in call order.
   * @param again returns the request to send to a new worker instead; `null` if nothing is left to do.
   */
  request<T extends RequestType>(
    type: T,
    ask: Ask<T>,
    { onPart, again, isScratch = false }: RequestOptions<T> = {},
  ): Pending<T> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer<T>>();
    const open: Open = { type, ask, again, onPart, resolve, reject, isScratch, id: null, isAborted: false };
    if (this.#failed === null) {
      this.#open.push(open);
      if (this.#connection?.lost != null) this.#recover(this.#connection, this.#losses);
      if (this.#connection !== null) this.#send(this.#connection, open, ask);
    } else reject(this.#failed);
    return { answer: promise, abort: (places) => this.#abort(open, places) };
  }

  /** Makes new workers start from `dir`, which now contains the state that `saveState` wrote last. */
  restartFrom(dir: string): void {
    this.#log.restartFrom(dir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#connection?.[Symbol.asyncDispose]();
    await this.#bringingBack;
    if (this.#scratchStates > 0) this.#removeScratch(this.#scratchStates);
    await this.#removal;
  }

  #send(connection: WorkerConnection, open: Open, ask: Ask<RequestType>): void {
    const onPart: OnPart = (part, tensors) => {
      const isProgress = open.onPart?.(part, tensors) === true;
      if (isProgress) this.#losses = 0;
      return isProgress;
    };
    const { id, answer } = connection.request(open.type, ask, onPart);
    open.id = id;
    answer.then(
      (found) => this.#finish(open, found),
      (error: unknown) => {
        if (connection.lost === null || this.#isClosed) this.#refuse(open, error);
        else this.#recover(connection, this.#losses + 1);
      },
    );
  }

  #abort(open: Open, places: readonly Place[] | null): void {
    open.isAborted ||= places === null;
    if (open.id === null || this.#connection === null || !this.#open.includes(open)) return;
    const fields = { target: open.id, sequences: places === null ? null : [...places] };
    // The worker also ignores completions that have ended in the meantime.
    this.#connection.request('abort', { fields }).answer.catch(() => {});
  }

  #finish(open: Open, answer: Answer<RequestType>): void {
    this.#losses = 0;
    this.#close(open);
    this.#remember(open, answer);
    open.resolve(answer as never);
  }

  #refuse(open: Open, error: unknown): void {
    this.#close(open);
    const code = GradusError.isInstance(error) ? error.code : '';
    // With these errors, the worker has dropped the accumulated gradient.
    if (code === 'WORKER_INTERNAL' || code === 'WORKER_OOM') this.#log.dropGradient();
    open.reject(error);
  }

  #close(open: Open): void {
    this.#open = this.#open.filter((one) => one !== open);
  }

  #remember({ type, ask, isScratch }: Open, { result }: Answer<RequestType>): void {
    if ('policyVersion' in result) this.#policyVersion = result.policyVersion;
    if (type === 'forwardBackward') this.#log.add({ type, ask: ask as Ask<'forwardBackward'> });
    else if (type === 'loadState') this.#log.startFrom((ask as Ask<'loadState'>).fields);
    else if (isScratch) this.#log.startFrom({ dir: (ask as Ask<'saveState'>).fields.dir });
    else if (type === 'saveState' && !('weightsOnly' in ask.fields)) this.#log.saved();
    else if (type === 'optimStep') {
      const { applied, policyVersion } = result as Answer<'optimStep'>['result'];
      if (applied) this.#log.add({ type, ask: ask as Ask<'optimStep'>, policyVersion });
      else this.#log.dropGradient();
      this.#limitLog();
    }
  }

  /** Replaces a log that is too long with a state on disk; without a folder, or if saving fails, drops the log. */
  #limitLog(): void {
    const { maxReplayBytes, scratch, notify } = this.#supervision;
    if (this.#log.bytes <= maxReplayBytes || this.#open.some((open) => open.isScratch)) return;
    if (scratch === null) return this.#log.forget();
    const count = ++this.#scratchStates;
    const fields = { dir: this.#scratchState(scratch, count) };
    this.request('saveState', { fields }, { isScratch: true }).answer.then(
      () => this.#removeScratch(count - 1),
      (error: unknown) => {
        if (this.#failed !== null || this.#isClosed) return;
        this.#log.forget();
        notify(`cannot write a state to ${scratch}, so a worker crash now ends the run: ${String(error)}`);
      },
    );
  }

  /** Removes the folder of an intermediate state. Only reports a failure, because leftovers just take space. */
  #removeScratch(count: number): void {
    const { scratch, notify } = this.#supervision;
    if (scratch === null) return;
    const state = this.#scratchState(scratch, count);
    const removal = rm(state, { recursive: true, force: true }).catch((error: unknown) =>
      notify(`${state} is no longer needed but could not be removed: ${String(error)}`),
    );
    this.#removal = Promise.all([this.#removal, removal]).then(() => undefined);
  }

  #scratchState(scratch: string, count: number): string {
    return join(scratch, `${this.#scratchName}-${count}`);
  }

  #recover(lost: WorkerConnection, losses: number): void {
    if (lost !== this.#connection) return;
    this.#connection = null;
    this.#losses = losses;
    this.#bringingBack = this.#bringBack(lost, lost.lost!);
  }

  /** Restarts a lost worker. Never rejects: the pending requests receive the error. */
  async #bringBack(lost: WorkerConnection, cause: EngineError): Promise<void> {
    await lost[Symbol.asyncDispose]();
    const hopeless = this.#whyHopeless(cause);
    if (hopeless !== null) return this.#giveUp(hopeless, cause);
    try {
      this.#carryOn(await this.#startAgain(), cause);
    } catch (error) {
      const why = messageOf(error);
      this.#giveUp(`${cause.message}\nThe restart failed: ${why}`, error);
    }
  }

  #whyHopeless({ message }: EngineError): string | null {
    const [head] = this.#open;
    if (this.#isClosed) return message;
    if (this.#losses > 1 && head !== undefined)
      return `two workers in a row ended at the same request, ${describe(head)}: ${message}`;
    if (this.#log.isComplete) return null;
    return `${message}\nNo restart: the updates since the last checkpoint exceed "maxReplay", and "scratch" is not set`;
  }

  async #startAgain(): Promise<WorkerConnection> {
    const { connection, created } = await this.#supervision.start();
    try {
      expectSame('model', this.#modelHash, created.modelHash);
      const { base, updates } = this.#log;
      if (base !== null) await connection.request('loadState', { fields: base }).answer;
      for (const update of updates) {
        const { result } = await connection.request(update.type, update.ask).answer;
        if (update.type === 'optimStep' && 'policyVersion' in result)
          expectSame('policy version', update.policyVersion, result.policyVersion);
      }
      return connection;
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw connection.lost ?? error;
    }
  }

  #carryOn(connection: WorkerConnection, cause: EngineError): void {
    this.#connection = connection;
    this.#restarts++;
    const { base, updates } = this.#log;
    this.#supervision.notify(
      `${cause.message}\nA new worker continues from ${base?.dir ?? 'the model as loaded'} and ${updates.length} requests since.`,
    );
    for (const open of this.#open) {
      const ask = open.isAborted ? null : (open.again?.() ?? (open.again === undefined ? open.ask : null));
      if (ask !== null) this.#send(connection, open, ask);
      else this.#finish(open, { result: { finished: 0, aborted: 0 }, tensors: {} });
    }
  }

  #giveUp(message: string, cause: unknown): void {
    const Failure = cause instanceof ProtocolError ? ProtocolError : WorkerCrashed;
    this.#failed = new Failure(message, { cause });
    for (const { reject } of this.#open) reject(this.#failed);
    this.#open = [];
  }
}

interface RequestOptions<T extends RequestType> {
  readonly onPart?: OnPart;
  readonly again?: () => Ask<T> | null;
  readonly isScratch?: boolean;
}

function expectSame(what: string, expected: unknown, got: unknown): void {
  if (expected === got) return;
  throw new EngineError(`expected the new worker to have ${what} ${String(expected)}, got ${String(got)}`);
}

/** Describes a request for users. */
function describe({ type, ask: { fields } }: Open): string {
  const count = (n: number): string => n.toLocaleString('en');
  const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0);
  if ('lengths' in fields)
    return `${type} of ${count(fields.lengths.length)} sequences with ${count(sum(fields.lengths))} tokens`;
  if ('prompts' in fields)
    return `${type} of ${count(sum(fields.prompts.map((prompt) => prompt.count)))} completions of up to ${count(fields.maxTokens)} tokens`;
  return 'dir' in fields ? `${type} in ${fields.dir}` : type;
}
