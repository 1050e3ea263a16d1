"""Permanently removes from this process all permissions that a program under test must not have. Linux >= 5.13, no root
needed.

In order: resource limits, an unprivileged user (when started by root), no capabilities, death with the parent,
no_new_privs, Landlock (files, TCP, signals, abstract sockets), seccomp (an allow list, see syscalls.py).

What it does NOT stop: seeing whether a path exists, and its size and owner (stat is not covered by Landlock; the
bubblewrap kind hides the paths themselves); reading the interpreter's standard library; burning the CPU time and memory
it was given; side channels of the hardware; bugs of the kernel inside the allowed system calls.
"""

import ctypes
import os
import platform
import resource
import stat
import struct
import sys
import sysconfig

import syscalls

libc = ctypes.CDLL(None, use_errno=True)
MACHINE = platform.machine()

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SIGKILL = 9
LANDLOCK_CREATE, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT = 444, 445, 446
CAPSET = {"x86_64": 126, "aarch64": 91}

# linux/landlock.h
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
TRUNCATE = 1 << 14
NEWEST_FS_RIGHT = {1: 12, 2: 13, 3: 14, 4: 14}  # later versions of the interface: bit 15, device ioctls
ALL_TCP = 0b11
ALL_SCOPES = 0b11  # abstract unix sockets, signals


class GuardError(Exception):
    """A protection could not be applied; no part of the program has run."""


def check(result, what):
    """Returns the result of a system call; raises a GuardError that names the call and the cause."""
    if result < 0:
        raise GuardError(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def set_limits(memory_bytes, cpu_seconds, file_bytes, threads):
    """Sets hard limits. The CPU limit is in whole seconds: SIGXCPU at the limit, SIGKILL one second later."""
    pairs = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_NPROC: threads,
        resource.RLIMIT_STACK: 64 << 20,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, limit in pairs.items():
        hard = resource.getrlimit(kind)[1]
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (value, value))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def drop_privileges(uid):
    """Switches to `uid` (given if root started the server) and drops every capability, including those of a user
    namespace."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    # The bounding set can stay: without execve (seccomp), nothing can gain capabilities from it.
    header = struct.pack("=Ii", 0x20080522, 0)
    check(libc.syscall(CAPSET[MACHINE], ctypes.c_char_p(header), ctypes.c_char_p(bytes(24))), "capset")


def die_with(parent):
    """Makes the kernel kill this process when its parent ends. Call it after a change of user, which clears the setting."""
    check(libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl(PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(1)
    check(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl(DUMPABLE)")


def landlock_version():
    """Returns the kernel's Landlock version; 0 without Landlock."""
    return max(0, libc.syscall(LANDLOCK_CREATE, None, 0, 1))


def readable_paths():
    """Returns the paths of the standard library and of devices that programs expect. Shared libraries are already mapped."""
    library = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.join(sys.base_prefix, "lib", "python3")}
    return sorted(path for path in library | {"/dev/null", "/dev/zero", "/dev/urandom"} if path and os.path.exists(path))


