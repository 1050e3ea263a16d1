"""CUDA graphs: launch the hundreds of kernels of a decode step at once. Without CUDA a step is a plain call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..device.memory import is_out_of_memory
from ..log import log_line

Step = Callable[[int, bool], None]
"""Runs a step with (rows, filtered); reads and writes the same tensors every time."""


class StepGraphs:
    """Captures and replays a step per pair of arguments; its tensors must keep their addresses."""

    def __init__(self, step: Step, captures: bool) -> None:
        self._step, self._captures = step, captures
        self._graphs: dict[tuple[int, bool], torch.cuda.CUDAGraph] = {}
        self._pool: Any = None
        # One stream for all captures: libraries keep a workspace for every stream.
        self._stream: torch.cuda.Stream | None = None

    @property
    def count(self) -> int:
        return len(self._graphs)

    def is_ready(self, rows: int, filtered: bool) -> bool:
        return not self._captures or (rows, filtered) in self._graphs

    def prepare(self, rows: int, filtered: bool) -> None:
        """Captures the step by running it, which overwrites its tensors."""
        try:
            self._capture(rows, filtered)
        except RuntimeError as cause:
            if is_out_of_memory(cause):
                raise
            log_line(f"CUDA graphs are unavailable; kernels are launched one by one, which is slower: {cause}")
            self._captures = False
            self.forget()

    def run(self, rows: int, filtered: bool) -> None:
        """Runs one step, which must be ready."""
        if self._captures:
            self._graphs[rows, filtered].replay()
        else:
            self._step(rows, filtered)

    def forget(self) -> None:
        """Frees the memory of all graphs."""
        self._graphs.clear()
        self._pool = None

    def _capture(self, rows: int, filtered: bool) -> None:
        if self._stream is None:
            self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream, graph = self._stream, torch.cuda.CUDAGraph()
        stream.wait_stream(torch.cuda.current_stream())
        # Enter the stream around the capture too: a failing capture leaves its stream current.
        with torch.cuda.stream(stream):
            # Warm up: a capture can neither compile kernels nor initialise libraries.
            for _ in range(2):
                self._step(rows, filtered)
            with torch.cuda.graph(graph, pool=self._pool, stream=stream):
                self._step(rows, filtered)
        torch.cuda.current_stream().wait_stream(stream)
        self._pool = graph.pool()
        self._graphs[rows, filtered] = graph
