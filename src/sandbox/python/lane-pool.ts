import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxError } from '../../core/errors.ts';
import { hostCommand, type ForkServerOptions, type HostKind } from './hosts.ts';
import { startLane, type Lane, type LaneInfo, type LaneReply, type LaneRequest } from './lane.ts';

/** Which fork servers a pool starts. */
export interface LaneSpec {
  readonly kind: HostKind;
  readonly python: string;
  readonly switchedOff?: ForkServerOptions['switchedOff'];
  /** Run the lanes as this user (and group) instead of one's own; takes root. */
  readonly user?: number | undefined;
}

/** A fixed number of lanes, started when first needed and replaced when they break. Callers wait for a free one in order. */
export interface LanePool extends AsyncDisposable {
  /** Runs on the next free lane. A `SandboxError` says that the lane broke, not that the program did; the next run gets a new one. */
  run(request: LaneRequest, signal?: AbortSignal): Promise<LaneReply>;
  /** What the first lane said of itself; starts it. */
  info(): Promise<LaneInfo>;
}

/** A pool of `lanes` fork servers. Nothing is started yet. */
export function createLanePool(spec: LaneSpec, lanes: number): LanePool {
  const idle: OwnedLane[] = Array.from({ length: lanes }, () => createOwnedLane(spec));
  const all = [...idle];
  const waiting: ((lane: OwnedLane) => void)[] = [];
  let closed = false;

  const acquire = async (): Promise<OwnedLane> => {
    if (closed) throw new SandboxError('the Python sandbox is closed');
    return idle.pop() ?? (await new Promise<OwnedLane>((resolve) => waiting.push(resolve)));
  };
  const release = (lane: OwnedLane): void => {
    const next = waiting.shift();
    if (next) next(lane);
    else idle.push(lane);
  };
  const withLane = async <T>(use: (lane: OwnedLane) => Promise<T>): Promise<T> => {
    const lane = await acquire();
    try {
      return await use(lane);
    } catch (error) {
      await lane.close();
      throw error;
    } finally {
      release(lane);
    }
  };
  return {
    run: (request, signal) => withLane((lane) => runAbortable(lane, request, signal)),
    info: () => withLane(async (lane) => (await lane.open()).info),
    [Symbol.asyncDispose]: async () => {
      closed = true;
      await Promise.all(all.map((lane) => lane.close()));
    },
  };
}

async function runAbortable(lane: OwnedLane, request: LaneRequest, signal?: AbortSignal): Promise<LaneReply> {
  signal?.throwIfAborted();
  const abort = (): void => void lane.close();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await (await lane.open()).run(request);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** A lane with the directory it owns. */
interface OwnedLane {
  open(): Promise<Lane>;
  close(): Promise<void>;
}

function createOwnedLane(spec: LaneSpec): OwnedLane {
  let current: { lane: Promise<Lane>; directory: string } | null = null;
  const start = (): { lane: Promise<Lane>; directory: string } => {
    const directory = mkdtempSync(join(tmpdir(), 'gradus-lane-'));
    const command = hostCommand(spec.kind, spec.python, { directory, switchedOff: spec.switchedOff ?? [] });
    if (command === null) throw new SandboxError(`${spec.kind} is not installed`);
    if (spec.user !== undefined) chownSync(directory, spec.user, spec.user);
    return { lane: startLane(command, spec.user), directory };
  };
  const close = async (): Promise<void> => {
    const closing = current;
    current = null;
    if (closing === null) return;
    await closing.lane.then((lane) => lane.close()).catch(() => undefined);
    rmSync(closing.directory, { recursive: true, force: true });
  };
  return {
    open: async () => {
      // One that died while it was idle (somebody killed it) must not cost the next program a try.
      if (current !== null && (await current.lane).hasEnded()) await close();
      return (current ??= start()).lane;
    },
    close,
  };
}
