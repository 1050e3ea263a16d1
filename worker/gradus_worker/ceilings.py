"""What this device can do at best, measured, and what work costs: the two sides of every fraction that is reported."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from .config import ModelConfig
from .layout import weight_shapes


@dataclass(frozen=True)
class Ceilings:
    """Rates of the device's best case. A kernel may exceed them by a little, never by much."""

    product_flops: float
    """Floating-point operations per second of a large matrix product in the model's dtype."""
    copy_bytes: float
    """Bytes read and written per second by a large copy."""


def measure_ceilings(device: torch.device, dtype: torch.dtype) -> Ceilings:
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

    return Ceilings(
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


def training_flops(config: ModelConfig, lengths: Sequence[int], *, is_low_rank: bool = False) -> float:
    """Operations that learning from sequences of these lengths needs, forward and backward.

    6 a weight and token (4 where the weights themselves learn nothing: no products for their gradient) and, for causal
    attention, 6 T² d a head and layer: Megatron's count (Narayanan et al. 2021), halved for the mask as
    FlashAttention-2 does.
    What activation checkpointing computes again is not counted: a fraction of the ceiling in these is MFU.
    """
    attention = 6 * config.layers * config.heads * config.head_size * sum(length**2 for length in lengths)
    return (4 if is_low_rank else 6) * product_weights(config) * sum(lengths) + attention


def product_weights(config: ModelConfig) -> int:
    """Weights that every token is multiplied with: all matrices, the embedding only where it is the head too."""
    shapes = weight_shapes(config)
    if not config.tie_embeddings:
        del shapes["embed.weight"]
    return sum(math.prod(shape) for shape in shapes.values() if len(shape) == 2)
