import { attempt, type HostileProgram } from './hostile-program.ts';

/** Attempts to start, outlive, signal and inspect processes. */
export const processes: readonly HostileProgram[] = [
  attempt('fork', 'if os.fork() == 0: os._exit(0)', ['seccomp']),
  attempt(
    'vfork by number',
    'import ctypes\nr = ctypes.CDLL(None).syscall(58 if os.uname().machine == "x86_64" else 220, 17, 0, 0, 0, 0)\nif r == 0: os._exit(0)\nassert r > 0',
  ),
  attempt(
    'clone by number',
    'import ctypes\nr = ctypes.CDLL(None).syscall(56 if os.uname().machine == "x86_64" else 220, 17, 0, 0, 0, 0)\nif r == 0: os._exit(0)\nassert r > 0',
    ['seccomp'],
  ),
  attempt(
    'clone3 by number',
    'import ctypes\na = (ctypes.c_uint64 * 11)()\na[4] = 17\nr = ctypes.CDLL(None).syscall(435, a, 88)\nif r == 0: os._exit(0)\nassert r > 0',
    ['seccomp'],
  ),
  attempt('run a command', 'import subprocess\nsubprocess.run(["/bin/true"], check=True)'),
  attempt('run a shell', 'assert os.system("true") == 0'),
  attempt('replace itself', 'os.execv(sys.executable, ["python3", "-c", "print(\'ESCAPED\')"])'),
  attempt(
    'replace itself through a descriptor',
    'f = os.open(sys.executable, os.O_PATH)\nos.execve(f, ["python3", "-c", "print(\'ESCAPED\')"], {})',
  ),
  attempt('spawn', 'os.posix_spawn("/bin/true", ["true"], {})'),
  attempt('use a process pool', 'from multiprocessing import Process\np = Process(target=print)\np.start()'),
  attempt('become a daemon', 'if os.fork(): os._exit(0)\nos.setsid()'),
  attempt('leave the process group', 'os.setpgid(0, 0)', ['seccomp']),
  attempt('start a session', 'os.setsid()'),
  attempt('survive its parent', 'import ctypes\nassert ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) == 0', [
    'seccomp',
  ]),
  attempt('signal a process of the host', 'os.kill({victim}, 0)', ['seccomp', 'landlock', 'user']),
  attempt('kill a process of the host', 'os.kill({victim}, 9)'),
  attempt('kill the server', 'os.kill(os.getppid(), 9)'),
  attempt('kill everything', 'os.kill(-1, 9)'),
  attempt('kill its group', 'os.killpg(0, 9)'),
  attempt(
    'signal by thread',
    'import ctypes\nassert ctypes.CDLL(None).syscall(200 if os.uname().machine == "x86_64" else 130, {victim}, 9) == 0',
  ),
  attempt('signal through a pidfd', 'import signal\nsignal.pidfd_send_signal(os.pidfd_open({victim}), 9)'),
  attempt(
    'take a descriptor of the server',
    'import ctypes\np = os.pidfd_open(os.getppid())\nassert ctypes.CDLL(None).syscall(438, p, 0, 0) >= 0',
  ),
  attempt(
    'signal by asynchronous input',
    'import fcntl\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, {victim})\nfcntl.fcntl(r, 10, 9)\nfcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC)\nos.write(w, b"x")',
  ),
  attempt('trace the server', 'import ctypes\nassert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0'),
  attempt('be traced', 'import ctypes\nassert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0', ['seccomp']),
  attempt(
    'read the memory of another',
    'import ctypes\nv = (ctypes.c_uint64 * 2)()\nassert ctypes.CDLL(None).process_vm_readv({victim}, v, 1, v, 1, 0) >= 0',
  ),
  attempt('raise its priority', 'os.setpriority(os.PRIO_PROCESS, 0, -5)'),
  attempt('lower the priority of others', 'os.setpriority(os.PRIO_USER, os.getuid(), 19)', ['seccomp']),
  attempt('choose its processors', 'os.sched_setaffinity(0, {0})', ['seccomp']),
  attempt(
    'limit another process',
    'import resource\nresource.prlimit({victim}, resource.RLIMIT_NOFILE, (1, 1))',
  ),
];
