"""Strict order and repetition of the requests that touch the model (docs/protocol.md, "Order and retries")."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from ..protocol.messages import Outcome, Request, RequestError, conflict

KEPT_REPLIES = 8


# Requests after which a completion drawn again would not be the same.
_CHANGES_WEIGHTS = {"createModel", "optimStep", "loadState"}


@dataclass(frozen=True)
class _Taken:
    digest: bytes
    changes: int
    outcome: Outcome | None = None
    """None: not ended yet."""


class RequestLog:
    """What was carried out in a session, by sequence number."""

    def __init__(self) -> None:
        self._last = 0
        self._changes = 0
        self._taken: OrderedDict[int, _Taken] = OrderedDict()

    def take(self, request: Request) -> Outcome | None:
        """None: to be carried out now, for the first time or (`sample`) again; else what was answered before.

        Raises RequestError (conflict) for a gap, other content under a used number, and what can no longer be repeated.
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
                f"{request.type}: seq {seq} lies {self._last - seq} back, only {KEPT_REPLIES} replies are kept"
            )
        if taken.digest != request.digest:
            raise conflict(f"{request.type}: seq {seq} was another request; the same number needs the same content")
        if request.type != "sample" or isinstance(taken.outcome, RequestError):
            return taken.outcome
        if taken.changes != self._changes:
            raise conflict(f"sample: seq {seq} was drawn from another policy and cannot be drawn again")
        return None

    def end(self, request: Request, outcome: Outcome) -> None:
        """Keeps how a taken request ended, for a client that asks again."""
        taken = self._taken.get(request.seq or 0)
        if taken is not None:
            self._taken[request.seq or 0] = replace(taken, outcome=outcome)
