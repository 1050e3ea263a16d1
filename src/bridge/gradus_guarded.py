"""Scores one answer in a child process without permissions, because a scorer that evaluates an answer as Python runs a
program that the policy wrote. The child can read only Python's libraries, and cannot start a process, open a socket or
write a file. A program can still fake its own score, but it cannot affect later scores."""

import importlib
import json
import os
import resource
import select
import signal
import sys
import time

from gradus_lines import said_by

SANDBOX = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sandbox", "python")
MAX_MEMORY = 4 << 30
MAX_REPLY = 1 << 16


class Guard:
    def __init__(self, max_cpu_seconds, max_seconds):
        sys.path.append(SANDBOX)
        try:
            self.guard = importlib.import_module("guard")
        finally:
            sys.path.remove(SANDBOX)
        self.max_cpu_seconds, self.max_seconds = max_cpu_seconds, max_seconds
        self.filter = self.guard.make_filter()
        if self.guard.landlock_version() < 1:
            raise self.guard.GuardError(
                "this kernel has no Landlock: Linux 5.13 or later is needed; isGuarded: false scores without it"
            )

    def call(self, function):
        """Returns the number that the function returns, or None if it exceeds the CPU time limit."""
        reader, writer = os.pipe()
        text, parent, child = None, os.getpid(), os.fork()
        if child == 0:
            self.run(function, writer, parent)
        os.close(writer)
        try:
            text = read_all(reader, time.monotonic() + self.max_seconds)
        finally:
            os.close(reader)
            if text is None:
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        if text is None:
            raise RuntimeError(f"the scorer gave no score within {self.max_seconds} s")
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
            return None
        if not text.endswith(b"\n"):
            raise RuntimeError("the scorer's process ended without a score")
        reply = json.loads(text)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return float(reply["score"])

    def run(self, function, writer, parent):
        try:
            os.closerange(3, writer)
            os.closerange(writer + 1, 1024)
            self.restrict(parent)
            reply = {"score": float(function())}
        except BaseException as error:
            reply = {"error": said_by(error)}
        try:
            os.write(writer, json.dumps(reply).encode("ascii") + b"\n")
        finally:
            os._exit(0)

    def restrict(self, parent):
        guard = self.guard
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (self.max_cpu_seconds, self.max_cpu_seconds + 1))
        readable = [path for path in sys.path if os.path.isdir(path)]
        rules = guard.make_ruleset(None, readable)
        guard.drop_privileges(None)
        guard.die_with(parent)
        guard.no_new_privileges()
        guard.restrict_files(rules)
        guard.restrict_calls(self.filter)


def read_all(reader, deadline):
    """Returns everything up to the end of the stream, or None if the deadline passes first."""
    text = b""
    while len(text) <= MAX_REPLY:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return None
        piece = os.read(reader, MAX_REPLY)
        if piece == b"":
            return text
        text += piece
    raise RuntimeError("the scorer's process wrote too much")
