"""The shape of a model: `ModelConfig` of `src/engines/model-files/model-config.ts`, field by field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BlockNorms = Mapping[str, tuple[str | None, str | None]]
"""Names of a block's norms before and after `attention` and `feedForward`; None: no norm there."""

NORMS_BEFORE: BlockNorms = {
    "attention": ("input_layernorm", None),
    "feedForward": ("post_attention_layernorm", None),
}
"""Norms of Llama, and of configs that do not specify norms."""


@dataclass(frozen=True)
class Linear:
    """Divides all rotary frequencies."""

    factor: float


@dataclass(frozen=True)
class Llama3:
    """Parameters of `rope_type: llama3`: divides low frequencies, keeps high ones, interpolates between."""

    factor: float
    low_frequency_factor: float
    high_frequency_factor: float
    original_max_positions: int


@dataclass(frozen=True)
class Yarn:
    """YaRN (Peng et al. 2023): interpolates between element `low` and `high`, and scales the rotated elements."""

    factor: float
    low: float
    high: float
    attention_factor: float


@dataclass(frozen=True)
class LongRope:
    """LongRoPE (Ding et al. 2024) within the original context: divides each frequency by its own factor."""

    factors: tuple[float, ...]
    attention_factor: float


RopeScaling = Linear | Llama3 | Yarn | LongRope


@dataclass(frozen=True)
class AttentionRules:
    """Features of attention besides the causal mask."""

    window: int | None = None
    """Positions that a query of these layers sees, including its own."""
    window_layers: tuple[int, ...] = ()
    cap: float | None = None
    """Scores become cap tanh(score / cap)."""

    def window_of(self, layer: int) -> int | None:
        return self.window if layer in self.window_layers else None


PLAIN = AttentionRules()


@dataclass(frozen=True)
class Experts:
    """A mixture of experts: each token passes the `per_token` experts with the highest router probability."""

    count: int
    per_token: int
    size: int
    """Intermediate size of one expert."""
    normalise: bool
    """Rescale the probabilities of the chosen experts to sum 1."""
    layers: tuple[int, ...]
    """Layers with experts; the others are dense."""


@dataclass(frozen=True)
class ModelConfig:
    """A decoder-only transformer. The fields with defaults are differences from Llama."""

    architecture: str
    """`model_type` of `config.json`."""
    vocab_size: int
    hidden_size: int
    layers: int
    heads: int
    key_value_heads: int
    head_size: int
    intermediate_size: int
    norm_epsilon: float
    rope_theta: float
    rope_scaling: RopeScaling | None
    max_positions: int
    """Longest sequence in tokens."""
    tie_embeddings: bool
    """The output projection shares the embedding matrix."""
    attention_bias: bool = False
    """The q, k and v projections have biases."""
    output_bias: bool = False
    mlp_bias: bool = False
    norms: BlockNorms = field(default_factory=lambda: NORMS_BEFORE, hash=False)
    norm_offset: bool = False
    """Norms multiply by 1 + weight."""
    query_key_norm: str | None = None
    """RMSNorm of queries and keys, over each `head` or over the whole `projection`."""
    gelu: bool = False
    fused_projections: bool = False
    """The checkpoint joins q, k, v and gate, up into one matrix each."""
    attention: AttentionRules = PLAIN
    local_rope_theta: float | None = None
    """Theta of the layers with a window, whose frequencies are not scaled."""
    unrotated_layers: tuple[int, ...] = ()
    rotary_size: int | None = None
    """Elements at the start of each head that are rotated; None: all."""
    embedding_scale: float = 1.0
    attention_scale: float | None = None
    """Factor of the scores; None: 1 / sqrt(head_size)."""
    residual_scale: float = 1.0
    logit_scale: float = 1.0
    logit_cap: float | None = None
    experts: Experts | None = None
    source: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """Content of the `config.json` that this was parsed from; empty for a new model."""

    @property
    def query_scale(self) -> float:
        """Factor of the queries, for attention that divides scores by sqrt(head_size)."""
        return 1.0 if self.attention_scale is None else self.attention_scale * math.sqrt(self.head_size)
