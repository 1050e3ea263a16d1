"""What an exception of some work means to the client that asked for it."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..device.memory import is_out_of_memory
from ..learning.checkpoint import StateError
from ..log import log_traceback
from ..model.config import ModelError
from ..protocol.messages import Outcome, Reply, RequestError
from ..worker_exit import BROKEN, WorkerExit


def outcome_of(work: Callable[[], Reply]) -> Outcome:
    """The reply, or the error to be answered in its place. Raises WorkerExit when the worker cannot go on."""
    try:
        return work()
    except Exception as error:
        return failure_of(error)


def failure_of(error: Exception) -> RequestError:
    """The error to be answered; what is unexpected goes to stderr with its traceback. Raises WorkerExit as above."""
    if isinstance(error, RequestError):
        return error
    if is_out_of_memory(error):
        return RequestError("oom", f"{error}; fewer tokensPerMicrobatch, slots or shorter sequences need less")
    if isinstance(error, ModelError | StateError):
        return RequestError("bad-request", str(error))
    log_traceback(error)
    if _is_device_broken():
        raise WorkerExit(BROKEN, f"the device cannot be used any more after {type(error).__name__}: {error}")
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
