"""One rank of a group as a Ray actor."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import ray

from ..ranks.group import GroupError, Interrupted
from ..ranks.launch import join_group
from ..ranks.lead import WITH_RESULTS
from ..ranks.rank import Rank, is_in_step
from ..server.error_replies import failure_of
from .versions import Versions, own_versions

Outcome = tuple[Literal["done", "refused", "interrupted", "broken"], Any]
"""`done` with a result; `refused` with code and message; `broken` with a message: the rank has left a collective."""


class RankActor:
    """Runs commands in the order of calls. `stats` and `interrupt` are answered during a command."""

    def __init__(self) -> None:
        self._is_interrupted = threading.Event()
        self._rank: Rank | None = None

    def versions(self) -> tuple[str, Versions]:
        """Returns the address of this node, and the versions of the software there."""
        return ray.util.get_node_ip_address(), own_versions()

    def address(self) -> tuple[str, int]:
        """Returns the address of this node and a free port on it, for the store of rank 0."""
        with socket.socket() as free:
            free.bind(("", 0))
            return ray.util.get_node_ip_address(), free.getsockname()[1]

    def join(self, variables: Mapping[str, str]) -> None:
        """Joins the group that these environment variables describe."""
        os.environ.update(variables)
        self._rank = Rank(join_group(), self._pause)

    def run(self, command: str, arguments: Sequence[Any]) -> Outcome:
        """Runs a method of `Rank`. Only rank 0 returns the results of most commands."""
        assert self._rank is not None
        self._is_interrupted.clear()
        try:
            result = self._rank.run(command, arguments)
        except Interrupted:
            return "interrupted", None
        except Exception as error:
            if not is_in_step(error):
                return "broken", f"{type(error).__name__}: {error}"
            failure = failure_of(error.error if isinstance(error, GroupError) else error)
            return "refused", (failure.code, str(failure))
        return "done", result if self._rank.group.rank == 0 or command in WITH_RESULTS else None

    @ray.method(concurrency_group="control")  # type: ignore[untyped-decorator, unused-ignore]
    def stats(self, sampled: Mapping[str, float]) -> dict[str, float]:
        """Returns the metrics of this rank, with the counts of all samplers."""
        assert self._rank is not None
        return self._rank.engine.stats(sampled)

    @ray.method(concurrency_group="control")  # type: ignore[untyped-decorator, unused-ignore]
    def interrupt(self) -> None:
        """Ends the command of all ranks at the next pause of this rank, which is rank 0."""
        self._is_interrupted.set()

    def _pause(self) -> None:
        if self._is_interrupted.is_set():
            raise Interrupted
