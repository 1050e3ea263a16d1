import { once } from 'node:events';
import type { Command } from 'commander';
import { withInterrupt } from './interrupt.ts';
import { wholeNumber } from './options.ts';
import type { Output } from './output.ts';

/** Flags of `addListenOptions`. */
export interface ListenFlags {
  readonly host: string;
  readonly port: number;
}

/** Adds `--host` and `--port` to a command that listens. */
export function addListenOptions(command: Command, port: number): Command {
  return command
    .option(
      '--host <address>',
      'address to listen on; GRADUS_TOKEN is required unless it is a loopback address',
      '127.0.0.1',
    )
    .option('--port <n>', 'port to listen on; 0: any free port', wholeNumber(0, 65_535), port);
}

/** Returns the token that clients must send, from the environment; an empty token counts as absent. */
export function tokenFromEnvironment(): string | undefined {
  const token = process.env['GRADUS_TOKEN'];
  return token === '' ? undefined : token;
}

/** Reports a service as listening and resolves on Ctrl-C or SIGTERM. Prints `event` with `--json`, `line` without. */
export async function untilStopped(
  output: Output,
  event: Readonly<Record<string, unknown>>,
  line: string,
): Promise<void> {
  await withInterrupt(async (signal) => {
    output.event({ type: 'listening', ...event });
    output.say(line);
    await once(signal, 'abort');
  });
}
