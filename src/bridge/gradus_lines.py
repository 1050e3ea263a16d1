"""Exchanges one JSON value per line with a parent process: requests on standard input, replies on descriptor 3. Needs
only Python 3.9 or newer. User code in the process cannot touch these streams by printing or reading."""

import contextlib
import faulthandler
import json
import os
import signal
import sys
import traceback

REPLIES = 3
MAX_TEXT = 2000


@contextlib.contextmanager
def limited(seconds, trouble):
    """Exits at the time limit with a stack trace, from a C thread that needs no Python lock: this stops even an endless
    regular expression."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=trouble)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def take_streams():
    """Moves the protocol's streams to private descriptors, so that the user's code cannot touch them by printing or
    reading."""
    requests, replies, trouble = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(REPLIES), "wb"), os.dup(2)
    os.close(REPLIES)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    # A completion may contain text that no encoding can represent; printing it must not fail.
    sys.stdout, sys.stderr = (
        open(number, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False) for number in (1, 2)
    )
    return requests, replies, trouble


def send(replies, reply):
    replies.write(json.dumps(reply, allow_nan=False).encode("ascii") + b"\n")
    replies.flush()


def run_alone(main):
    """Runs the program in its own process group; exits at once, without waiting for leftover threads, and kills
    leftover child processes."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    try:
        main()
    except BaseException:
        traceback.print_exc()
    finally:
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(0)


def text_of(value):
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


def said_by(error):
    """Returns the type and message of an error, as in the last line of a traceback."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    return text_of("".join(traceback.format_exception_only(type(error), error)).strip())
