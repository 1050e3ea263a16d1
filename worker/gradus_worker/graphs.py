"""CUDA graphs: a step whose hundreds of kernels are started at once. Elsewhere a step is just called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Step = Callable[[int, bool], None]
"""Runs a step of so many rows, with or without filters; reads and writes the same tensors every time."""


class StepGraphs:
    """Replays a step by its arguments; what it works on must keep its place in memory."""

    def __init__(self, step: Step, device: torch.device) -> None:
        self._step = step
        self._captures = device.type == "cuda"
        self._graphs: dict[tuple[int, bool], torch.cuda.CUDAGraph] = {}
        self._pool: Any = None

    def prepare(self, rows: int, filtered: bool) -> None:
        """Captures the step if need be, which runs it: what it works on must be of no value now."""
        if not self._captures or (rows, filtered) in self._graphs:
            return
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            # Kernels are compiled and libraries set up outside the capture, which allows neither.
            for _ in range(2):
                self._step(rows, filtered)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            self._step(rows, filtered)
        self._pool = graph.pool()
        self._graphs[rows, filtered] = graph

    def is_ready(self, rows: int, filtered: bool) -> bool:
        return not self._captures or (rows, filtered) in self._graphs

    def run(self, rows: int, filtered: bool) -> None:
        """One step; `prepare` has been called."""
        if self._captures:
            self._graphs[rows, filtered].replay()
        else:
            self._step(rows, filtered)

    def forget(self) -> None:
        """Gives the memory of all graphs back."""
        self._graphs.clear()
        self._pool = None
