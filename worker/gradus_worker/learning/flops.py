"""Floating-point operations that learning needs: the numerator of MFU."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..model.config import ModelConfig
from ..model.weight_layout import weight_shapes


def training_flops(config: ModelConfig, lengths: Sequence[int], *, is_low_rank: bool = False) -> float:
    """Counts the operations of a forward and a backward pass over sequences of these lengths.

    6 per weight and token (4 with frozen weights, which need no gradient) and, for causal attention,
    6 T² d per head and layer: Megatron's count (Narayanan et al. 2021), halved for the causal mask as in
    FlashAttention-2. Recomputation by activation checkpointing is not counted, as MFU requires.
    """
    attention = 6 * config.layers * config.heads * config.head_size * sum(length**2 for length in lengths)
    return (4 if is_low_rank else 6) * product_weights(config) * sum(lengths) + attention


def product_weights(config: ModelConfig) -> int:
    """Counts the weights of all matrix products per token; the embedding counts only if it is also the head.

    In a mixture of experts, counts only the experts that a token passes.
    """
    shapes = weight_shapes(config)
    if not config.tie_embeddings:
        del shapes["embed.weight"]
    counts = {name: math.prod(shape) for name, shape in shapes.items() if len(shape) == 2}
    if config.experts is not None:
        share = config.experts.per_token, config.experts.count
        counts = {name: n * share[0] // share[1] if ".experts." in name else n for name, n in counts.items()}
    return sum(counts.values())
