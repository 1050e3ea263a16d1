import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { WorkerCrashed } from '../../core/errors.ts';
import { createFrameReader } from '../../protocol/frame.ts';
import { breach, graceMs, type OpenTransport } from './transport.ts';

/** A worker as a child process. */
export interface WorkerProcess {
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Where frames go: file descriptors 3 and 4, or stdin and stdout where those are all there is. */
  readonly pipes: 'descriptors' | 'stdio';
}

/** Bytes of the last words that are kept. */
const keptStderr = 4000;

/**
 * Starts a worker process. It is in a process group of its own: a Ctrl-C at the terminal is for Gradus, which may still
 * have something to save. End of file on its requests is how the worker learns that nobody needs it any more.
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
    // A worker that is gone shows in its exit, which says more.
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
      // Not 'exit': its last words may still be on the way then.
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

/** How the worker's own lines begin; libraries write there too. */
const voice = 'gradus_worker: ';

/** Passes on what the worker says to people. Returns what it wrote last, whoever wrote it. */
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
  const guess = signal === 'SIGKILL' ? ' (which a machine out of memory sends)' : '';
  return `was ended by ${signal}${guess}`;
}

function lastWords(stderr: string): string {
  const said = stderr.trim().split('\n').slice(-8).join('\n');
  return said === '' ? 'it wrote nothing to stderr' : `its last words:\n${said}`;
}
