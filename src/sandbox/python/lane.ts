import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import * as z from 'zod';
import { stringifyJson } from '../../core/lossless-json.ts';
import { SandboxError } from '../../core/errors.ts';
import { killGroup } from '../kill-group.ts';

/** The fork server's report of how a guarded process ended. */
const endSchema = z.object({
  ended: z.enum(['exit', 'signal', 'killed']),
  code: z.number(),
  cpuMs: z.number(),
  wallMs: z.number(),
  sealed: z.boolean(),
  problem: z.string(),
  waitedMs: z.number().optional(),
  states: z.string().optional(),
});

const replySchema = z.object({ program: endSchema, judge: endSchema.optional(), files: z.array(z.number()) });

const helloSchema = z.union([
  z.object({
    ready: z.object({ writableDirectory: z.boolean(), userNamespace: z.boolean() }),
    landlock: z.number(),
    python: z.string(),
    packages: z.record(z.string(), z.string()),
    files: z.array(z.number()),
  }),
  z.object({ broken: z.string(), files: z.array(z.number()) }),
]);

/** A request to the fork server. Sizes are in bytes; the names of times end with their unit. */
export interface LaneRequest {
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
  readonly outputBytes: number;
  readonly wallMs: number;
  /** Read only by the program's process. */
  readonly program: { readonly source: string; readonly stdin?: string };
  /** Read only by the judge's process. Absent if the program runs as a script. */
  readonly judge?: object;
}

/**
 * How a guarded process ended. `waitedMs` is the time for which it was runnable but not running; `states` are the
 * states of its threads when it was killed.
 */
export type ProcessEnd = z.infer<typeof endSchema>;

/** A reply: how each process ended, and what it wrote to standard output and error. */
export interface LaneReply {
  readonly program: ProcessEnd & { readonly stdout: Buffer; readonly stderr: Buffer };
  readonly judge?: ProcessEnd & { readonly stdout: Buffer; readonly stderr: Buffer };
}

/** What a lane reports when it starts. */
export interface LaneInfo {
  readonly python: string;
  readonly landlock: number;
  readonly writableDirectory: boolean;
  /** Declared packages and their versions. */
  readonly packages: Readonly<Record<string, string>>;
}

/** A fork server process, for one program at a time. After `run` rejects, the lane must be disposed of. */
export interface Lane extends AsyncDisposable {
  readonly info: LaneInfo;
  /** Returns whether the fork server's process has ended. */
  hasEnded(): boolean;
  run(request: LaneRequest): Promise<LaneReply>;
}

/**
 * Starts a fork server in an empty environment. `command` is the interpreter with its arguments, or a program that
 * hosts it.
 *
 * @throws SandboxError, with the process's last line on standard error, if it does not start.
 */
export async function startLane(command: readonly string[], user?: number): Promise<Lane> {
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: {},
    detached: true,
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
  const pipes = pipesOf(child);
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => undefined);
  const kill = async (): Promise<void> => {
    killGroup(child);
    if (child.pid !== undefined) await gone;
  };
  // Kill only once: after the group has ended, its id may be reused by a different group.
  let killing: Promise<void> | undefined;
  const close = (): Promise<void> => (killing ??= kill());
  try {
    const hello = helloSchema.parse((await Promise.race([pipes.replies.readFrame(), failed])).head);
    if ('broken' in hello) throw new SandboxError(`the guard could not be applied: ${hello.broken}`);
    const info = {
      python: hello.python,
      landlock: hello.landlock,
      writableDirectory: hello.ready.writableDirectory,
      packages: hello.packages,
    };
    const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
    return { info, hasEnded, run: (request) => runOn(pipes, request), [Symbol.asyncDispose]: close };
  } catch (cause) {
    await close();
    const said = pipes.errors.text().trim().split('\n').at(-1);
    if (cause instanceof SandboxError) throw cause;
    throw new SandboxError(`${command[0]} did not start as a fork server: ${said || String(cause)}`, {
      cause,
    });
  }
}

interface Pipes {
  readonly requests: Writable;
  readonly program: Writable;
  readonly judge: Writable;
  readonly replies: FrameReader;
  readonly errors: { text(): string };
}

function pipesOf(child: ChildProcess): Pipes {
  const [requests, replies, errors, program, judge] = child.stdio as unknown as [
    Writable,
    Readable,
    Readable,
    Writable,
    Writable,
  ];
  // Ignore a broken pipe, which would end this process as an unhandled error: the replies end too, and that is
  // reported.
  for (const pipe of [requests, program, judge]) pipe.on('error', () => undefined);
  let said = '';
  errors.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  return { requests, program, judge, replies: new FrameReader(replies), errors: { text: () => said } };
}

async function runOn(pipes: Pipes, request: LaneRequest): Promise<LaneReply> {
  const { program, judge, ...limits } = request;
  pipes.requests.write(frame({ ...limits, judged: judge !== undefined }));
  pipes.program.write(frame(program));
  if (judge !== undefined) pipes.judge.write(frame(judge));
  const { head, files } = await pipes.replies.readFrame();
  const reply = replySchema.parse(head);
  for (const end of [reply.program, reply.judge]) {
    if (end && !end.sealed)
      throw new SandboxError(`the guard could not be applied: ${end.problem || 'no reason given'}`);
  }
  const [stdout, stderr, outcomes, trouble] = files;
  return {
    program: { ...reply.program, stdout: stdout!, stderr: stderr! },
    ...(reply.judge ? { judge: { ...reply.judge, stdout: outcomes!, stderr: trouble! } } : {}),
  };
}

function frame(message: object): Buffer {
  const body = Buffer.from(stringifyJson(message));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([length, body]);
}

/** Reads `u32 length | JSON head | files`; the head contains the sizes of the files. */
class FrameReader {
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(stream: Readable) {
    stream.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#size += chunk.length;
      this.#wake();
    });
    stream.once('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  async readFrame(): Promise<{ head: unknown; files: Buffer[] }> {
    const length = (await this.#take(4)).readUInt32LE();
    const head = JSON.parse((await this.#take(length)).toString()) as { files?: number[] };
    const files: Buffer[] = [];
    for (const size of head.files ?? []) files.push(await this.#take(size));
    return { head, files };
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#size < length) {
      if (this.#ended) throw new SandboxError('the fork server exited before it replied');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = all.length > length ? [all.subarray(length)] : [];
    this.#size = all.length - length;
    return all.subarray(0, length);
  }
}
