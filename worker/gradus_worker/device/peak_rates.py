"""What this device can do at best, measured, and what work costs: the two sides of every fraction that is reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class PeakRates:
    """Rates of the device's best case. A kernel may exceed them by a little, never by much."""

    product_flops: float
    """Floating-point operations per second of a large matrix product in the model's dtype."""
    copy_bytes: float
    """Bytes read and written per second by a large copy."""


def measure_peak_rates(device: torch.device, dtype: torch.dtype) -> PeakRates:
    """A tenth of a second or two on a GPU. Values are random: on zeros a GPU draws less power and runs faster."""
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
    """Seconds of the fastest of some rounds, after two that do not count."""
    times = []
    for _ in range(rounds + 2):
        synchronise(device)
        began = time.perf_counter()
        action()
        synchronise(device)
        times.append(time.perf_counter() - began)
    return min(times[2:])


def synchronise(device: torch.device) -> None:
    """Waits until the device has done everything that it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
