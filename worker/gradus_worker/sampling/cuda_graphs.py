"""CUDA graphs: a step whose hundreds of kernels are started at once. Elsewhere a step is just called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..device.memory import is_out_of_memory
from ..log import log_line

Step = Callable[[int, bool], None]
"""Runs a step of so many rows, with or without filters; reads and writes the same tensors every time."""


class StepGraphs:
    """Replays a step by its arguments; what it works on must keep its place in memory."""

    def __init__(self, step: Step, captures: bool) -> None:
        self._step, self._captures = step, captures
        self._graphs: dict[tuple[int, bool], torch.cuda.CUDAGraph] = {}
        self._pool: Any = None
        # One for all: libraries keep working memory for every stream they have seen.
        self._stream: torch.cuda.Stream | None = None

    @property
    def count(self) -> int:
        return len(self._graphs)

    def is_ready(self, rows: int, filtered: bool) -> bool:
        return not self._captures or (rows, filtered) in self._graphs

    def prepare(self, rows: int, filtered: bool) -> None:
        """Captures the step, which runs it: what it works on must be of no value now."""
        try:
            self._capture(rows, filtered)
        except RuntimeError as cause:
            if is_out_of_memory(cause):
                raise
            log_line(f"no CUDA graphs, so every kernel is started by itself, which is slower: {cause}")
            self._captures = False
            self.forget()

    def run(self, rows: int, filtered: bool) -> None:
        """One step; it is ready."""
        if self._captures:
            self._graphs[rows, filtered].replay()
        else:
            self._step(rows, filtered)

    def forget(self) -> None:
        """Gives the memory of all graphs back."""
        self._graphs.clear()
        self._pool = None

    def _capture(self, rows: int, filtered: bool) -> None:
        if self._stream is None:
            self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream, graph = self._stream, torch.cuda.CUDAGraph()
        stream.wait_stream(torch.cuda.current_stream())
        # Around the capture too, which leaves its stream the current one when it fails.
        with torch.cuda.stream(stream):
            # Kernels are compiled and libraries set up outside the capture, which allows neither.
            for _ in range(2):
                self._step(rows, filtered)
            with torch.cuda.graph(graph, pool=self._pool, stream=stream):
                self._step(rows, filtered)
        torch.cuda.current_stream().wait_stream(stream)
        self._pool = graph.pool()
        self._graphs[rows, filtered] = graph
