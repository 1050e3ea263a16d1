"""Ends the worker process with an exit code."""

from __future__ import annotations

import os
import time

from .log import log_line

USAGE = 2
"""Exit code after invalid command-line arguments, or bytes that are not frames."""
BROKEN = 70
"""Exit code of a worker whose device no longer answers, or whose weights are partly updated."""
GRACE_SECONDS = 5.0


class WorkerExit(BaseException):
    """Ends the worker with this exit code. Not an Exception: no handler of failed work may swallow it."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason

    def log(self) -> None:
        """One line on stderr, if there is something to say."""
        if self.reason:
            log_line(self.reason)


def force_exit(ending: WorkerExit) -> None:
    """Ends the process unless it comes to a pause, and so to its own end, within `GRACE_SECONDS`."""
    time.sleep(GRACE_SECONDS)
    ending.log()
    os._exit(ending.code)
