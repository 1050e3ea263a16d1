import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Targets } from './hostile-program.ts';

/** Targets of hostile programs on the host, and a check that they are untouched. */
export interface Host extends AsyncDisposable {
  readonly targets: Targets;
  /** Lists changes since the start: empty when all attempts were blocked. */
  harm(): string[];
}

/** Sets up a secret, a writable file and directory, a victim process and two listening sockets. */
export async function openHost(): Promise<Host> {
  const directory = mkdtempSync(join(tmpdir(), 'gradus-host-'));
  const openDirectory = join(directory, 'open');
  const [secretFile, openFile, socketFile] = [
    join(directory, 'secret'),
    join(openDirectory, 'file'),
    join(directory, 'socket'),
  ];
  writeFileSync(secretFile, 'TOPSECRET', { mode: 0o644 });
  chmodSync(directory, 0o755);
  mkdirSync(openDirectory);
  chmodSync(openDirectory, 0o777);
  writeFileSync(openFile, 'untouched');
  chmodSync(openFile, 0o666);
  const before = JSON.stringify(facts(openFile));
  const victim = spawn('sleep', ['100000'], { stdio: 'ignore' });
  let connections = 0;
  const servers = await Promise.all([listen(0), listen(socketFile)]);
  for (const server of servers) server.on('connection', (socket) => (connections++, socket.destroy()));
  return {
    targets: {
      secretFile,
      openDirectory,
      openFile,
      socketFile,
      port: (servers[0].address() as AddressInfo).port,
      victim: victim.pid!,
    },
    harm: () => [
      ...(JSON.stringify(facts(openFile)) === before ? [] : ['the open file changed']),
      ...(readFileSync(openFile, 'utf8') === 'untouched' ? [] : ['the open file was written']),
      ...readdirSync(openDirectory)
        .filter((name) => name !== 'file')
        .map((name) => `${name} appeared in the open directory`),
      ...(victim.exitCode === null && victim.signalCode === null ? [] : ['the victim is gone']),
      ...(connections === 0 ? [] : [`${connections} connections were made`]),
    ],
    [Symbol.asyncDispose]: async () => {
      victim.kill('SIGKILL');
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function facts(file: string): object {
  const { mode, mtimeMs, uid, size, nlink } = statSync(file);
  return { mode, mtimeMs, uid, size, nlink };
}

function listen(address: number | string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(...([address] as [number]), () => resolve(server)));
}

interface ProcessFact {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  readonly state: string;
}

function processesNow(): ProcessFact[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return [{ pid: Number(name), parent: Number(parent), command, state }];
    } catch {
      return [];
    }
  });
}

/**
 * Lists processes of the given lane directories besides the fork servers: leftovers of a program. Forked programs keep
 * the server's command line, which identifies them whatever process adopted them.
 */
export function survivors(lanes: number): string[] {
  const all = processesNow().filter(({ command }) =>
    /^\S*python\S* .*fork_server\.py .*gradus-lane-/.test(command),
  );
  const mine = all.filter(({ pid }) => descends(pid, all));
  return mine.length <= lanes
    ? []
    : mine.map(
        ({ pid, parent, state, command }) => `${pid} (${state}, of ${parent}): ${command.slice(0, 80)}`,
      );
}

function descends(pid: number, all: readonly ProcessFact[]): boolean {
  for (let at: number | undefined = pid, depth = 0; at !== undefined && depth < 9; depth++) {
    if (at === process.pid || at === 1) return true;
    at = all.find((one) => one.pid === at)?.parent;
  }
  return false;
}
