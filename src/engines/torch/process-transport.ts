import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { WorkerCrashed } from '../../core/errors.ts';
import { createFrameReader } from '../../protocol/frame.ts';
import { breach, graceMs, type OpenTransport } from './transport.ts';

/** Specifies a worker that runs as a child process. */
export interface WorkerProcess {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Channels for frames: file descriptors 3 and 4, or stdin and stdout if only those exist. */
  readonly pipes: 'descriptors' | 'stdio';
}

/** Number of characters of stderr that are kept for error messages. */
const keptStderr = 4000;

/**
 * Starts a worker process in a new process group, so that Ctrl-C in the terminal reaches only Gradus, which may still
 * need the worker to save. The worker exits at the end of its request stream.
 */
export function processTransport({ command, env, pipes }: WorkerProcess): OpenTransport {
  return (listener) => {
    const [program = '', ...args] = command;
    const name = command.join(' ');
    const stdio = pipes === 'stdio' ? (['pipe', 'pipe', 'pipe'] as const) : detachedPipes;
    const child = spawn(program, args, { stdio: [...stdio], env: env ?? process.env, detached: true });
    const [requests, replies] =
      pipes === 'stdio'
        ? [child.stdin!, child.stdout!]
        : [child.stdio[3] as Writable, child.stdio[4] as Readable];
    const said = hear(child.stderr, listener);
    // Ignore write errors: the exit event of a dead worker explains more.
    requests.on('error', () => {});
    readFrames(replies, listener, (cause) => {
      listener.onEnd(breach(name, cause));
      child.kill('SIGKILL');
    });
    const gone = new Promise<void>((resolve) => {
      const end = (how: string): void => {
        listener.onEnd(new WorkerCrashed(`the worker (${name}) ${how}; ${lastWords(said())}`));
        resolve();
      };
      child.on('error', ({ message }) => end(`could not be started: ${message}`));
      // Listen to 'close', not 'exit': stderr may still be buffered at the time of 'exit'.
      child.on('close', (code, signal) => end(howEnded(code, signal)));
    });
    return {
      name,
      send: (frame) => void requests.write(frame),
      useSession: () => {},
      kill: () => void child.kill('SIGKILL'),
      close: async () => {
        requests.end();
        const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
        await gone;
        clearTimeout(kill);
      },
    };
  };
}

/** Prefix that distinguishes the worker's messages to the user from other output on stderr. */
const voice = 'gradus_worker: ';

/** Passes on the worker's messages to the user. Returns a function that returns the end of all stderr output. */
function hear(stderr: Readable | null, { onWords }: Parameters<OpenTransport>[0]): () => string {
  let [kept, rest] = ['', ''];
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    kept = (kept + text).slice(-keptStderr);
    const lines = (rest + text).split('\n');
    rest = lines.pop()!.slice(0, keptStderr);
    for (const line of lines) if (line.startsWith(voice)) onWords(line.slice(voice.length));
  });
  return () => kept;
}

const detachedPipes = ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] as const;

function readFrames(
  replies: Readable,
  { onFrame }: Parameters<OpenTransport>[0],
  onBreach: (cause: unknown) => void,
): void {
  const reader = createFrameReader();
  let isBroken = false;
  replies.on('error', () => {});
  replies.on('data', (bytes: Buffer) => {
    if (isBroken) return;
    try {
      for (const frame of reader.push(bytes)) onFrame(frame);
    } catch (cause) {
      isBroken = true;
      onBreach(cause);
    }
  });
}

function howEnded(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === null) return `ended with exit code ${code}`;
  const guess = signal === 'SIGKILL' ? ' (possibly out of memory)' : '';
  return `was ended by ${signal}${guess}`;
}

function lastWords(stderr: string): string {
  const said = stderr.trim().split('\n').slice(-8).join('\n');
  return said === '' ? 'it wrote nothing to stderr' : `end of its stderr:\n${said}`;
}
