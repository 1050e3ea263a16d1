import { SandboxError } from '../../core/errors.ts';
import type { LanePool } from './lane-pool.ts';

/** A program that prints `ESCAPED` if it overcomes a protection, and the output that is required instead. */
interface Trial {
  readonly name: string;
  readonly source: string;
  readonly prints: string;
}

const attemptTo = (statements: string, what = 'print("ESCAPED")'): string =>
  `try:\n${statements.replace(/^/gm, '    ')}\n    ${what}\nexcept BaseException:\n    print("held")`;

const trials: readonly Trial[] = [
  {
    name: 'compute and print',
    source: 'import csv, shelve\nprint(sum(map(int, input().split())))',
    prints: '42',
  },
  { name: 'read a host file', source: attemptTo('open("/etc/passwd").read()'), prints: 'held' },
  { name: 'list the root', source: attemptTo('import os\nos.listdir("/")'), prints: 'held' },
  {
    name: 'read its parent',
    source: attemptTo('import os\nopen(f"/proc/{os.getppid()}/environ").read()'),
    prints: 'held',
  },
  { name: 'write outside', source: attemptTo('open("/var/tmp/escaped", "w")'), prints: 'held' },
  { name: 'open a socket', source: attemptTo('import socket\nsocket.socket()'), prints: 'held' },
  { name: 'start a process', source: attemptTo('import os\nif os.fork() == 0: os._exit(0)'), prints: 'held' },
  { name: 'run a command', source: attemptTo('import os\nos.execv("/bin/true", ["true"])'), prints: 'held' },
  { name: 'signal the server', source: attemptTo('import os\nos.kill(os.getppid(), 0)'), prints: 'held' },
  { name: 'take too much memory', source: attemptTo('bytearray(1 << 30)'), prints: 'held' },
];

const request = { memoryBytes: 512 << 20, cpuSeconds: 5, outputBytes: 1 << 16, wallMs: 60_000 };

/**
 * Runs one hostile program for each class of escape, and a harmless program.
 *
 * @throws SandboxError naming the first program that printed something else.
 */
export async function selfTest(pool: LanePool): Promise<void> {
  for (const { name, source, prints } of trials) {
    const { program } = await pool.run({ ...request, program: { source, stdin: '20 22' } });
    const printed = program.stdout.toString().trim();
    if (printed === prints) continue;
    throw new SandboxError(
      `self-test "${name}": expected ${prints}, got ${printed || program.stderr.toString().trim().slice(-200)}`,
    );
  }
}
