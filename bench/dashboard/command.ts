import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A running `gradus` command. */
export interface RunningCommand extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Milliseconds until the awaited event. */
  readonly readyMs: number;
  /** The output line of the awaited event. */
  readonly ready: Readonly<Record<string, unknown>>;
}

/** Starts `gradus <args> --json` and waits for the first event of a type. */
export async function startCommand(args: readonly string[], type: string): Promise<RunningCommand> {
  const started = performance.now();
  const child = spawn(process.execPath, ['bin/gradus.mjs', ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  for await (const line of createInterface({ input: child.stdout })) {
    const ready = JSON.parse(line) as Record<string, unknown>;
    if (ready['type'] !== type) continue;
    const readyMs = performance.now() - started;
    child.stdout.resume();
    return { child, readyMs, ready, [Symbol.asyncDispose]: () => stop(child) };
  }
  throw new Error(`gradus ${args.join(' ')}: expected the event "${type}", but the command ended: ${told}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGINT');
  await once(child, 'exit');
}
