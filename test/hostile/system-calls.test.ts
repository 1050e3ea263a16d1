import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findPythons } from '../../src/sandbox/python/hosts.ts';

const folder = fileURLToPath(new URL('../../src/sandbox/python', import.meta.url));
const python = process.platform === 'linux' ? findPythons()[0] : undefined;

/** Returns the seccomp program for a machine type, not necessarily this one. */
function filterOf(machine: string): Buffer {
  const script = `import sys; sys.path.insert(0, ${JSON.stringify(folder)}); import guard; guard.MACHINE = "${machine}"; print(guard.make_filter().hex())`;
  return Buffer.from(
    execFileSync(python!, ['-I', '-S', '-B', '-c', script], { encoding: 'utf8' }).trim(),
    'hex',
  );
}

const verdicts: Record<number, string> = {
  0x7fff0000: 'allowed',
  0x80000000: 'killed',
  0x00050001: 'not permitted',
  0x00050026: 'no such call',
};

/** Runs classic BPF on one system call, as the kernel does. */
function answer(filter: Buffer, arch: number, number: number, ...args: number[]): string {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(arch, 4);
  for (const [i, value] of args.entries()) data.writeBigUInt64LE(BigInt(value), 16 + 8 * i);
  let accumulator = 0;
  for (let at = 0; ; at += 8) {
    const [code, ifTrue, ifFalse, k] = [
      filter.readUInt16LE(at),
      filter[at + 2]!,
      filter[at + 3]!,
      filter.readUInt32LE(at + 4),
    ];
    if (code === 0x06) return verdicts[k] ?? k.toString(16);
    if (code === 0x20) {
      accumulator = data.readUInt32LE(k);
      continue;
    }
    const holds =
      code === 0x15 ? accumulator === k : code === 0x35 ? accumulator >= k : (accumulator & k) !== 0;
    at += 8 * (holds ? ifTrue : ifFalse);
  }
}

const sigchld = 17;
const threadFlags = 0x3d0f00;
const machines = [
  {
    machine: 'x86_64',
    arch: 0xc000003e,
    other: 0x40000003,
    fine: {
      read: 0,
      write: 1,
      mmap: 9,
      openat: 257,
      futex: 202,
      exit_group: 231,
      getrandom: 318,
      recvfrom: 45,
    },
    refused: {
      socket: 41,
      connect: 42,
      accept: 43,
      sendmsg: 46,
      recvmsg: 47,
      bind: 49,
      listen: 50,
      accept4: 288,
      sendmmsg: 307,
      fork: 57,
      vfork: 58,
      execve: 59,
      kill: 62,
      ptrace: 101,
      mount: 165,
      truncate: 76,
      chmod: 90,
      unshare: 272,
      tgkill: 234,
      bpf: 321,
      memfd_create: 319,
      io_uring_setup: 425,
      clone3: 435,
      symlink: 88,
    },
    special: { clone: 56, fcntl: 72, ioctl: 16, prctl: 157, prlimit64: 302, socketpair: 53, sendto: 44 },
  },
  {
    machine: 'aarch64',
    arch: 0xc00000b7,
    other: 0x40000028,
    fine: {
      read: 63,
      write: 64,
      mmap: 222,
      openat: 56,
      futex: 98,
      exit_group: 94,
      getrandom: 278,
      recvfrom: 207,
    },
    refused: {
      socket: 198,
      bind: 200,
      listen: 201,
      accept: 202,
      connect: 203,
      sendmsg: 211,
      recvmsg: 212,
      accept4: 242,
      sendmmsg: 269,
      execve: 221,
      kill: 129,
      ptrace: 117,
      mount: 40,
      truncate: 45,
      fchmodat: 53,
      unshare: 97,
      tgkill: 131,
      bpf: 280,
      memfd_create: 279,
      io_uring_setup: 425,
      clone3: 435,
      symlinkat: 36,
    },
    special: { clone: 220, fcntl: 25, ioctl: 29, prctl: 167, prlimit64: 261, socketpair: 199, sendto: 206 },
  },
] as const;

describe.skipIf(python === undefined).for(machines)(
  `the system calls of $machine${python === undefined ? ' (skipped: no python3 on Linux)' : ''}`,
  ({ machine, arch, other, fine, refused, special }) => {
    const ask = (number: number, ...args: number[]): string =>
      answer(filterOf(machine), arch, number, ...args);

    test('allows what programs need', () => {
      const filter = filterOf(machine);
      for (const [name, number] of Object.entries(fine))
        expect([name, answer(filter, arch, number)]).toEqual([name, 'allowed']);
    });

    test('answers "no such call" to every call that reaches other processes', () => {
      const filter = filterOf(machine);
      for (const [name, number] of Object.entries(refused))
        expect([name, answer(filter, arch, number)]).toEqual([name, 'no such call']);
      for (let number = 470; number < 2000; number++)
        expect(answer(filter, arch, number)).toBe('no such call');
    });

    test('kills calls through another system call table', () => {
      expect(answer(filterOf(machine), other, 0)).toBe('killed');
      expect(ask(0x40000000)).toBe('killed');
    });

    test.each([
      ['a thread', 'clone', [threadFlags], 'allowed'],
      ['a process', 'clone', [sigchld], 'not permitted'],
      ['a namespace', 'clone', [threadFlags | 0x10000000], 'not permitted'],
      ['duplicating a descriptor', 'fcntl', [3, 0], 'allowed'],
      ['signals to others by F_SETOWN', 'fcntl', [3, 8], 'not permitted'],
      ['which signal by F_SETSIG', 'fcntl', [3, 10], 'not permitted'],
      ['is it a terminal', 'ioctl', [1, 0x5401], 'allowed'],
      ['typing into a terminal', 'ioctl', [0, 0x5412], 'not permitted'],
      ['surviving its parent', 'prctl', [1, 0], 'not permitted'],
      ['its own limits', 'prlimit64', [0, 3], 'allowed'],
      ["another's limits", 'prlimit64', [4711, 3], 'not permitted'],
      ['a pair of unix stream sockets', 'socketpair', [1, 1], 'allowed'],
      ['the same, closed on exec and non-blocking', 'socketpair', [1, 0o2004001], 'allowed'],
      ['a pair of unix datagram sockets', 'socketpair', [1, 2], 'not permitted'],
      ['a pair of unix packet sockets', 'socketpair', [1, 5], 'not permitted'],
      ['a pair of internet sockets', 'socketpair', [2, 1], 'not permitted'],
      ['sending to the other end', 'sendto', [5, 0x1000, 1, 0, 0, 0], 'allowed'],
      ['sending to an address', 'sendto', [5, 0x1000, 1, 0, 0x1000, 16], 'not permitted'],
      ['sending to an address above 4 GiB', 'sendto', [5, 0x1000, 1, 0, 2 ** 32, 16], 'not permitted'],
    ] as const)('%s: %s%j is %s', (_, name, args, expected) => {
      expect(ask(special[name], ...args)).toBe(expected);
    });
  },
);
