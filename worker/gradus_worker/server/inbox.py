"""What reaches the loop: requests with the way back to who made them, and reasons to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from ..protocol.frames import Array
from ..protocol.messages import Outcome, Request, RequestError
from ..worker_exit import WorkerExit

Send = Callable[[Mapping[str, Any], Mapping[str, Array]], None]
"""Sends a header without `tensors`, and arrays. Gives up on a stalled reader; may raise WorkerExit."""

Aborted = list[tuple[int, int]] | None
"""Places (prompt, index) to abort; None: all."""


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


Inbox = SimpleQueue[Incoming | WorkerExit]
"""Not a `Queue`: signal handlers put in here, perhaps in the middle of another `put`."""
