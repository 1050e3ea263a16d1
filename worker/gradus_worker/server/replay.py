"""Order of requests and replay of their replies (docs/protocol.md, "Order and retries")."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from ..protocol.messages import Outcome, Request, RequestError, conflict

KEPT_REPLIES = 8

# Requests that change what a repeated sample request would write.
_CHANGES_WEIGHTS = {"createModel", "optimStep", "loadState"}


@dataclass(frozen=True)
class _Taken:
    digest: bytes
    changes: int
    outcome: Outcome | None = None
    """None: still running."""


class RequestLog:
    """The requests of a session, by sequence number, with their last replies."""

    def __init__(self) -> None:
        self._last = 0
        self._changes = 0
        self._taken: OrderedDict[int, _Taken] = OrderedDict()

    def begin(self, request: Request) -> Outcome | None:
        """Returns the stored reply of a repeated request; None means that the request must be carried out now (a
        `sample` even repeatedly).

        Raises RequestError (conflict) for a gap, a used number with different content, or a reply no longer stored.
        """
        seq = request.seq
        assert seq is not None
        if seq == self._last + 1:
            self._last = seq
            self._changes += request.type in _CHANGES_WEIGHTS
            self._taken[seq] = _Taken(request.digest, self._changes)
            while len(self._taken) > KEPT_REPLIES:
                self._taken.popitem(last=False)
            return None
        taken = self._taken.get(seq)
        if seq > self._last:
            raise conflict(f"{request.type}: expected seq {self._last + 1}, got {seq}")
        if taken is None:
            raise conflict(
                f"{request.type}: expected one of the last {KEPT_REPLIES} requests, "
                f"got seq {seq}, which is {self._last - seq} back"
            )
        if taken.digest != request.digest:
            raise conflict(f"{request.type}: expected the content sent before with seq {seq}, got other content")
        if request.type != "sample" or isinstance(taken.outcome, RequestError):
            return taken.outcome
        if taken.changes != self._changes:
            raise conflict(f"sample: seq {seq} cannot be repeated: the policy has changed since")
        return None

    def end(self, request: Request, outcome: Outcome) -> None:
        """Stores the outcome of a request for a client that repeats it."""
        taken = self._taken.get(request.seq or 0)
        if taken is not None:
            self._taken[request.seq or 0] = replace(taken, outcome=outcome)
