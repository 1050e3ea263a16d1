"""Runs the tests of a problem in a guarded process, against a program in another guarded process.

The program only returns values. Expected values never leave this process, and plain data is compared here. So a program
gains nothing by printing "passed", exiting with 0, patching its interpreter, forging replies or returning objects that
equal everything: it can only return a right or a wrong value.

Instances of the program's classes are `Remote`: tests may call them, read their attributes and pass them back, but they
equal only themselves. Comparisons and arithmetic are not forwarded, because the program could see the expected value
and agree with it.
"""

import builtins
import copy
import importlib
import json
import os
import re
import select
import sys
import time

import numpy_stand_in
import pytest_stand_in
import values
from test_runner import BrokenTests, SolutionModule, run_test

REPLIES_IN, REQUESTS_OUT, RESULT = 3, 4, 1
TESTS = "tests"  # name of the module to which the tests' own classes belong


class ProgramEnded(BaseException):
    """The program's process ended or sent an invalid frame. A BaseException, so that tests that catch errors do not
    catch it."""


class OutOfTime(BaseException):
    """The program used up its CPU time in this test."""


class Stalled(BaseException):
    """A reply took far more wall-clock time than CPU time: the machine is overloaded, or the program sleeps."""


class Program:
    """The program at the other end of the pipes, and its CPU time as the kernel measures it."""

    def __init__(self, pid, cpu_seconds, wall_seconds):
        self.clock = (~pid << 3) | 2  # the process CPU-time clock of another process: clock_getcpuclockid(3)
        self.cpu_seconds, self.wall_seconds = cpu_seconds, wall_seconds
        self.was_asked = False
        self.copies = {}  # of the tests' objects (linked lists, trees), kept alive with their originals
        self.restart()

    def restart(self):
        """Starts a new time budget, for the next test."""
        self.cpu_start, self.waited = self.cpu(), 0.0

    def cpu(self):
        """Returns the CPU seconds that the program has used."""
        try:
            return time.clock_gettime(self.clock)
        except OSError as error:
            raise ProgramEnded("the program ended") from error

    def read(self, length):
        """Reads exactly `length` bytes from the program, within its budget."""
        parts = []
        while length > 0:
            self._await_bytes()
            part = os.read(REPLIES_IN, min(length, 1 << 16))
            if not part:
                raise ProgramEnded("the program ended")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _await_bytes(self):
        start = time.monotonic()
        while not select.select([REPLIES_IN], [], [], 0.02)[0]:
            self.check_cpu()
            # Count only the time spent waiting for the program, not time in which this process was not scheduled.
            if self.waited + time.monotonic() - start > self.wall_seconds:
                raise Stalled
        self.waited += time.monotonic() - start

    def check_cpu(self):
        """Raises OutOfTime if the CPU time is used up."""
        if self.cpu() - self.cpu_start > self.cpu_seconds:
            raise OutOfTime

    def receive(self):
        """Returns the value of the program's next reply; raises the exception that the reply reports."""
        length = int.from_bytes(self.read(4), "little")
        if length > values.MAX_FRAME:
            raise ProgramEnded("the program sent something that is no reply")
        try:
            reply = json.loads(self.read(length), parse_int=_small_integer)
            error = reply.get("error")
            value = None if error else values.unpack(reply["value"], lambda number, kind: Remote(self, number, kind))
        except Exception as failure:
            raise ProgramEnded(f"the program sent something that is no value: {type(failure).__name__}") from failure
        self.check_cpu()
        if error:
            raise _as_exception(error)
        return value

    def ask(self, operation, on=None, name=None, arguments=(), options=None):
        """Performs one operation in the program's process."""
        self.was_asked = True
        pack = lambda value: values.pack(value, self._number)  # noqa: E731
        packed = {"do": operation, "arguments": pack(list(arguments)), "options": pack(options or {})}
        if on is not None:
            packed["on"] = on
        if name is not None:
            packed["name"] = name
        frame = values.dump(packed)
        try:
            while frame:
                frame = frame[os.write(REQUESTS_OUT, frame) :]
        except OSError as error:
            raise ProgramEnded("the program ended") from error
        return self.receive()


    def _number(self, value):
        """Returns the number of an object in the program: an object that came from it, or a copy of one that the tests
        made."""
        if isinstance(value, Remote):
            return object.__getattribute__(value, "_number")
        if type(value).__module__ != TESTS:
            raise values.MalformedValue(f"a test passes a {type(value).__name__}, which is not plain data")
        if id(value) not in self.copies:
            copy_ = self.ask("make", None, type(value).__name__)
            self.copies[id(value)] = (copy_, value)
            for name, item in vars(value).items():
                setattr(copy_, name, item)
        return self._number(self.copies[id(value)][0])


