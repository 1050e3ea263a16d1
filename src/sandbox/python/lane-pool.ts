import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxError } from '../../core/errors.ts';
import { createPool } from '../../core/async/pool.ts';
import { hostCommand, type ForkServerOptions, type HostKind } from './hosts.ts';
import { startLane, type Lane, type LaneInfo, type LaneReply, type LaneRequest } from './lane.ts';

/** Specifies the fork servers that a pool starts. */
export interface LaneSpec {
  readonly kind: HostKind;
  readonly python: string;
  readonly switchedOff?: ForkServerOptions['switchedOff'];
  readonly packages?: ForkServerOptions['packages'];
  /** Id of the user (and group) as which lanes run, instead of the current user; needs root. */
  readonly user?: number | undefined;
}

/** A fixed number of interpreters that run programs; callers wait for a free one in FIFO order. */
export interface LanePool extends AsyncDisposable {
  /**
   * Runs a request on the next free lane. A `SandboxError` means that the lane broke, not the program; the lane is then
   * replaced.
   */
  run(request: LaneRequest, signal?: AbortSignal): Promise<LaneReply>;
  /** Returns what a lane reported when it started; starts a lane if necessary. */
  info(): Promise<LaneInfo>;
}

/** Creates a pool of `size` fork servers, each of which starts when it is first needed. */
export function createLanePool(spec: LaneSpec, size: number): LanePool {
  const pool = createPool({
    name: 'the Python sandbox',
    size,
    open: () => openLane(spec),
    isAlive: (lane) => !lane.hasEnded(),
  });
  return {
    run: (request, signal) => pool.use((lane) => runAbortable(lane, request, signal), signal),
    info: () => pool.use(async (lane) => lane.info),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

/** Runs a request; closes the lane if it breaks or the request is aborted. */
async function runAbortable(lane: Lane, request: LaneRequest, signal?: AbortSignal): Promise<LaneReply> {
  signal?.throwIfAborted();
  const abort = (): void => void lane[Symbol.asyncDispose]();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await lane.run(request);
  } catch (error) {
    await lane[Symbol.asyncDispose]();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Starts a fork server in a new directory, which is removed when the server is disposed of. */
async function openLane(spec: LaneSpec): Promise<Lane> {
  const directory = mkdtempSync(join(tmpdir(), 'gradus-lane-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    const { switchedOff = [], packages = [] } = spec;
    const command = hostCommand(spec.kind, spec.python, { directory, switchedOff, packages });
    if (command === null) throw new SandboxError(`${spec.kind} is not installed`);
    if (spec.user !== undefined) chownSync(directory, spec.user, spec.user);
    const lane = await startLane(command, spec.user);
    return {
      ...lane,
      [Symbol.asyncDispose]: async () => {
        await lane[Symbol.asyncDispose]();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
