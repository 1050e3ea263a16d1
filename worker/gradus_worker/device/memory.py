"""How much memory there is, and which errors say that it did not suffice."""

from __future__ import annotations

import os
from pathlib import Path

import torch

_MEMINFO = Path("/proc/meminfo")

_SIGNS = ("can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""Of errors that are not PyTorch's own: of the CPU's allocator, the CUDA runtime, Triton's launcher, cuBLAS."""


def free_memory(device: torch.device) -> int:
    """Bytes that nobody uses now."""
    if device.type == "cuda":
        # What PyTorch keeps of tensors that are gone counts as used for the driver.
        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        # Not the pages that are free: after a model was read, the cache of its files has most of them.
        (line,) = (line for line in _MEMINFO.read_text().splitlines() if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        # Not Linux: nothing better is told everywhere.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def is_shared(device: torch.device) -> bool:
    """Whether other processes hold more of a GPU than drivers and contexts take; they may want more later."""
    if device.type != "cuda":
        return True
    free, total = torch.cuda.mem_get_info(device)
    return total - free - torch.cuda.memory_reserved(device) > total // 8


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller piece of the same work may go well."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)
