import { attempt, type HostileProgram } from './hostile-program.ts';

/** Attempts to read and write the host's files in every known way. */
export const filesystem: readonly HostileProgram[] = [
  attempt('read a secret', 'assert "TOPSECRET" in open("{secretFile}").read()', ['landlock']),
  attempt('read /etc/passwd', 'open("/etc/passwd").read()', ['landlock']),
  attempt('read /etc/hostname by a relative path', 'open("../../../../../../etc/hostname").read()', [
    'landlock',
  ]),
  attempt('list the root', 'os.listdir("/")', ['landlock']),
  attempt('list /tmp', 'os.listdir("/tmp")', ['landlock']),
  attempt('list /proc', 'os.listdir("/proc")', ['landlock']),
  attempt('read the environment of the server', 'open(f"/proc/{os.getppid()}/environ", "rb").read()'),
  attempt('read the memory of the server', 'open(f"/proc/{os.getppid()}/mem", "rb")'),
  attempt('read its own memory map', 'open("/proc/self/maps").read()', ['landlock', 'user']),
  attempt('write its own memory', 'open("/proc/self/mem", "r+b")'),
  attempt('read the kernel log', 'open("/dev/kmsg").read(1)'),
  attempt(
    'read a disk',
    '[open(p, "rb").read(1) for p in ("/dev/vda", "/dev/sda", "/dev/nvme0n1") if os.path.exists(p)] or 1 / 0',
  ),
  attempt('open a terminal', 'os.open("/dev/tty", os.O_RDWR)'),
  attempt('open the pty multiplexer', 'os.open("/dev/ptmx", os.O_RDWR)'),
  attempt(
    'read by openat from a directory',
    'd = os.open("/etc", os.O_PATH)\nos.read(os.open("passwd", 0, dir_fd=d), 9)',
    ['landlock'],
  ),
  attempt('read through a symbolic link', 'os.symlink("{secretFile}", "link")\nopen("link").read()', [
    'landlock',
    'seccomp',
  ]),
  attempt('read through a hard link', 'os.link("{secretFile}", "hard")\nopen("hard").read()'),
  attempt('map a host file', 'import mmap\nf = os.open("{secretFile}", 0)\nmmap.mmap(f, 0, prot=1)', [
    'landlock',
  ]),
  attempt('send a host file', 'f = os.open("{secretFile}", 0)\nos.sendfile(1, f, 0, 99)', ['landlock']),
  attempt(
    'reopen a descriptor through /proc',
    'p = os.open("{secretFile}", os.O_PATH)\nopen(f"/proc/self/fd/{p}").read()',
    ['landlock'],
  ),
  attempt(
    'open a file handle',
    'import ctypes\nlibc = ctypes.CDLL(None)\nb = ctypes.create_string_buffer(200)\nb[0] = b"\\x80"\nm = ctypes.c_int()\nassert libc.name_to_handle_at(-100, b"/", b, ctypes.byref(m), 0) == 0',
    ['seccomp'],
  ),
  attempt('create a file beside others', 'open("{openDirectory}/new", "w")', ['landlock']),
  attempt('overwrite a host file', 'open("{openFile}", "w").write("owned")'),
  attempt('append to a host file', 'open("{openFile}", "a").write("owned")'),
  attempt('truncate a host file', 'os.truncate("{openFile}", 0)'),
  attempt('delete a host file', 'os.unlink("{openFile}")'),
  attempt('rename a host file', 'os.rename("{openFile}", "{openDirectory}/moved")'),
  attempt('make a host directory', 'os.mkdir("{openDirectory}/directory")', ['landlock']),
  attempt('change the mode of a host file', 'os.chmod("{openFile}", 0)'),
  attempt('change the times of a host file', 'os.utime("{openFile}", (0, 0))'),
  attempt('change the owner of a host file', 'os.chown("{openFile}", os.getuid(), -1)'),
  attempt('set an extended attribute', 'os.setxattr("{openFile}", "user.x", b"1")'),
  attempt('write into the library', 'import json\nopen(json.__file__, "a").write("#")'),
  attempt('write a compiled module', 'import json\nopen(os.path.dirname(json.__file__) + "/owned.pyc", "w")'),
  attempt('fill shared memory', 'open("/dev/shm/owned", "w")\nos.unlink("/dev/shm/owned")', ['landlock']),
  attempt('make a device', 'import stat\nos.mknod("device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))'),
  attempt('make a named pipe', 'os.mkfifo("pipe")\n[os.mkfifo("{openDirectory}/pipe")]'),
  attempt(
    'leave by chroot',
    'os.mkdir("x")\nos.chroot("x")\nos.chdir("../../../..")\nopen("etc/passwd").read()',
  ),
  attempt('watch the file system', 'import ctypes\nassert ctypes.CDLL(None).inotify_init1(0) >= 0', [
    'seccomp',
  ]),
  {
    name: 'find a directory descriptor left open',
    source:
      'import os\nfor n in range(3, 1024):\n    try: os.fstat(n); print("ESCAPED", n)\n    except OSError: pass',
  },
  {
    name: 'leave a file for the next',
    source: 'import os\ntry: open("left", "w").write("x")\nexcept OSError: pass\nprint("done")',
  },
  {
    name: 'find the file that another left',
    source: 'import os\nprint("ESCAPED" if os.path.exists("left") else "held")',
  },
  {
    name: 'nest directories beyond any path',
    source:
      'import os\ntry:\n    while True:\n        os.mkdir("d"); os.chdir("d")\nexcept OSError: print("held")',
  },
];
