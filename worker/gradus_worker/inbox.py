"""What reaches the loop: requests with the way back to who made them, and reasons to end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from .frames import Array
from .messages import Outcome, Request, RequestError
from .words import tell

Send = Callable[[Mapping[str, Any], Mapping[str, Array]], None]
"""Sends a header without `tensors`, and arrays. It does not wait for a slow reader for ever, and may raise Ending."""

Aborted = list[tuple[int, int]] | None
"""Places (prompt, index) to abort; None: all."""

GRACE_SECONDS = 5.0


@dataclass
class Incoming:
    request: Request
    send: Send
    session: str | None = None
    """As the transport names it; None: that of the only connection there is."""
    aborts: list[Aborted] = field(default_factory=list)
    """Of a sample that waits: what to abort as soon as it runs."""

    def answer(self, outcome: Outcome) -> None:
        """The last reply."""
        if isinstance(outcome, RequestError):
            self.send({"id": self.request.id, "type": "error", "code": outcome.code, "message": str(outcome)}, {})
            return
        header = {"id": self.request.id, "type": "result", "request": self.request.type, "result": outcome.result}
        self.send(header, outcome.tensors)


class Ending(BaseException):
    """Ends the worker with this exit code. Not an Exception: no handler of failed work may swallow it."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason

    def tell(self) -> None:
        """One line on stderr, if there is something to say."""
        if self.reason:
            tell(self.reason)


Inbox = SimpleQueue[Incoming | Ending]
"""Not a `Queue`: signal handlers put in here, perhaps in the middle of another `put`."""


def end_by_force(ending: Ending) -> None:
    """Ends the process unless it comes to a pause, and so to its own end, within `GRACE_SECONDS`."""
    time.sleep(GRACE_SECONDS)
    ending.tell()
    os._exit(ending.code)
