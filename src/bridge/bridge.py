"""Runs a package of environments for Gradus. Needs Python 3.11 or newer and the package.

Standard input and descriptor 3 carry one JSON value per line (see gradus_lines). First request: {"protocol", "package",
"options", "maxLoadSeconds", "maxSeconds"}; its reply: what was loaded (see describe) or {"refused"}. Each later request
has a "method" and its arguments:

    ping                          {"pong": true}
    tasks and the adapter's own arguments
                                  {"total", "tasks": [{"task", "prompt", "answer", "fields"}]}
    score {"task", "answer"}      {"score"}, between 0 and 1; null if the CPU time limit is exceeded
    play {"task", "turns", "seen"}
                                  the reply to the last turn: {"messages", "isOver", "reward", "calls", "details",
                                  "digest"}

A failure has the reply {"error"}. Exits at end of input, or when a call blocks beyond its time limit.
"""

import importlib
import importlib.metadata
import json
import math
import os
import platform
import sys

from gradus_lines import limited, run_alone, said_by, send, take_streams

PROTOCOL = 1
ADAPTERS = {
    "reasoning-gym": "gradus_reasoning_gym",
    "verifiers": "gradus_verifiers",
    "openenv": "gradus_openenv",
}
# Longest reply in characters; Gradus ends a process that writes more than twice as much.
MAX_REPLY = 1 << 23


class Invalid(Exception):
    """A request that the protocol does not allow."""


def main():
    requests, replies, trouble = take_streams()
    setup = json.loads(requests.readline())
    try:
        with limited(expect(setup, "maxLoadSeconds", (int, float)), trouble):
            adapter, about = load(setup)
    except BaseException as error:
        send(replies, {"refused": said_by(error)})
        return
    send(replies, about)
    max_seconds = expect(setup, "maxSeconds", (int, float))
    for line in requests:
        try:
            # Allow one second more than the adapters' own limit, so that a late answer does not end the process.
            with limited(max_seconds + 1, trouble):
                reply = checked(answer(adapter, json.loads(line)))
        except BaseException as error:
            reply = {"error": said_by(error)}
        send(replies, reply)


def load(setup):
    if sys.version_info < (3, 11):  # noqa: UP036 -- the user's interpreter, not ours
        raise Invalid(f"expected Python 3.11 or newer, got {platform.python_version()}")
    protocol, name = expect(setup, "protocol", int), expect(setup, "package", str)
    if protocol != PROTOCOL:
        raise Invalid(f"expected protocol {PROTOCOL}, got {protocol}")
    if name not in ADAPTERS:
        raise Invalid(f"expected one of {', '.join(ADAPTERS)}, got {name}")
    version = importlib.metadata.version(name)
    # Allow imports of the user's packages next to the recipe, as in a script there.
    sys.path.append(os.getcwd())
    module = importlib.import_module(ADAPTERS[name])
    adapter = module.Adapter(expect(setup, "options", dict), float(setup["maxSeconds"]))
    return adapter, {
        "protocol": PROTOCOL,
        "version": version,
        "python": platform.python_version(),
        "interpreter": sys.executable,
        "roles": [],
        "tools": [],
        "environment": "",
        **adapter.about(),
    }


def answer(adapter, request):
    method = expect(request, "method", str)
    if method == "ping":
        return {"pong": True}
    if method not in ("tasks", "score", "play") or not hasattr(adapter, method):
        raise Invalid(f"expected a method of this package, got {method!r}")
    return getattr(adapter, method)({key: value for key, value in request.items() if key != "method"})


def expect(request, name, kind):
    value = request.get(name)
    if not isinstance(value, kind):
        raise Invalid(f'expected "{name}" in the request, got {str(value)[:80]}')
    return value


def checked(reply):
    """Rejects a reply that JSON cannot represent or that is too long."""
    for name in ("score", "reward"):
        value = reply.get(name)
        if value is not None and not math.isfinite(value):
            raise ValueError(f"expected a finite {name}, got {value}")
    size = len(json.dumps(reply, allow_nan=False))
    if size > MAX_REPLY:
        raise ValueError(f"expected a reply of at most {MAX_REPLY} characters, got {size}")
    return reply


if __name__ == "__main__":
    run_alone(main)
