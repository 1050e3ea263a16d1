"""Interfaces of the engine and its sampler that the server loop uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from ..protocol.messages import Reply, Request
from ..sampling.completion import Progress, SamplePrompt, SampleSettings


class SessionSampler(Protocol):
    """Used by one thread: `add`, `abort` and, while `busy`, `step`."""

    @property
    def busy(self) -> bool: ...
    def add(self, request: int, prompts: Sequence[SamplePrompt], settings: SampleSettings) -> None: ...
    def abort(self, request: int, sequences: Iterable[tuple[int, int]] | None = None) -> None: ...
    def step(self) -> list[Progress]: ...
    def reset(self) -> None: ...


class SessionEngine(Protocol):
    """Engine of a session: one process or several ranks, each optionally with vLLM replicas, or a service."""

    @property
    def created(self) -> Reply:
        """The reply to `createModel`."""
        ...

    @property
    def sampler(self) -> SessionSampler: ...

    def carry_out(self, request: Request) -> Reply:
        """Carries out any ordered request except `createModel` and `sample`."""
        ...

    def drop_gradient(self) -> None: ...

    def stats(self) -> dict[str, float]:
        """Returns metrics by name, counted since the session began."""
        ...

    def close(self) -> None:
        """Frees the model."""
        ...
