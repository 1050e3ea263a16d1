import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import * as z from 'zod';
import { createPool, type Pool } from '../core/async/pool.ts';
import { ConfigError } from '../core/errors.ts';
import { hashKey } from '../core/rng.ts';
import { durationMs, durationSchema } from '../core/text/duration.ts';
import { BridgeFailure, type BridgeProcess, installHint, takeProcess } from './bridge-process.ts';
import {
  type BridgedPackage,
  bridgeProtocol,
  failedSchema,
  type Played,
  playedSchema,
  type Ready,
  scoredSchema,
  tasksSchema,
} from './messages.ts';

/** Settings of the Python processes that run a package. */
export const bridgeShape = {
  /**
   * Interpreter that has the package: a name on PATH, or a path relative to the recipe's folder. Default:
   * `GRADUS_PYTHON`, else `python3`.
   */
  python: z.string().min(1).optional(),
  /** Wall-clock limit per call to the package; a call that exceeds it makes the attempt `ungradable`. */
  maxTime: durationSchema.default('60s'),
  /** Wall-clock limit for importing the package. */
  maxLoadTime: durationSchema.default('10m'),
  /** Number of processes that run in parallel; each handles one call at a time. */
  processes: z.int().min(1).max(64).default(1),
};
const bridgeSettings = z.strictObject(bridgeShape);

/** Specifies the package that a bridge runs, its settings, and the error for a failed call. */
export interface BridgeSpec extends z.output<typeof bridgeSettings> {
  readonly package: BridgedPackage;
  /** Settings of the package's adapter. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The recipe's folder: base of a relative `python`, and working directory. */
  readonly baseDir: string;
  /** Builds the error of a failed call. */
  readonly errorOf: (why: string) => Error;
}

/**
 * Python processes that run a package of environments. They start on first use, restart after they have ended, and
 * handle one call at a time. Sources, environments and verifiers with equal settings can share a process, one after the
 * other. The package's code runs with all permissions of the user.
 *
 * @example
 * await using bridge = new Bridge({ ...settings, package: 'reasoning-gym', baseDir: '.', errorOf: (why) => new Error(why) });
 * const { tasks } = await bridge.tasks({ task: 'chain_sum', from: 0, count: 10 });
 */
export class Bridge implements AsyncDisposable {
  readonly #spec: BridgeSpec;
  readonly #lanes: readonly Pool<BridgeProcess>[];

  constructor(spec: BridgeSpec) {
    this.#spec = spec;
    this.#lanes = Array.from({ length: spec.processes }, () =>
      createPool({ name: spec.package, size: 1, open: () => this.#take() }),
    );
  }

  /**
   * Starts a process and returns its description of what it loaded.
   *
   * @throws ConfigError if the package cannot be used.
   */
  async open(): Promise<Ready> {
    try {
      return await this.#lanes[0]!.use(async (process) => {
        await process.call({ method: 'ping' });
        return process.ready!;
      });
    } catch (error) {
      if (!(error instanceof BridgeFailure)) throw error;
      throw new ConfigError(`${this.#spec.package}: ${error.message}`, { cause: error });
    }
  }

  /** Requests tasks from the package. */
  tasks(request: object, signal?: AbortSignal): Promise<z.output<typeof tasksSchema>> {
    return this.#call('tasks', request, tasksSchema, '', signal);
  }

  /** Returns the score of an answer to a task, between 0 and 1; null if scoring exceeds its CPU time limit. */
  async score(request: object, lane: string, signal?: AbortSignal): Promise<number | null> {
    return (await this.#call('score', request, scoredSchema, lane, signal)).score;
  }

  /**
   * Returns an environment's reply to the last turn of an attempt.
   *
   * @param lane calls with equal lanes use the same process, which keeps the state of the attempt between turns.
   */
  play(request: object, lane: string, signal?: AbortSignal): Promise<Played> {
    return this.#call('play', request, playedSchema, lane, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane[Symbol.asyncDispose]()));
  }

  async #call<Schema extends z.ZodType>(
    method: string,
    request: object,
    schema: Schema,
    lane: string,
    signal: AbortSignal | undefined,
  ): Promise<z.output<Schema>> {
    const { errorOf, package: name } = this.#spec;
    const pool = this.#lanes[hashKey('bridge', lane) % this.#lanes.length]!;
    const reply = await pool
      .use((process) => process.call({ method, ...request }, signal), signal)
      .catch((error: unknown) => {
        throw error instanceof BridgeFailure ? errorOf(error.message) : error;
      });
    const failed = failedSchema.safeParse(reply);
    if (failed.success) throw errorOf(failed.data.error);
    const parsed = schema.safeParse(reply);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw errorOf(
      `${name}: expected a reply to "${method}" of protocol ${bridgeProtocol}, got an invalid ${issue!.path.join('.') || 'value'}: ${issue!.message}`,
    );
  }

  #take(): BridgeProcess {
    const { package: name, options = {}, python, baseDir, maxLoadTime, maxTime } = this.#spec;
    return takeProcess({
      package: name,
      options,
      python: interpreterOf(python, baseDir),
      folder: resolve(baseDir),
      maxLoadMs: durationMs(maxLoadTime),
      maxMs: durationMs(maxTime),
    });
  }
}

/** Resolves `python`: a path relative to `baseDir`, or a name on PATH; default: `GRADUS_PYTHON`, else `python3`. */
function interpreterOf(python: string | undefined, baseDir: string): string {
  const chosen = python ?? process.env['GRADUS_PYTHON'] ?? 'python3';
  return /[\\/]/.test(chosen) ? resolve(baseDir, chosen) : chosen;
}

const versionProbe = 'import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))';

/** Reads the version of an installed package without importing it. @throws ConfigError if it is not installed. */
export function packageVersion(name: BridgedPackage, python: string | undefined, baseDir: string): string {
  const interpreter = interpreterOf(python, baseDir);
  const { status, stdout, stderr, error } = spawnSync(interpreter, ['-c', versionProbe, name], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status === 0) return stdout.trim();
  const why = error?.message ?? stderr.trim().split('\n').at(-1) ?? `exit code ${status}`;
  throw new ConfigError(`${name}: expected the package in the environment of ${interpreter}, got: ${why}`, {
    tryNext: installHint(name, interpreter),
  });
}
