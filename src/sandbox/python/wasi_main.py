"""Starts a program or its judge in Python compiled to WebAssembly (wasi/). There are no descriptors to inherit: the
pipes that the fork server passes as descriptors 3 and 4 are opened by name.

/io/role names the role. A judge reads the program's CPU time, and whether a reply has come, from files of the host.
"""

import json
import os
import sys
import types


def _read_all(name):
    descriptor = os.open(name, os.O_RDONLY)
    parts = []
    while part := os.read(descriptor, 1 << 16):
        parts.append(part)
    os.close(descriptor)
    return b"".join(parts)


def _load(name, text):
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, name + ".py", "exec"), module.__dict__)
    return module


def _judge(judge, job):
    class Program(judge.Program):
        def cpu(self):
            return float(_read_all("/io/program-cpu"))

        def _await_bytes(self):
            start = judge.time.monotonic()
            while not _read_all("/io/replies-ready"):
                self.check_cpu()
                if self.waited + judge.time.monotonic() - start > self.wall_seconds:
                    raise judge.Stalled
            self.waited += judge.time.monotonic() - start

    judge.Program = Program
    judge.REPLIES_IN = os.open("/io/replies", os.O_RDONLY)
    judge.REQUESTS_OUT = os.open("/io/requests", os.O_WRONLY)
    judge.judge(job, 0)


def main():
    role = _read_all("/io/role").decode()
    sources = json.loads(_read_all("/io/modules"))
    modules = {name: _load(name, text) for name, text in sources.items()}
    job = json.loads(_read_all("/io/job"))
    if role == "judge":
        return _judge(modules["judge"], job)
    program = modules["program"]
    program.LIBRARY = sys.path
    if role == "script":
        return program.run_main(job)
    program.REQUESTS = os.open("/io/requests", os.O_RDONLY)
    program.REPLIES = os.open("/io/replies", os.O_WRONLY)
    program.serve_calls(job)


main()