def _small_integer(digits):
    """Reads an integer in a reply. Larger ones are tagged and hexadecimal: reading a long decimal takes quadratic
    time."""
    if len(digits) > 20:
        raise values.MalformedValue("an untagged integer of more than 20 digits")
    return int(digits)


def _as_exception(error):
    """Returns the program's exception as an instance of the built-in class that it is or extends, with the name of
    its own class."""
    kind = values.exception_class([str(name) for name in error[2]])
    message = str(error[1])
    return RuntimeError(f"{kind.__name__}: {message}") if issubclass(kind, UnicodeError) else kind(message)


class Remote:
    """An object in the program's process, identified by its number."""

    __slots__ = ("_program", "_number", "_kind")

    def __init__(self, program, number, kind):
        object.__setattr__(self, "_program", program)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_kind", kind)

    def __call__(self, *arguments, **options):
        return self._program.ask("call", self._number, None, arguments, options)

    def __getattr__(self, name):
        return self._program.ask("get", self._number, name)

    def __setattr__(self, name, value):
        self._program.ask("set", self._number, name, (value,))

    def __getitem__(self, key):
        return self._program.ask("item", self._number, None, (key,))

    def __iter__(self):
        return iter(self._program.ask("list", self._number))

    def __len__(self):
        return self._program.ask("length", self._number)

    def __str__(self):
        return str(self._program.ask("text", self._number))

    def __bool__(self):
        return True

    def __eq__(self, other):
        return isinstance(other, Remote) and other._number == self._number

    def __hash__(self):
        return hash(self._number)

    def __deepcopy__(self, _):
        return self

    def __repr__(self):
        return f"<{self._kind} of the program>"


class Names(dict):
    """Globals of the tests, looked up in this order: names of the tests, the entry point, built-ins, library modules (a
    program must not replace `math` in the tests), and other names of the program."""

    def __init__(self, program, entry_point):
        super().__init__(__name__=TESTS, __builtins__=builtins, __run_test__=run_test)
        self._program, self._entry_point = program, entry_point

    def __missing__(self, name):
        if name != self._entry_point:
            if hasattr(builtins, name):
                raise KeyError(name)
            if name in getattr(sys, "stdlib_module_names", ()):
                return importlib.import_module(name)
        self[name] = value = self._program.ask("name", None, name)
        return value


def judge(job, pid):
    """Entry point: runs all tests of the job and writes the outcomes to the result file."""
    sys.setrecursionlimit(10_000)
    program = Program(pid, job["cpuMs"] / 1000, job["wallMs"] / 1000)
    outcomes = []
    result = {"loaded": False, "outcomes": outcomes}
    try:
        program.receive()
        result["loaded"] = True
        _run(job, program, outcomes)
    except BaseException as error:
        result["stopped"] = _outcome(error)
    body = json.dumps(result).encode()
    while body:
        body = body[os.write(RESULT, body) :]


def _run(job, program, outcomes):
    names = Names(program, job.get("entryPoint"))
    if job["type"] == "calls":
        tests = [lambda call=call: _call(program, job["entryPoint"], call) for call in job["calls"]]
    elif job["type"] == "cases":
        tests = [lambda case=case: _case(program, job["entryPoint"], case) for case in job["cases"]]
    else:
        tests = _prepare(job, program, names)
    for test in tests:
        program.restart()
        try:
            value = test()
            outcomes.append({"status": "passed", **({} if value is None else {"value": value})})
        except Exception as error:
            outcomes.append(_outcome(error))
        if job.get("stopAtFailure") and outcomes[-1]["status"] != "passed":
            break


