"""Runs inside the guarded process of a program. No code here is trusted once the program's first line has run, because
the program may have replaced any of it. Protection comes from the guard and the judge.
"""

import _sitebuiltins
import atexit
import builtins
import io
import json
import os
import sys
import threading
import types

import values

REQUESTS, REPLIES = 3, 4
OWN_MODULES = (
    "fork_server guard judge private_directory program syscalls values warm numpy_stand_in pytest_stand_in test_runner"
).split()
LIBRARY = [path for path in sys.path[1:] if not path.endswith(".zip")]  # without the folder of these files


def run_main(job):
    """Runs the program as a script, with standard input, standard output and an exit code."""
    code = 0
    try:
        _prepare("__main__")
        exec(compile(job["source"], "main.py", "exec"), sys.modules["__main__"].__dict__)
    except SystemExit as request:
        code = request.code if isinstance(request.code, int) else 0 if request.code is None else 1
    except BaseException as error:
        _report(error)
        code = 1
    _finish(code)


def _prepare(name):
    """Makes the interpreter look as if it had just been started."""
    sys.stdin, sys.stdout, sys.stderr = (
        io.open(number, mode, encoding="utf-8", errors=errors, closefd=False)
        for number, mode, errors in ((0, "r", "surrogatepass"), (1, "w", "surrogatepass"), (2, "w", "backslashreplace"))
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    sys.argv, sys.path = ["main.py"], LIBRARY
    sys.setrecursionlimit(10_000)
    # `site` adds these names to every ordinary interpreter; this one starts without `site`.
    builtins.exit, builtins.quit = (_sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)") for name in ("exit", "quit"))
    builtins.help = _sitebuiltins._Helper()
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # programs print and read integers of any length; CPU time limits them
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = __builtins__
    for own in OWN_MODULES:
        sys.modules.pop(own, None)
    sys.modules[name] = module
    return module


def _report(error):
    """Writes the end of a traceback to standard error. Importing the standard library's module would cost each failure
    6 ms."""
    try:
        sys.stdout.flush()
    except BaseException:
        pass
    try:
        frames, place = [], error.__traceback__
        while place is not None:
            code = place.tb_frame.f_code
            frames.append(f'  File "{code.co_filename}", line {place.tb_lineno}, in {code.co_name}\n')
            place = place.tb_next
        text = f"{type(error).__name__}: {error}".rstrip(": ")[:2000]
        os.write(2, "".join(frames[1:][-4:] + [text, "\n"]).encode("utf-8", "replace"))
    except BaseException:
        os.write(2, b"failed with an error that cannot be described\n")


def _finish(code):
    """Ends as an interpreter does: joins threads, runs exit handlers, flushes buffers."""
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as error:
        _report(error)
        code = code or 1
    os._exit(code & 255)


def serve_calls(job):
    """Loads the program as a module and then serves the judge: looks up names, calls, reads attributes."""
    objects = {}

    def refer(value):
        objects[id(value)] = value  # kept alive, so that its number is not reused
        return id(value)

    try:
        module = _prepare("solution")
        exec(compile(job["source"], "solution.py", "exec"), module.__dict__)
        reply = {"value": None}
    except BaseException as error:
        _report(error)
        reply = _failure(error)
    while True:
        try:
            frame = values.dump(reply)
        except BaseException as error:
            frame = values.dump(_failure(error))
        _write(frame)
        reply = _answer(json.loads(_read()), module.__dict__, objects, refer)


def _answer(request, names, objects, refer):
    try:
        target = objects[request["on"]] if "on" in request else None
        resolve = lambda number, _: objects[number]  # noqa: E731
        arguments = values.unpack(request["arguments"], resolve)
        options = values.unpack(request["options"], resolve)
        return {"value": values.pack(_operate(request, target, names, arguments, options), refer)}
    except BaseException as error:
        return _failure(error)


def _operate(request, target, names, arguments, options):
    operation = request["do"]
    if operation == "call":
        return target(*arguments, **options)
    if operation == "name":
        return _find(request["name"], names)
    if operation == "make":
        kind = _find(request["name"], names)
        return kind.__new__(kind)
    if operation == "get":
        return getattr(target, request["name"])
    if operation == "set":
        return setattr(target, request["name"], arguments[0])
    if operation == "item":
        return target[arguments[0]]
    return {"length": len, "text": str, "list": list}[operation](target)


def _find(name, names):
    """Returns a global of the program, or a method of a class named before a dot or else of `Solution` (as on LeetCode)."""
    owner, dot, method = name.partition(".")
    if dot and owner in names:
        return getattr(names[owner](), method)
    if name not in names and "Solution" in names:
        return getattr(names["Solution"](), name)
    if name not in names:
        raise NameError(f"the program defines no {name}")
    return names[name]


def _failure(error):
    return {"error": [type(error).__name__, str(error)[:500], values.class_names(type(error))]}


def _read():
    length = int.from_bytes(_read_exactly(4), "little")
    return _read_exactly(length)


def _read_exactly(length):
    data = b""
    while len(data) < length:
        part = os.read(REQUESTS, length - len(data))
        if not part:
            os._exit(0)
        data += part
    return data


def _write(frame):
    while frame:
        frame = frame[os.write(REPLIES, frame) :]
