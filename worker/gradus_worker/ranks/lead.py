"""Rank 0: gives every command to all ranks, and takes part in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..device.memory import is_out_of_memory
from ..log import log_traceback
from ..worker_exit import BROKEN, WorkerExit
from .group import Group, GroupError, Interrupted
from .rank import Rank, is_in_step

WITH_RESULTS = ("step",)
"""Commands whose results rank 0 needs from all ranks; for other commands it needs only its own result."""
_EXIT = "exit"


class Lead(Protocol):
    """Gives commands to the ranks of a group."""

    @property
    def size(self) -> int: ...

    def call(self, command: str, *arguments: Any) -> list[Any]:
        """Runs a method of `Rank` on every rank. Returns at least the result of rank 0; raises rank 0's error.

        WorkerExit if the ranks are no longer in step.
        """
        ...

    def stats(self, sampled: Mapping[str, float]) -> dict[str, float]:
        """Returns the metrics of rank 0, with the counts of all samplers. May be called during a command."""
        ...


class RankZero(Lead):
    """Broadcasts the commands, so that any launcher of `torch.distributed` works."""

    def __init__(self, rank: Rank) -> None:
        self._rank, self._group = rank, rank.group
        self.is_busy = False
        """Whether the other ranks may still be in a command, even after an exception ended it here."""

    @property
    def size(self) -> int:
        return self._group.size

    def call(self, command: str, *arguments: Any) -> list[Any]:
        self.is_busy = True
        try:
            self._group.broadcast((command, arguments))
            own, failure = self._run(command, arguments)
            results = self._group.gather(own if command in WITH_RESULTS else None)
        except RuntimeError as error:
            # Collectives raise this when another rank has ended.
            raise _broken(0, error) from error
        self.is_busy = False
        if failure is not None:
            raise failure
        return [own, *results[1:]]

    def _run(self, command: str, arguments: Sequence[Any]) -> tuple[Any, BaseException | None]:
        """Returns the result, or a failure after which all ranks are still in step."""
        try:
            return self._rank.run(command, arguments), None
        except WorkerExit:
            raise
        except BaseException as error:
            if isinstance(error, Exception) and not is_in_step(error):
                raise _broken(0, error) from error
            return None, error.error if isinstance(error, GroupError) else error

    def stats(self, sampled: Mapping[str, float]) -> dict[str, float]:
        return self._rank.engine.stats(sampled)


def follow(rank: Rank) -> WorkerExit:
    """Carries out the commands of rank 0 until it ends the group, and returns the reason to exit."""
    group = rank.group
    while True:
        try:
            command, arguments = group.broadcast(("", ()))
            if command == _EXIT:
                return WorkerExit(0)
            own = _take_part(rank, command, arguments)
            group.gather(own if command in WITH_RESULTS else None)
        except RuntimeError as error:
            return WorkerExit(BROKEN, f"rank {group.rank}: another rank has ended ({error})")
        except WorkerExit as ending:
            return ending


def _take_part(rank: Rank, command: str, arguments: Sequence[Any]) -> Any:
    """Returns the result of a command; None for a failure that rank 0 reports. WorkerExit for any other."""
    try:
        return rank.run(command, arguments)
    except Interrupted:
        return None
    except Exception as error:
        if not is_in_step(error):
            raise _broken(rank.group.rank, error) from error
        return None


def _broken(rank: int, error: Exception) -> WorkerExit:
    """Returns the exit of a rank that has left a collective in which the others may wait."""
    log_traceback(error)
    advice = "; lower tokensPerMicrobatch or slots" if is_out_of_memory(error) else ""
    return WorkerExit(BROKEN, f"rank {rank} failed ({type(error).__name__}: {error}){advice}")


def dismiss(group: Group) -> None:
    """Ends the other ranks, which must be waiting for a command."""
    group.broadcast((_EXIT, ()))
