import type { HostileProgram } from './hostile-program.ts';

/** Attempts to exceed limits on time, memory, output, files and threads. Each program must end soon and leave nothing
 * behind. */
export const resources: readonly HostileProgram[] = [
  { name: 'loop for ever', source: 'while True: pass' },
  { name: 'loop in C', source: 'sum(iter(int, 1))' },
  {
    name: 'ignore the CPU signal',
    source: 'import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass',
  },
  {
    name: 'block all signals',
    source: 'import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass',
  },
  {
    name: 'raise its CPU limit',
    source:
      'import resource\ntry:\n    resource.setrlimit(resource.RLIMIT_CPU, (99, 99)); print("ESCAPED")\nexcept (ValueError, OSError): print("held")',
    controls: ['limits'],
  },
  {
    name: 'raise its memory limit',
    source:
      'import resource\ntry:\n    resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)); print("ESCAPED")\nexcept (ValueError, OSError): print("held")',
    controls: ['limits'],
  },
  { name: 'sleep', source: 'import time\ntime.sleep(1000)' },
  { name: 'deadlock', source: 'import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()' },
  {
    name: 'wait for a thread that sleeps',
    source: 'import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()',
  },
  { name: 'allocate', source: 'x = []\nwhile True: x.append(bytearray(1 << 24))' },
  { name: 'allocate at once', source: 'x = bytearray(300 << 20)\nprint("ESCAPED")', controls: ['limits'] },
  {
    name: 'map shared memory',
    source: 'import mmap\nx = [mmap.mmap(-1, 1 << 28) for _ in range(8)]\nprint("ESCAPED")',
    controls: ['limits'],
  },
  {
    name: 'swallow memory errors',
    source:
      'x = []\nfor _ in range(10_000):\n    try: x.append(bytearray(1 << 26))\n    except MemoryError: pass\nprint("held")',
  },
  { name: 'print without end', source: 'while True: print("x" * 10_000)' },
  {
    name: 'print to standard error without end',
    source: 'import sys\nwhile True: sys.stderr.write("x" * 10_000)',
  },
  { name: 'print after a hole', source: 'import os\nos.lseek(1, 1 << 40, 0)\nos.write(1, b"ESCAPED")' },
  {
    name: 'write files without end',
    source:
      'import itertools\ntry:\n    for n in itertools.count(): open(str(n), "w").write("x" * 100_000)\nexcept OSError: print("held")',
  },
  {
    name: 'write one large file',
    source:
      'try:\n    with open("large", "wb") as f:\n        for _ in range(64): f.write(bytes(1 << 20))\n    print("ESCAPED")\nexcept OSError: print("held")',
  },
  {
    name: 'make directories without end',
    source:
      'import itertools, os\ntry:\n    for n in itertools.count(): os.mkdir(str(n))\nexcept OSError: print("held")',
  },
  {
    name: 'open descriptors without end',
    source:
      'import os\ntry:\n    for _ in range(5000): os.pipe()\n    print("ESCAPED")\nexcept OSError: print("held")',
  },
  {
    name: 'start threads without end',
    source:
      'import threading, time\nthreading.stack_size(1 << 16)\ntry:\n    for _ in range(5000): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n    print("ESCAPED")\nexcept (RuntimeError, MemoryError): print("held")',
  },
  {
    name: 'burn on all processors',
    source:
      'import threading, hashlib\nd = bytes(1 << 24)\ndef f():\n    while True: hashlib.sha256(d).digest()\n[threading.Thread(target=f).start() for _ in range(8)]',
  },
  { name: 'fork bomb', source: 'import os\ntry:\n    while True: os.fork()\nexcept OSError: print("held")' },
  {
    name: 'recurse',
    source:
      'import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\ntry: f()\nexcept (RecursionError, MemoryError): print("held")',
  },
  {
    name: 'recurse in C',
    source: 'import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)',
  },
  { name: 'a large power', source: 'x = 9 ** (9 ** 9)' },
  { name: 'a large regular expression', source: 'import re\nre.match("(a+)+b", "a" * 64)' },
  {
    name: 'lock memory',
    source:
      'import ctypes\nb = ctypes.create_string_buffer(1 << 20)\nif ctypes.CDLL(None).mlock(b, 1 << 20) == 0: print("ESCAPED")',
  },
  { name: 'never read its input', source: 'print("done")' },
  { name: 'close its output', source: 'import os\nfor n in (0, 1, 2): os.close(n)\nos._exit(0)' },
  {
    name: 'exit handlers without end',
    source: 'import atexit\ndef f():\n    while True: pass\natexit.register(f)',
  },
];
