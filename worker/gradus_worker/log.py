"""What the worker says to people, on stderr. Whether anybody still reads it must not matter to the work."""

from __future__ import annotations

import contextlib
import sys
import traceback


def log_line(message: str) -> None:
    """One line, written at once: who has read its beginning may close the pipe."""
    _write(f"gradus_worker: {message}\n")


def log_traceback(error: BaseException) -> None:
    """An error with its traceback."""
    _write("".join(traceback.format_exception(error)))


def _write(text: str) -> None:
    # A closed pipe is an OSError, a closed stream a ValueError.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
