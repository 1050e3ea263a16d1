"""Runs one lane of the Python sandbox: forks a guarded process per program from a warm interpreter (1 ms instead of 15).

    Node ──fd 0: requests──▶ fork server ──fork──▶ program   ◀── fd 3: its source and input, which only it reads
         ◀─fd 1: replies───      │                   │ ▲
                                 │              calls▼ │values        (two pipes; tests only)
                                 └───────fork──▶  judge   ◀── fd 4: the tests, which only it reads

The server never reads sources, inputs, tests or outputs: they go from Node's pipes into the forked processes, and from
their memory files back (sendfile). So the memory that the next program inherits contains nothing from an earlier
program or test. Frames are a u32 little-endian length and that many bytes of JSON.

What it does NOT stop: see guard.py. A server that cannot start replies `broken`, and Node replaces it.
"""

import gc
import importlib
import json
import mmap
import os
import select
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import guard  # noqa: E402
import judge  # noqa: E402
import private_directory  # noqa: E402
import program  # noqa: E402
import warm  # noqa: E402, F401

REQUESTS, REPLIES, PROGRAM_PAYLOAD, JUDGE_PAYLOAD = 0, 1, 3, 4
JUDGE_CPU_SECONDS, JUDGE_MEMORY, JUDGE_OUTPUT = 30, 1 << 30, 8 << 20
THREADS_OWN_USER, THREADS_SHARED_USER = 64, 4096
SEALED = b"\1"


class Lane:
    """State shared by all runs of this lane: user, directory, Landlock rules and seccomp filter."""

    def __init__(self, directory, switched_off, packages):
        self.switched_off = frozenset(switched_off)  # names of protections; only tests switch any off
        self.directory = private_directory.open_directory(directory)
        self.uid = private_directory.spare_uid() if os.geteuid() == 0 and "user" not in self.switched_off else None
        self.threads = THREADS_OWN_USER if self.uid is not None or self.directory.own_user_namespace else THREADS_SHARED_USER
        self.filter = guard.make_filter()
        self.readable = [folder for package in packages for folder in package["folders"]]
        self.refresh()

    def refresh(self):
        """Empties the directory for the next run. Landlock rules refer to its inode, so a new directory needs new
        rules."""
        if self.directory.refresh(self.uid):
            self.rules = guard.make_ruleset(self.directory.writable, self.readable)
            os.set_inheritable(self.rules, False)

    def seal(self, parent, memory, cpu_seconds, file_bytes):
        """Applies the guard in a forked process. Nothing untrusted may run before it returns."""
        off = self.switched_off
        os.chdir(self.directory.path)
        if "limits" not in off:
            guard.set_limits(memory, cpu_seconds, file_bytes, self.threads)
        if "user" not in off:
            guard.drop_privileges(self.uid)
        guard.die_with(parent)
        guard.no_new_privileges()
        if "landlock" not in off:
            guard.restrict_files(self.rules)
        if "seccomp" not in off:
            guard.restrict_calls(self.filter)


def read_exactly(descriptor, length):
    """Reads `length` bytes; returns None if the other side closed the pipe."""
    parts, missing = [], length
    while missing > 0:
        part = os.read(descriptor, min(missing, 1 << 20))
        if not part:
            return None
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def read_frame(descriptor):
    """Reads one frame; returns None at the end of the stream."""
    length = read_exactly(descriptor, 4)
    return None if length is None else read_exactly(descriptor, struct.unpack("<I", length)[0])


