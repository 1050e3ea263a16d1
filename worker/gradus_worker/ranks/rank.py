"""The part of one rank in every command of its group."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..engine import Engine
from ..learning.shard_files import StateError
from ..log import log_traceback
from ..model.json_file import ModelError
from ..pause import Pause, no_pause
from ..protocol.messages import Reply, Request, RequestError
from ..sampling.completion import Progress, SamplePrompt, SampleSettings
from .group import Group, GroupError

Share = Sequence[SamplePrompt]
Abort = tuple[int, list[tuple[int, int]] | None]
"""(request, completions by prompt and index; None: all)."""


@dataclass(frozen=True)
class Stepped:
    """Progress of one rank's sampler, and its counts since the start."""

    progress: list[Progress]
    counts: dict[str, float]
    failure: str | None = None


class Rank:
    """Carries out commands, which all ranks get in the same order. Only rank 0 needs a `pause`."""

    def __init__(self, group: Group, pause: Pause = no_pause) -> None:
        self.group, self._pause = group, pause
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        assert self._engine is not None
        return self._engine

    def run(self, command: str, arguments: Sequence[Any]) -> Any:
        """Runs the method of this name."""
        return getattr(self, command)(*arguments)

    def create(self, request: Request) -> Reply:
        self._engine = Engine(request, self._pause, self.group)
        return self._engine.created

    def carry_out(self, request: Request) -> Reply:
        return self.engine.carry_out(request)

    def drop_gradient(self) -> None:
        self.engine.drop_gradient()

    def close(self) -> None:
        """Frees the model."""
        self._engine = None
        gc.collect()
        torch.cuda.empty_cache()

    def add(self, request: int, shares: Sequence[Share], settings: SampleSettings) -> None:
        """Starts this rank's share of a sample request. Raises ValueError on all ranks if one of them cannot."""
        share, sampler = shares[self.group.rank], self.engine.sampler
        try:
            self.group.together(lambda: sampler.add(request, share, settings) if share else None)
        except GroupError:
            sampler.abort(request)
            raise

    def step(self, aborts: Sequence[Sequence[Abort]]) -> Stepped:
        """Does a bounded piece of sampling, without collectives. `aborts`: by rank."""
        sampler = self.engine.sampler
        for request, sequences in aborts[self.group.rank]:
            sampler.abort(request, sequences)
        try:
            progress = sampler.step() if sampler.busy else []
        except Exception as error:
            log_traceback(error)
            return Stepped([], sampler.stats(), f"{type(error).__name__}: {error}")
        return Stepped(progress, sampler.stats())

    def reset(self) -> None:
        """Drops all sample requests."""
        self.engine.sampler.reset()


def is_in_step(error: BaseException) -> bool:
    """Detects failures that occur at the same place on all ranks: invalid requests, models and states."""
    return isinstance(error, GroupError | RequestError | ModelError | StateError)
