"""Exit of the worker process, with an exit code."""

from __future__ import annotations

import os
import time

from .log import log_line

USAGE = 2
"""Exit code after invalid command-line arguments, or input that is not a valid frame."""
BROKEN = 70
"""Exit code of a worker whose device no longer answers, or whose weights are partly updated."""
GRACE_SECONDS = 5.0
"""Time for the current work to reach its next pause, where the worker can stop."""


class WorkerExit(BaseException):
    """Ends the worker with this exit code. A BaseException, so that handlers of failed requests let it pass."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason

    def log(self) -> None:
        """Logs the reason, if there is one."""
        if self.reason:
            log_line(self.reason)


def force_exit(ending: WorkerExit) -> None:
    """Waits `GRACE_SECONDS`, then kills the process if it has not ended at a pause by itself."""
    time.sleep(GRACE_SECONDS)
    ending.log()
    os._exit(ending.code)
