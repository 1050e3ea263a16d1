"""Floating-point operations that learning needs: the numerator of MFU."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..model.config import ModelConfig
from ..model.weight_layout import weight_shapes


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
