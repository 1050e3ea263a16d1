"""Log lines on stderr. Writing to a closed stderr must not fail a request."""

from __future__ import annotations

import contextlib
import sys
import traceback


def log_line(message: str) -> None:
    """Writes one line in a single call: a reader may close the pipe after its first bytes."""
    _write(f"gradus_worker: {message}\n")


def log_traceback(error: BaseException) -> None:
    """Writes an error with its traceback."""
    _write("".join(traceback.format_exception(error)))


def _write(text: str) -> None:
    # A closed pipe raises OSError, a closed stream ValueError.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