def make_ruleset(writable, packages=()):
    """Returns a Landlock ruleset that allows reading the library and packages, and writing below `writable` (unless None)."""
    version = landlock_version()
    if version < 1:
        raise GuardError("this kernel has no Landlock: Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK is needed")
    handled = (1 << (NEWEST_FS_RIGHT.get(version, 15) + 1)) - 1
    attributes = struct.pack("QQQ", handled, ALL_TCP if version >= 4 else 0, ALL_SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = check(libc.syscall(LANDLOCK_CREATE, ctypes.c_char_p(attributes), size, 0), "landlock_create_ruleset")
    for path in [*readable_paths(), *packages]:
        write = WRITE_FILE if path == "/dev/null" else 0
        _allow(ruleset, path, (READ_FILE | READ_DIR | write) & handled)
    if writable is not None:
        own = READ_FILE | READ_DIR | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | TRUNCATE
        _allow(ruleset, writable, own & handled)
    return ruleset


def _allow(ruleset, path, rights):
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
        rule = struct.pack("=Qi", rights, descriptor)
        check(libc.syscall(LANDLOCK_ADD_RULE, ruleset, 1, ctypes.c_char_p(rule), 0), f"landlock_add_rule {path}")
    finally:
        os.close(descriptor)


def restrict_files(ruleset):
    """Applies a Landlock ruleset to this process."""
    check(libc.syscall(LANDLOCK_RESTRICT, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


# Classic BPF over struct seccomp_data {int nr; u32 arch; u64 instruction_pointer; u64 args[6]}.
LOAD, EQUAL, ANY_BIT, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
ALLOW, KILL, NOT_PERMITTED, NO_SUCH_CALL = 0x7FFF0000, 0x80000000, 0x00050000 | 1, 0x00050000 | 38
CLONE_THREAD, CLONE_NAMESPACES = 0x00010000, 0x7E020080
FCNTL_ALLOWED = (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032)  # no F_SETOWN, F_SETSIG: they send signals
IOCTL_ALLOWED = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIO(N)CLEX
PRCTL_ALLOWED = (3, 15, 16)  # dumpable?, set name, get name
AF_UNIX = 1
SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC = 1, 0o4000, 0o2000000
STREAM_TYPES = tuple(SOCK_STREAM | nonblock | cloexec for nonblock in (0, SOCK_NONBLOCK) for cloexec in (0, SOCK_CLOEXEC))


def make_filter():
    """Returns the seccomp program for this machine, as bytes."""
    if MACHINE not in syscalls.ALLOWED:
        raise GuardError(f"no system call table for {MACHINE}: x86_64 and aarch64 are known")
    code = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, syscalls.AUDIT_ARCH[MACHINE]), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    code += [(AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, KILL)]
    numbers = syscalls.FILTERED[MACHINE]
    code += _when(numbers["clone"], _clone_body())
    code += _when(numbers["fcntl"], _one_of(1, FCNTL_ALLOWED))
    code += _when(numbers["ioctl"], _one_of(1, IOCTL_ALLOWED))
    code += _when(numbers["prctl"], _one_of(0, PRCTL_ALLOWED))
    code += _when(numbers["prlimit64"], _one_of(0, (0,)))  # own limits only; hard limits cannot be raised
    # Allow connected pairs of stream sockets, which reach no other process; a datagram socket could send to any path.
    code += _when(numbers["socketpair"], [*_require(0, AF_UNIX), *_one_of(1, STREAM_TYPES)])
    # Without an address, sendto sends only to the other end of a pair.
    code += _when(numbers["sendto"], [*_require(4, 0), *_require(4, 0, half=1), (RETURN, 0, 0, ALLOW)])
    code += _decide(_spans(syscalls.allowed_numbers(MACHINE)))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def _spans(numbers):
    """Returns the spans of call numbers that have the same answer, from 0: [(first number, allowed?), ..]."""
    allowed = set(numbers)
    spans = [(0, 0 in allowed)]
    for number in range(1, max(allowed) + 2):
        if (number in allowed) != spans[-1][1]:
            spans.append((number, number in allowed))
    return spans


def _decide(spans):
    """Returns a binary search over the spans. A chain of comparisons would cost 0.2 ms per program start, because the
    kernel runs a new filter once for each call number."""
    if len(spans) == 1:
        return [(RETURN, 0, 0, ALLOW if spans[0][1] else NO_SUCH_CALL)]
    middle = len(spans) // 2
    below, above = _decide(spans[:middle]), _decide(spans[middle:])
    return [(AT_LEAST, len(below), 0, spans[middle][0]), *below, *above]


def _when(number, body):
    return [(EQUAL, 0, len(body), number), *body]


def _argument(index, half=0):
    return (LOAD, 0, 0, 16 + 8 * index + 4 * half)  # half 0 is the low one: both machines are little-endian


def _require(index, value, half=0):
    """Returns code that continues if the argument equals `value`, and otherwise denies the call."""
    return [_argument(index, half), (EQUAL, 1, 0, value), (RETURN, 0, 0, NOT_PERMITTED)]


def _one_of(index, values):
    body = [_argument(index)]
    for value in values:
        body += [(EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW)]
    return [*body, (RETURN, 0, 0, NOT_PERMITTED)]


def _clone_body():
    """Returns code that allows threads, but denies processes and namespaces."""
    refuse_namespaces = [(ANY_BIT, 0, 1, CLONE_NAMESPACES), (RETURN, 0, 0, NOT_PERMITTED)]
    allow_threads = [(ANY_BIT, 0, 1, CLONE_THREAD), (RETURN, 0, 0, ALLOW)]
    return [_argument(0), *refuse_namespaces, *allow_threads, (RETURN, 0, 0, NOT_PERMITTED)]


def restrict_calls(program):
    """Applies a seccomp filter to this process and to threads started later."""

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    packed = Program(len(program) // 8, program)
    check(libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(packed), 0, 0), "prctl(SECCOMP)")


def no_new_privileges():
    """Disables set-uid privileges; this is what allows an ordinary user to apply Landlock and seccomp."""
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(NO_NEW_PRIVS)")
