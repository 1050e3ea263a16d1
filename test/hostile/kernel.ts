import { attempt, type HostileProgram, type Protection } from './hostile-program.ts';

/** Returns a program that makes a system call, by its numbers on x86-64 and ARM64; it escapes if the call succeeds. */
function call(
  name: string,
  x86: number,
  arm: number,
  args: string,
  controls?: readonly Protection[],
): HostileProgram {
  const statements = `import ctypes\nlibc = ctypes.CDLL(None)\nb = ctypes.create_string_buffer(4096)\nassert libc.syscall(${x86} if os.uname().machine == "x86_64" else ${arm}, ${args}) >= 0`;
  return attempt(name, statements, controls);
}

/** Attempts through kernel interfaces: namespaces, mounts, keys, tracing, modules, memory, other system call tables. */
export const kernel: readonly HostileProgram[] = [
  call('unshare a user namespace', 272, 97, '0x10000000'),
  call('unshare a mount namespace', 272, 97, '0x20000'),
  call('join a namespace', 308, 268, '0, 0'),
  call('mount', 165, 40, 'b"none", b".", b"tmpfs", 0, 0'),
  call('unmount', 166, 39, 'b".", 2'),
  call('open a file system', 430, 430, 'b"tmpfs", 0'),
  call('pivot the root', 155, 41, 'b".", b"."'),
  call('add a key', 248, 217, 'b"user", b"k", b"v", 1, -3', ['seccomp']),
  call('load bpf', 321, 280, '0, b, 72'),
  call('measure performance', 298, 241, 'b, 0, -1, -1, 0'),
  call('handle page faults', 323, 282, '0'),
  call('make a memory file', 319, 279, 'b"m", 0', ['seccomp']),
  call('make a secret memory file', 447, 447, '0'),
  call('change the personality', 135, 92, '0x0040000', ['seccomp']),
  call('make a shared memory segment', 29, 194, '0, 4096, 0o1600', ['seccomp']),
  call('make a message queue', 68, 186, '0, 0o1600', ['seccomp']),
  call('make a semaphore', 64, 190, '0, 1, 0o1600', ['seccomp']),
  call('load a module', 175, 105, 'b, 0, b""'),
  call('reboot', 169, 142, '0xfee1dead, 672274793, 0, 0'),
  call('set the host name', 170, 161, 'b"x", 1'),
  call('set the clock', 227, 112, '0, b'),
  call('switch swap off', 168, 225, 'b"/swapfile"'),
  call('read the kernel ring', 103, 116, '3, b, 4096'),
  call('become root', 105, 146, '0', ['seccomp', 'user']),
  call('install another filter with a listener', 317, 277, '1, 8, b'),
  call('undo dumpable', 157, 167, '4, 1, 0, 0, 0', ['seccomp']),
  {
    name: 'use the 32-bit table',
    source:
      'import ctypes, mmap, platform\nif platform.machine() == "x86_64":\n    m = mmap.mmap(-1, 4096, prot=7)\n    m.write(bytes.fromhex("b814000000cd80c3"))\n    f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n    if f() > 0: print("ESCAPED")',
    controls: ['seccomp'],
  },
  {
    name: 'use the x32 table',
    source:
      'import ctypes, platform\nif platform.machine() == "x86_64" and ctypes.CDLL(None).syscall(0x40000000 + 41, 2, 1, 0) >= 0: print("ESCAPED")',
  },
  { name: 'crash', source: 'import ctypes\nctypes.string_at(0)' },
  { name: 'crash in the parser', source: 'exec("(" * 100_000)' },
];
