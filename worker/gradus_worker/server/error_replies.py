"""Error replies: maps exceptions to the errors of the protocol."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..device.memory import is_out_of_memory
from ..learning.shard_files import StateError
from ..log import log_traceback
from ..model.json_file import ModelError
from ..protocol.messages import Outcome, Reply, RequestError
from ..worker_exit import BROKEN, WorkerExit


def outcome_of(work: Callable[[], Reply]) -> Outcome:
    """Returns the reply of the work, or its error. Raises WorkerExit if the worker cannot continue."""
    try:
        return work()
    except Exception as error:
        return failure_of(error)


def failure_of(error: Exception) -> RequestError:
    """Returns the error to reply with; logs unexpected ones. Raises WorkerExit if the worker cannot continue."""
    if isinstance(error, RequestError):
        return error
    if is_out_of_memory(error):
        return RequestError("oom", f"{error}; lower tokensPerMicrobatch or slots, or use shorter sequences")
    if isinstance(error, ModelError | StateError):
        return RequestError("bad-request", str(error))
    log_traceback(error)
    if _is_device_broken():
        raise WorkerExit(BROKEN, f"the device stopped working after {type(error).__name__}: {error}")
    return RequestError("internal", f"{type(error).__name__}: {error}")


def _is_device_broken() -> bool:
    """Tests the CUDA context, which stays broken after some errors until the process ends."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return False
    try:
        torch.cuda.synchronize()
        return float(torch.ones(1, device="cuda").sum()) != 1
    except RuntimeError as error:
        return not is_out_of_memory(error)