class Child:
    """A forked, guarded process. Only its output files and its shared page connect it with the server."""

    def __init__(self, lane, payload, limits, wiring, main):
        self.page = mmap.mmap(-1, 4096)
        self.output, self.errors = os.memfd_create("output"), os.memfd_create("errors")
        parent = os.getpid()
        self.started = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(lane, parent, payload, limits, wiring, main)
        self.handle = os.pidfd_open(self.pid)
        self.status = self.usage = None

    def _become(self, lane, parent, payload, limits, wiring, main):
        try:
            job = json.loads(read_frame(payload))
            keep = [self._place(descriptor) for descriptor in wiring]
            source = os.memfd_create("input")
            os.write(source, job.pop("stdin", "").encode("utf-8", "surrogatepass"))
            os.lseek(source, 0, 0)
            for number, descriptor in enumerate((source, self.output, self.errors)):
                os.dup2(descriptor, number)
            rules = os.dup2(lane.rules, 200)
            for number, descriptor in enumerate(keep):
                os.dup2(descriptor, 3 + number)
            os.closerange(3 + len(keep), rules)
            os.closerange(rules + 1, 1024)
            lane.rules = rules
            lane.seal(parent, *limits)
            self.page[0:1] = SEALED
        except BaseException as error:
            self.page[1:1025] = f"{type(error).__name__}: {error}".encode()[:1024].ljust(1024, b"\0")
            os._exit(1)
        self.page.close()
        main(job)
        os._exit(0)

    @staticmethod
    def _place(descriptor):
        return os.dup2(descriptor, 100 + descriptor)

    def wait(self, seconds):
        """Returns True once the process has ended; False after `seconds`, or immediately if Node has exited."""
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        poll.register(REQUESTS, 0)
        events = dict(poll.poll(max(0, seconds) * 1000))
        return self.handle in events

    def end(self):
        """Kills the process if it is still running, reaps it and reports its end. It could not fork, so no child
        remains."""
        alive = self.usage is None and not self.wait(0)
        report = self._scheduling() if alive else {}
        os.kill(self.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.pid, 0)
        wall = time.monotonic() - self.started
        report.update(
            ended="killed" if alive else "signal" if os.WIFSIGNALED(status) else "exit",
            code=os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status),
            cpuMs=(usage.ru_utime + usage.ru_stime) * 1000,
            wallMs=wall * 1000,
            sealed=self.page[0:1] == SEALED,
            problem=self.page[1:1025].rstrip(b"\0").decode("utf-8", "replace"),
        )
        return report

    def _scheduling(self):
        """Returns how long the running process waited for a processor, and the states of its threads."""
        waited, states = 0, ""
        try:
            for task in os.listdir(f"/proc/{self.pid}/task"):
                with open(f"/proc/{self.pid}/task/{task}/schedstat") as file:
                    waited = max(waited, int(file.read().split()[1]))
                with open(f"/proc/{self.pid}/task/{task}/stat") as file:
                    states += file.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            return {}
        return {"waitedMs": waited / 1e6, "states": states}

    def close(self):
        """Closes the descriptors."""
        self.page.close()
        for descriptor in (self.handle, self.output, self.errors):
            os.close(descriptor)


def run(lane, request):
    """Runs a request; returns the reply and the processes whose files follow it."""
    limits = (request["memoryBytes"], request["cpuSeconds"], request["outputBytes"])
    wall = request["wallMs"] / 1000
    if not request["judged"]:
        child = Child(lane, PROGRAM_PAYLOAD, limits, (), program.run_main)
        child.wait(wall)
        return {"program": child.end()}, [child]
    to_program, from_judge = os.pipe()
    to_judge, from_program = os.pipe()
    child = Child(lane, PROGRAM_PAYLOAD, limits, (to_program, from_program), program.serve_calls)
    os.close(to_program)
    os.close(from_program)
    pid = child.pid
    judging = Child(
        lane,
        JUDGE_PAYLOAD,
        (JUDGE_MEMORY, JUDGE_CPU_SECONDS, JUDGE_OUTPUT),
        (to_judge, from_judge),
        lambda job: judge.judge(job, pid),
    )
    os.close(to_judge)
    os.close(from_judge)
    judging.wait(wall)
    # End the program first: its scheduler statistics exist only while it runs, and the judge may have stopped waiting.
    reply = {"program": child.end(), "judge": judging.end()}
    return reply, [child, judging]


def send(reply, children):
    """Sends the reply, then the output and errors of each process, from file to pipe without copying them into this
    process."""
    files = [descriptor for child in children for descriptor in (child.output, child.errors)]
    reply["files"] = [min(os.fstat(descriptor).st_size, JUDGE_OUTPUT) for descriptor in files]
    head = json.dumps(reply).encode()
    os.write(REPLIES, struct.pack("<I", len(head)) + head)
    for descriptor, size in zip(files, reply["files"]):
        offset = 0
        while offset < size:
            offset += os.sendfile(REPLIES, descriptor, offset, size - offset)


def load(package):
    """Imports a declared package before any fork; returns its version. Programs cannot import other modules in the same
    folder."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # threads would not survive the fork
    sys.path.append(os.path.dirname(package["folders"][0]))
    try:
        module = importlib.import_module(package["name"])
        for part in package["parts"]:
            importlib.import_module(f"{package['name']}.{part}")
    finally:
        sys.path.pop()
    return str(module.__version__)


def main():
    """Serves requests until Node closes the pipe."""
    options = json.loads(sys.argv[1])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # for the tests; inherited by every process forked here
    try:
        packages = options.get("packages", [])
        versions = {package["name"]: load(package) for package in packages}
        lane = Lane(options["directory"], options.get("switchedOff", []), packages)
    except (guard.GuardError, OSError, ImportError) as error:
        send({"broken": str(error)}, [])
        return
    gc.collect()
    gc.freeze()
    version = sys.version.split()[0]
    send({"ready": lane.directory.describe(), "landlock": guard.landlock_version(), "python": version, "packages": versions}, [])
    while (frame := read_frame(REQUESTS)) is not None:
        reply, children = run(lane, json.loads(frame))
        send(reply, children)
        for child in children:
            child.close()
        lane.refresh()


if __name__ == "__main__":
    main()
