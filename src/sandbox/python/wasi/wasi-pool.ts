import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { SandboxError } from '../../../core/errors.ts';
import { createPool } from '../../../core/async/pool.ts';
import type { LanePool } from '../lane-pool.ts';
import type { LaneReply, LaneRequest, ProcessEnd } from '../lane.ts';
import { lifeBytes, lifeFields, type InstanceEnd, type InstanceStart } from './instance.ts';
import { pythonModule } from './python-module.ts';
import { SharedPipe } from './shared-pipe.ts';

/**
 * Runs Python as WebAssembly, a new interpreter in a worker thread for each program; needs only npm and works on every
 * system. **Slow**: starting a program takes about 130 ms, and computing takes 5 to 15 times as long as natively, so
 * time limits are multiplied by `slowdown`.
 *
 * What it does NOT stop: a bug in Node's WebAssembly that lets a module escape its memory (into this process); side
 * channels of the hardware. Programs have no directory to write to, no threads, no asyncio (there are no sockets), and
 * only the extension modules compiled in (no sqlite3, no ssl, no multiprocessing).
 */
export function createWasiPool(size: number): LanePool {
  const pool = createPool({ name: 'the Python sandbox', size, open: openWasiLane });
  const run: LanePool['run'] = (request, signal) => pool.use((lane) => lane.run(request, signal), signal);
  return {
    run,
    info: async () => {
      const { program } = await run({ ...modest, program: { source: 'import sys\nprint(sys.version)' } });
      const python = program.stdout.toString().split(' ')[0]!;
      return { python, landlock: 0, writableDirectory: false, packages: {} };
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

interface WasiLane extends AsyncDisposable {
  run(request: LaneRequest, signal?: AbortSignal): Promise<LaneReply>;
}

/** Opens a lane, which starts a new interpreter for each program; disposing ends the running interpreter. */
function openWasiLane(): WasiLane {
  const closing = new AbortController();
  return {
    run: (request, signal) =>
      runOnce(request, AbortSignal.any([closing.signal, ...(signal ? [signal] : [])])),
    [Symbol.asyncDispose]: async () => closing.abort(new SandboxError('the Python sandbox is closed')),
  };
}

/** Factor from native CPU time to CPU time here, at the slow end of the measurements (docs/LOG.md). */
const slowdown = 16;

const modest = { memoryBytes: 256 << 20, cpuSeconds: 10, outputBytes: 1 << 16, wallMs: 60_000 };
const judgeLimits = { memoryBytes: 1 << 30, cpuSeconds: 30, outputBytes: 8 << 20 };
const pollMs = 20;

const folder = new URL('../', import.meta.url);
const pythonText = (name: string): string => readFileSync(new URL(`${name}.py`, folder), 'utf8');
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? 'instance-worker.ts' : 'instance-worker.js',
  import.meta.url,
);
const modulesOf = {
  script: ['values', 'program'],
  program: ['values', 'program'],
  judge: ['values', 'test_runner', 'numpy_stand_in', 'pytest_stand_in', 'judge'],
} as const;

async function runOnce(request: LaneRequest, signal: AbortSignal): Promise<LaneReply> {
  const pipes = { requests: new SharedPipe(), replies: new SharedPipe() };
  const lives = {
    program: new Float64Array(new SharedArrayBuffer(lifeBytes)),
    judge: new Float64Array(new SharedArrayBuffer(lifeBytes)),
  };
  const closePipes = (): void => {
    pipes.requests.close();
    pipes.replies.close();
  };
  const begin = (
    role: InstanceStart['role'],
    job: object,
    stdin: string,
    limits: { memoryBytes: number; cpuSeconds: number; outputBytes: number },
  ): Promise<Instance> =>
    startInstance({
      role,
      job,
      stdin,
      limits,
      requests: pipes.requests.memory,
      replies: pipes.replies.memory,
      life: lives[role === 'judge' ? 'judge' : 'program'],
      programLife: lives.program,
      signal,
      onEnd: closePipes,
    });
  const { source, stdin = '' } = request.program;
  const wallMs = request.wallMs * slowdown;
  if (request.judge === undefined) {
    const program = await begin('script', { source }, stdin, request);
    return { program: await program.end(wallMs) };
  }
  const [program, judge] = await Promise.all([
    begin('program', { source }, stdin, request),
    begin('judge', { ...request.judge, ...stretched(request.judge) }, '', judgeLimits),
  ]);
  const judged = await judge.end(wallMs);
  return { judge: judged, program: await program.end(0) };
}

/** Multiplies the judge's wall-clock limit for the program by `slowdown`. */
function stretched(job: object): object {
  return 'wallMs' in job && typeof job.wallMs === 'number' ? { wallMs: job.wallMs * slowdown } : {};
}

interface InstanceOptions extends Pick<InstanceStart, 'role' | 'job' | 'stdin' | 'requests' | 'replies'> {
  readonly limits: { memoryBytes: number; cpuSeconds: number; outputBytes: number };
  readonly life: Float64Array<SharedArrayBuffer>;
  readonly programLife: Float64Array<SharedArrayBuffer>;
  readonly signal: AbortSignal;
  readonly onEnd: () => void;
}

/** An interpreter in a worker thread. */
interface Instance {
  /** Resolves when the interpreter has ended or was terminated after `wallMs`. */
  end(wallMs: number): Promise<ProcessEnd & { stdout: Buffer; stderr: Buffer }>;
}

async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { limits, life, signal } = options;
  const module = await pythonModule(limits.memoryBytes);
  signal.throwIfAborted();
  const started = performance.now();
  const worker = new Worker(workerFile, {
    env: {},
    execArgv: [],
    resourceLimits: { stackSizeMb: 16 },
    workerData: {
      module,
      role: options.role,
      main: pythonText('wasi_main'),
      modules: Object.fromEntries(modulesOf[options.role].map((name) => [name, pythonText(name)])),
      job: options.job,
      stdin: options.stdin,
      outputBytes: limits.outputBytes,
      requests: options.requests,
      replies: options.replies,
      life: life.buffer,
      programLife: options.programLife.buffer,
    } satisfies InstanceStart,
  });
  const ended = Promise.withResolvers<InstanceEnd | Error | 'stopped' | 'out-of-time'>();
  const settle = (how: InstanceEnd | Error | 'stopped' | 'out-of-time'): void => {
    clearInterval(watch);
    signal.removeEventListener('abort', abort);
    life[lifeFields.hasEnded] = 1;
    options.onEnd();
    ended.resolve(how);
    void worker.terminate();
  };
  const abort = (): void => settle('stopped');
  /**
   * Measures CPU time since the job was read, scaled to a native interpreter. The last reading remains available after
   * the end.
   */
  const look = async (): Promise<void> => {
    const usage = await worker.cpuUsage().catch(() => undefined);
    const from = life[lifeFields.jobCpuMs]!;
    if (usage === undefined || from === 0 || life[lifeFields.hasEnded] === 1) return;
    const cpuMs = ((usage.user + usage.system) / 1000 - from) / slowdown;
    life[lifeFields.cpuMs] = Math.max(cpuMs, 0);
    if (cpuMs > limits.cpuSeconds * 1000) settle('out-of-time');
  };
  const watch = setInterval(() => void look(), pollMs);
  worker.on('message', (end: InstanceEnd) => settle(end));
  worker.on('error', (error: Error) => settle(error));
  signal.addEventListener('abort', abort, { once: true });
  const end = async (wallMs: number): ReturnType<Instance['end']> => {
    const timer = setTimeout(() => settle('stopped'), wallMs);
    const how = await ended.promise;
    clearTimeout(timer);
    signal.throwIfAborted();
    return describeEnd(how, life, performance.now() - started);
  };
  return { end };
}

const [SIGSEGV, SIGXCPU] = [11, 24];

function describeEnd(
  how: InstanceEnd | Error | 'stopped' | 'out-of-time',
  life: Float64Array,
  elapsedMs: number,
): ProcessEnd & { stdout: Buffer; stderr: Buffer } {
  if (how instanceof Error)
    throw new SandboxError(`the interpreter's thread ended: ${how.message}`, { cause: how });
  const common = { cpuMs: life[lifeFields.cpuMs]!, sealed: true, problem: '', wallMs: elapsedMs / slowdown };
  const nothing = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  if (how === 'out-of-time') return { ...common, ...nothing, ended: 'signal', code: SIGXCPU };
  if (how === 'stopped') {
    const slept = life[lifeFields.sleptMs]! > elapsedMs / 2 || life[lifeFields.isAsleep] === 1;
    const asleep = slept ? { states: 'S', waitedMs: 0 } : {};
    return { ...common, ...nothing, ...asleep, ended: 'killed', code: 9 };
  }
  const output = { stdout: Buffer.from(how.stdout), stderr: Buffer.from(how.stderr) };
  return how.ended === 'trap'
    ? { ...common, ...output, ended: 'signal', code: SIGSEGV }
    : { ...common, ...output, ended: 'exit', code: how.code };
}
