"""Peak rates of the device, measured: the denominators of MFU and of bandwidth utilisation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class PeakRates:
    """The device's best measured rates. A kernel may exceed them slightly."""

    product_flops: float
    """Floating-point operations per second of a large matrix product in the model's dtype."""
    copy_bytes: float
    """Bytes read and written per second by a large copy."""


def measure_peak_rates(device: torch.device, dtype: torch.dtype) -> PeakRates:
    """Measures in 0.1 to 0.2 s on a GPU. Values are random: on zeros a GPU draws less power and runs faster."""
    is_cuda = device.type == "cuda"
    size, count = (8192, 2**30) if is_cuda else (1024, 2**24)
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    product = torch.empty_like(left)
    source = torch.empty(count, dtype=torch.uint8, device=device).random_()
    target = torch.empty_like(source)

    def multiply() -> None:
        torch.mm(left, right, out=product)

    def copy() -> None:
        target.copy_(source)

    return PeakRates(
        product_flops=2 * size**3 / fastest(multiply, device),
        copy_bytes=2 * count / fastest(copy, device),
    )


def fastest(action: Callable[[], object], device: torch.device, rounds: int = 8) -> float:
    """Returns the seconds of the fastest round, after two warm-up rounds."""
    times = []
    for _ in range(rounds + 2):
        synchronise(device)
        began = time.perf_counter()
        action()
        synchronise(device)
        times.append(time.perf_counter() - began)
    return min(times[2:])


def synchronise(device: torch.device) -> None:
    """Waits until the device has finished all queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
