"""Communication between the ranks that train one model. Every method is a collective: all ranks call them in the same
order.

Values are summed and never averaged, because the weights of a loss contain its normaliser.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup
    from torch.distributed.device_mesh import DeviceMesh

T = TypeVar("T")


class GroupError(Exception):
    """A failure raised on every rank, so that all stay in step; `error` is this rank's own error, or names another
    rank."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class RankFailed(Exception):
    """The failure of another rank."""


class Interrupted(BaseException):
    """Another rank ended the work at a pause."""


class Group:
    """A group of one rank: no communication."""

    rank, size = 0, 1

    def broadcast(self, value: T) -> T:
        """Returns the value of rank 0; other ranks pass any value."""
        return value

    def gather(self, value: T) -> list[T]:
        """Returns the values of all ranks, in order."""
        return [value]

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replaces each tensor by its sum over the ranks."""

    def norm(self, own: float) -> float:
        """Returns the L2 norm of a vector whose parts on the ranks have these norms."""
        norms = self.gather(own)
        return own if len(norms) == 1 else math.sqrt(sum(value * value for value in norms))

    def together(self, work: Callable[[], T]) -> T:
        """Runs work without collectives. If it fails on one rank, raises on all: GroupError or Interrupted."""
        return work()

    def place(self, device: str) -> str:
        """Returns the device of this rank for the device that a request names."""
        return device


SINGLE = Group()


class DistributedGroup(Group):
    """Ranks of `torch.distributed`: NCCL between CUDA tensors, Gloo between all others."""

    def __init__(self, control: ProcessGroup, rank: int, size: int, local_rank: int) -> None:
        self.rank, self.size = rank, size
        self._control, self._local_rank = control, local_rank
        self._meshes: dict[str, DeviceMesh] = {}

    @property
    def control(self) -> ProcessGroup:
        """The Gloo group that carries objects."""
        return self._control

    def mesh(self, device_type: str) -> DeviceMesh:
        """Returns the mesh of one axis over all ranks."""
        from torch.distributed.device_mesh import init_device_mesh

        if device_type not in self._meshes:
            self._meshes[device_type] = init_device_mesh(device_type, (self.size,))
        return self._meshes[device_type]

    def broadcast(self, value: T) -> T:
        box: list[Any] = [value if self.rank == 0 else None]
        torch.distributed.broadcast_object_list(box, src=0, group=self._control)
        result: T = box[0]
        return result

    def gather(self, value: T) -> list[T]:
        found: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(found, value, group=self._control)
        return found

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            torch.distributed.all_reduce(tensor)

    def together(self, work: Callable[[], T]) -> T:
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as error:
            failure = error
        reports = self.gather(None if failure is None else _report(failure))
        if isinstance(failure, Exception):
            raise GroupError(failure)
        if failure is not None:
            raise failure
        for rank, report in enumerate(reports):
            if report is not None:
                is_interrupted, message = report
                raise Interrupted if is_interrupted else GroupError(RankFailed(f"rank {rank}: {message}"))
        return result

    def place(self, device: str) -> str:
        """Returns the device of this rank: for `cuda`, or `auto` with CUDA, the device with its local rank."""
        if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
            return f"cuda:{self._local_rank}"
        return device


def _report(failure: BaseException) -> tuple[bool, str]:
    return not isinstance(failure, Exception), f"{failure or type(failure).__name__}"
