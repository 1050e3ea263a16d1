"""Free memory of a device, and detection of out-of-memory errors."""

from __future__ import annotations

import os
from pathlib import Path

import torch

_MEMINFO = Path("/proc/meminfo")

_SIGNS = ("can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""Messages of out-of-memory errors from the CPU allocator, the CUDA runtime, Triton's launcher and cuBLAS."""


def free_memory(device: torch.device) -> int:
    """Returns the free bytes of a device."""
    if device.type == "cuda":
        # The driver counts memory that PyTorch caches for freed tensors as used.
        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        # MemAvailable, not MemFree: after reading a model, the page cache holds most of the memory.
        (line,) = (line for line in _MEMINFO.read_text().splitlines() if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        # Outside Linux, estimate half of the physical memory, which works on every Unix.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def is_shared(device: torch.device) -> bool:
    """Detects other processes on a GPU that use more memory than drivers and contexts; they may need more later."""
    if device.type != "cuda":
        return True
    free, total = torch.cuda.mem_get_info(device)
    return total - free - torch.cuda.memory_reserved(device) > total // 8


def is_out_of_memory(error: BaseException) -> bool:
    """Detects errors after which a smaller batch of the same work may fit."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)
