"""A worker with injected faults, for tests of its client.

    python faulty_worker.py FAULT TYPE:N [FAULT TYPE:N ...] [-- arguments of the worker]

Each fault happens once, during the N-th request of the type (forwardBackward, logprobs, optimStep, sample,
saveState): `oom` runs out of memory, `stall` prints "stalled" on stderr and waits to be killed, `crash` exits with code
3, `noise` prints frames and garbage on stdout and stderr and continues.
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch

from gradus_worker.engine import Engine
from gradus_worker.learning import shard_files
from gradus_worker.learning.optimizer import AdamW
from gradus_worker.learning.scorer import Scorer
from gradus_worker.sampling.sampler import Sampler

own = sys.argv[1:]
theirs = own[own.index("--") + 1 :] if "--" in own else []
pairs = own[: own.index("--")] if "--" in own else own
faults = dict(zip(pairs[1::2], pairs[::2], strict=True))
seen: Counter[str] = Counter()
running = ""


def oom() -> None:
    raise torch.OutOfMemoryError("injected")


def stall() -> None:
    print("stalled", file=sys.stderr, flush=True)
    time.sleep(600)


def crash() -> None:
    os._exit(3)


def noise() -> None:
    for stream in (sys.stdout, sys.stderr):
        print('{"id": 1, "type": "error"}\0', file=stream, flush=True)
        os.write(stream.fileno(), b"\x02\0\0\0\0\0\0\0{}")


FAULTS: dict[str, Callable[[], None]] = {"oom": oom, "stall": stall, "crash": crash, "noise": noise}


def fail() -> None:
    """Triggers the fault of this request, if any."""
    fault = faults.pop(f"{running}:{seen[running]}", None)
    if fault is not None:
        FAULTS[fault]()


def patch(of: type, name: str, before: Callable[..., None]) -> None:
    method = getattr(of, name)

    def patched(*arguments: Any, **named: Any) -> Any:
        before(*arguments)
        return method(*arguments, **named)

    setattr(of, name, patched)


def begin(kind: str) -> None:
    global running
    running = kind
    seen[kind] += 1


def content_with_fault(tensors: Any) -> Iterator[Any]:
    for index, piece in enumerate(content(tensors)):
        if index == 2:
            fail()
        yield piece


content = shard_files._safetensors
shard_files._safetensors = content_with_fault
patch(Engine, "carry_out", lambda _, request: begin(request.type))
patch(Sampler, "add", lambda *_: begin("sample"))
patch(Scorer, "forward", lambda *_: fail())
patch(Sampler, "step", lambda *_: fail())
patch(AdamW, "_update", lambda *_: fail())
sys.argv = ["gradus_worker", *theirs]
runpy.run_module("gradus_worker", run_name="__main__")
