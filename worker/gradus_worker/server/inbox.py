"""Inbox of the server loop: requests with their reply channels, and reasons to exit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from ..protocol.frames import Array
from ..protocol.messages import Outcome, Request, RequestError
from ..worker_exit import WorkerExit

Send = Callable[[Mapping[str, Any], Mapping[str, Array]], None]
"""Sends a header without `tensors`, and the arrays. Gives up on a stalled reader; may raise WorkerExit."""

Aborted = list[tuple[int, int]] | None
"""Places (prompt, index) to abort; None: all."""


@dataclass
class Incoming:
    request: Request
    send: Send
    session: str | None = None
    """Session named by the transport; None: the transport has a single connection."""
    aborts: list[Aborted] = field(default_factory=list)
    """Completions to abort as soon as this waiting sample request runs."""

    def answer(self, outcome: Outcome) -> None:
        """Sends the last reply."""
        if isinstance(outcome, RequestError):
            self.send({"id": self.request.id, "type": "error", "code": outcome.code, "message": str(outcome)}, {})
            return
        header = {"id": self.request.id, "type": "result", "request": self.request.type, "result": outcome.result}
        self.send(header, outcome.tensors)


Inbox = SimpleQueue[Incoming | WorkerExit]
"""A SimpleQueue, because signal handlers may call `put` during another `put`."""
