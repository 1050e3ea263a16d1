"""What an exception of some work means to the client that asked for it."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .checkpoint import StateError
from .config import ModelError
from .inbox import Ending
from .memory import is_out_of_memory
from .messages import Outcome, Reply, RequestError
from .words import tell_failure

BROKEN = 70
"""Exit code of a worker whose device answers nothing any more, or whose weights are half changed."""


def outcome_of(work: Callable[[], Reply]) -> Outcome:
    """The reply, or the error to be answered in its place. Raises Ending when the worker cannot go on."""
    try:
        return work()
    except Exception as error:
        return failure_of(error)


def failure_of(error: Exception) -> RequestError:
    """The error to be answered; what is unexpected goes to stderr with its traceback. Raises Ending as above."""
    if isinstance(error, RequestError):
        return error
    if is_out_of_memory(error):
        return RequestError("oom", f"{error}; fewer tokensPerMicrobatch, slots or shorter sequences need less")
    if isinstance(error, ModelError | StateError):
        return RequestError("bad-request", str(error))
    tell_failure(error)
    if _is_device_broken():
        raise Ending(BROKEN, f"the device cannot be used any more after {type(error).__name__}: {error}")
    return RequestError("internal", f"{type(error).__name__}: {error}")


def _is_device_broken() -> bool:
    """A CUDA context stays broken after some errors, for the rest of the process."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return False
    try:
        torch.cuda.synchronize()
        return float(torch.ones(1, device="cuda").sum()) != 1
    except RuntimeError as error:
        return not is_out_of_memory(error)