# These tests patch or capture their own process, but the program runs in a different one.
REACHES_INTO_PROGRAM = re.compile(
    r"\bunittest\.mock\b|\bfrom unittest import .*\bmock\b|^\s*import mock\b|\bredirect_stdout\b|\bsys\.std(?:in|out)\s*=",
    re.M,
)


def _prepare(job, program, names):
    """Runs the setup and compiles the tests. An error here that the program did not cause would fail every program."""
    sources = [job["setup"], *job["tests"]]
    for source in sources:
        found = REACHES_INTO_PROGRAM.search(source)
        if found:
            raise BrokenTests(f"the tests use {found[0].strip()}, which cannot reach the program: it runs in another process")
    try:
        if any("numpy" in source for source in sources):
            numpy_stand_in.install()
        if any("pytest" in source for source in sources):
            pytest_stand_in.install()
        sys.modules["solution"] = SolutionModule(lambda name: program.ask("name", None, name))
        codes = [compile(test, "test.py", "exec") for test in job["tests"]]
        exec(compile(job["setup"], "setup.py", "exec"), names)
    except (Exception, SystemExit) as error:
        if program.was_asked:
            raise  # possibly the program's fault: a program must not make itself ungradable
        raise BrokenTests(f"the problem's own tests cannot be run: {type(error).__name__}: {error}") from error
    names.pop(job.get("entryPoint"), None)  # the setup may define a stub of the entry point
    return [lambda code=code: exec(code, names) for code in codes]


def _call(program, entry_point, arguments):
    """Calls the entry point; returns the value that the program returned."""
    value = program.ask("name", None, entry_point)(*arguments)
    return {"packed": values.pack(value)}


def _case(program, entry_point, case):
    """Makes a call whose value must equal one of the accepted values; tuples equal lists, as in JSON."""
    value = program.ask("name", None, entry_point)(*copy.deepcopy(case["arguments"]))
    tolerance = case.get("tolerance")
    if not any(same(value, accepted, tolerance) for accepted in case["accepted"]):
        raise AssertionError(f"expected {_short(case['accepted'][0])}, got {_short(value)}")


def same(value, expected, tolerance=None):
    """Compares values as Python does, except that tuples equal lists and the tolerance applies to numbers unless both
    are integers."""
    if isinstance(value, (int, float)) and isinstance(expected, (int, float)):
        if value == expected:
            return True
        if tolerance is None or (isinstance(value, int) and isinstance(expected, int)):
            return False
        gap = abs(value - expected)
        return gap <= tolerance["absolute"] or gap <= tolerance["relative"] * abs(expected)
    if isinstance(value, (list, tuple)) and isinstance(expected, (list, tuple)):
        return len(value) == len(expected) and all(same(*pair, tolerance) for pair in zip(value, expected))
    if isinstance(value, dict) and isinstance(expected, dict):
        plain = {_key(key): item for key, item in value.items()}
        return plain.keys() == expected.keys() and all(same(plain[key], expected[key], tolerance) for key in plain)
    return type(value) is type(expected) and value == expected


def _key(key):
    return key if isinstance(key, str) else json.dumps(key) if isinstance(key, (int, float, bool)) else str(key)


def _short(value):
    """Returns the value as a string for a message. Long integers are not written out, which would take quadratic
    time."""
    limit = getattr(sys, "set_int_max_str_digits", lambda digits: None)
    limit(4300)
    try:
        text = repr(value)
    except ValueError:
        text = f"{type(value).__name__} with an integer of more than 4300 digits"
    finally:
        limit(0)
    return text if len(text) <= 200 else f"{text[:200]}…"


STATUS = {ProgramEnded: "ended", OutOfTime: "timeout", Stalled: "stalled", BrokenTests: "broken"}


def _outcome(error):
    text = str(error)[:500]
    kind = type(error).__name__
    status = STATUS.get(type(error), "failed")
    return {"status": status, "error": f"{kind}: {text}" if text else kind}
