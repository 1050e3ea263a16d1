"""Lists the system calls a guarded program may make: what CPython needs to compute, print and use its own directory.

Every other call (sockets, processes, signals to others, mounts, tracing, metadata of files, keys, bpf, io_uring, and
calls that later kernels add) returns ENOSYS, as on a kernel without that call, which C libraries handle. The numbers
are the kernel's: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.

Common calls that are not allowed: kill, tkill, tgkill (same-uid processes of the host), fork, vfork, execve, socket,
connect, bind, sendmsg, memfd_create (memory outside the limits), truncate, chmod, chown, utime* and xattr calls (not
covered by Landlock).
"""

ALLOWED = {
    "x86_64": """
read=0 write=1 readv=19 writev=20 pread64=17 pwrite64=18 preadv=295 pwritev=296 lseek=8 openat=257 open=2 close=3
close_range=436 fstat=5 stat=4 lstat=6 newfstatat=262 statx=332 statfs=137 fstatfs=138 access=21 faccessat=269
faccessat2=439 readlink=89 readlinkat=267 getdents=78 getdents64=217 getcwd=79 chdir=80 fchdir=81 mkdir=83
mkdirat=258 rmdir=84 unlink=87 unlinkat=263 rename=82 renameat=264 renameat2=316 ftruncate=77 fsync=74 fdatasync=75
fadvise64=221 flock=73 copy_file_range=326 sendfile=40 umask=95 dup=32 dup2=33 dup3=292 pipe=22 pipe2=293
eventfd2=290 poll=7 ppoll=271 select=23 pselect6=270 epoll_create1=291 epoll_ctl=233 epoll_wait=232 epoll_pwait=281
epoll_pwait2=441 brk=12 mmap=9 munmap=11 mremap=25 mprotect=10 madvise=28 mincore=27 msync=26 membarrier=324
futex=202 set_robust_list=273 set_tid_address=218 rseq=334 arch_prctl=158 sched_yield=24 sched_getaffinity=204
sched_getparam=143 sched_getscheduler=145 sched_get_priority_max=146 sched_get_priority_min=147 getpriority=140
getcpu=309 rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 rt_sigpending=127 rt_sigsuspend=130 rt_sigtimedwait=128
sigaltstack=131 restart_syscall=219 pause=34 alarm=37 setitimer=38 getitimer=36 nanosleep=35 clock_nanosleep=230
clock_gettime=228 clock_getres=229 gettimeofday=96 time=201 times=100 getrusage=98 getrlimit=97 setrlimit=160
sysinfo=99 uname=63 getrandom=318 getpid=39 getppid=110 gettid=186 getpgrp=111 getpgid=121 getsid=124 getuid=102
geteuid=107 getgid=104 getegid=108 getresuid=118 getresgid=120 getgroups=115 capget=125 wait4=61 waitid=247 exit=60
exit_group=231 recvfrom=45
""",
    "aarch64": """
read=63 write=64 readv=65 writev=66 pread64=67 pwrite64=68 preadv=69 pwritev=70 lseek=62 openat=56 close=57
close_range=436 fstat=80 newfstatat=79 statx=291 statfs=43 fstatfs=44 faccessat=48 faccessat2=439 readlinkat=78
getdents64=61 getcwd=17 chdir=49 fchdir=50 mkdirat=34 unlinkat=35 renameat=38 renameat2=276 ftruncate=46 fsync=82
fdatasync=83 fadvise64=223 flock=32 copy_file_range=285 sendfile=71 umask=166 dup=23 dup3=24 pipe2=59 eventfd2=19
ppoll=73 pselect6=72 epoll_create1=20 epoll_ctl=21 epoll_pwait=22 epoll_pwait2=441 brk=214 mmap=222 munmap=215
mremap=216 mprotect=226 madvise=233 mincore=232 msync=227 membarrier=283 futex=98 set_robust_list=99
set_tid_address=96 rseq=293 sched_yield=124 sched_getaffinity=123 sched_getparam=121 sched_getscheduler=120
sched_get_priority_max=125 sched_get_priority_min=126 getpriority=141 getcpu=168 rt_sigaction=134 rt_sigprocmask=135
rt_sigreturn=139 rt_sigpending=136 rt_sigsuspend=133 rt_sigtimedwait=137 sigaltstack=132 restart_syscall=128
setitimer=103 getitimer=102 nanosleep=101 clock_nanosleep=115 clock_gettime=113 clock_getres=114 gettimeofday=169
times=153 getrusage=165 getrlimit=163 setrlimit=164 sysinfo=179 uname=160 getrandom=278 getpid=172 getppid=173
gettid=178 getpgid=155 getsid=156 getuid=174 geteuid=175 getgid=176 getegid=177 getresuid=148 getresgid=150
getgroups=158 capget=90 wait4=260 waitid=95 exit=93 exit_group=94 recvfrom=207
""",
}

# Allowed only for some arguments, see guard.make_filter. asyncio wakes its event loop with socketpair and sendto.
FILTERED = {
    "x86_64": {"clone": 56, "fcntl": 72, "ioctl": 16, "prctl": 157, "prlimit64": 302, "socketpair": 53, "sendto": 44},
    "aarch64": {"clone": 220, "fcntl": 25, "ioctl": 29, "prctl": 167, "prlimit64": 261, "socketpair": 199, "sendto": 206},
}

# AUDIT_ARCH_* of linux/audit.h: a call through another table (32-bit, x32) kills the program.
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def allowed_numbers(machine):
    """Returns the numbers of the allowed calls on a machine, ascending."""
    return sorted(int(entry.split("=")[1]) for entry in ALLOWED[machine].split())
