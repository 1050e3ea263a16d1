"""Qwen2 and Llama on a table of weights that sampler and trainer share."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import embedding, linear, rms_norm, silu
from torch.utils.checkpoint import checkpoint

from .config import ModelConfig, RopeScaling
from .packed_attention import Attend
from .weight_layout import Part, parts, weight_shapes

Rotary = tuple[Tensor, Tensor]
"""Cosine and sine, float32 [T, 1, d/2]."""


class Transformer:
    """A causal language model on packed tokens. The caller supplies the attention (`Attend`).

    `weights` holds every tensor once, under the names of `weight_layout`; they may change in place at any time.
    Low-rank training overrides `project`; its sampler uses a `Transformer` on the same table with merged matrices.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, Tensor]) -> None:
        expected = weight_shapes(config)
        found = {name: tuple(value.shape) for name, value in weights.items()}
        if found != expected:
            wrong = sorted({*found.items()} ^ {*expected.items()})[:2]
            raise ValueError(f"model: expected the {len(expected)} tensors of its config, they differ at {wrong}")
        self.config = config
        self.weights = dict(weights)
        self.activation_checkpointing = False
        """Keeps one hidden state per layer for the backward pass and recomputes the rest."""
        frequencies = torch.tensor(rotary_frequencies(config), dtype=torch.float64)
        self._frequencies = frequencies.to(self.device)

    @property
    def device(self) -> torch.device:
        return self.weights["embed.weight"].device

    @property
    def dtype(self) -> torch.dtype:
        return self.weights["embed.weight"].dtype

    @property
    def head_weight(self) -> Tensor:
        """[V, D]: logits are hidden @ head_weight.T."""
        return self.weights["embed.weight" if self.config.tie_embeddings else "head.weight"]

    def parts(self) -> list[tuple[Part, Tensor]]:
        """Returns the tensors of the checkpoint, each a view of rows of `weights`, in the order of `modelHash`."""
        return [(part, self.weights[part.weight][part.start : part.end]) for part in parts(self.config)]

    def hidden(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Returns hidden states after the last norm, [T, D], of tokens int64 [T] at positions [T]."""
        x = embedding(tokens, self.weights["embed.weight"])
        rotary = self._rotary(positions)
        for layer in range(self.config.layers):
            if self.activation_checkpointing and torch.is_grad_enabled():
                x = checkpoint(self._block, layer, x, rotary, attend, use_reentrant=False, preserve_rng_state=False)
            else:
                x = self._block(layer, x, rotary, attend)
        return self._norm("norm", x)

    def project(self, name: str, x: Tensor) -> Tensor:
        """Multiplies x [T, input] by a matrix (`layers.0.qkv`, `.out`, `.gate_up`, `.down`); adds its bias, if any."""
        return linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def _block(self, layer: int, x: Tensor, rotary: Rotary, attend: Attend) -> Tensor:
        name = f"layers.{layer}"
        x = x + self._attention(layer, self._norm(f"{name}.norm1", x), rotary, attend)
        gate, up = self.project(f"{name}.gate_up", self._norm(f"{name}.norm2", x)).chunk(2, 1)
        return x + self.project(f"{name}.down", silu(gate) * up)

    def _attention(self, layer: int, x: Tensor, rotary: Rotary, attend: Attend) -> Tensor:
        config = self.config
        heads, key_heads = config.heads, config.key_value_heads
        qkv = self.project(f"layers.{layer}.qkv", x).view(len(x), heads + 2 * key_heads, config.head_size)
        rotated, v = rotate(qkv[:, : heads + key_heads], rotary), qkv[:, heads + key_heads :]
        mixed = attend(layer, rotated[:, :heads], rotated[:, heads:], v)
        return self.project(f"layers.{layer}.out", mixed.reshape(len(x), heads * config.head_size))

    def _norm(self, name: str, x: Tensor) -> Tensor:
        return rms_norm(x, x.shape[1:], self.weights[f"{name}.weight"], self.config.norm_epsilon)

    def _rotary(self, positions: Tensor) -> Rotary:
        # float64: at position 100,000 a float32 angle has an error of 0.004.
        angles = (positions[:, None] * self._frequencies)[:, None]
        return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, rotary: Rotary) -> Tensor:
    """Rotates element i of each head [T, H, d] with element i + d/2; in float32, rounded once."""
    cosine, sine = rotary
    first, second = x.float().chunk(2, 2)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], 2).to(x.dtype)


def rotary_frequencies(config: ModelConfig) -> list[float]:
    """Returns the angle per position, in radians, of each pair of elements of a head."""
    plain = [config.rope_theta ** (-2 * i / config.head_size) for i in range(config.head_size // 2)]
    scaling = config.rope_scaling
    return plain if scaling is None else [_scale(frequency, scaling) for frequency in plain]


def _scale(frequency: float, scaling: RopeScaling) -> float:
    """Llama 3.1 scaling: divides slow angles by the factor, keeps fast ones, interpolates between."""
    turns = scaling.original_max_positions * frequency / (2 * math.pi)
    share = (turns - scaling.low_frequency_factor) / (scaling.high_frequency_factor - scaling.low_frequency_factor)
    kept = min(1.0, max(0.0, share))
    return (kept + (1 - kept) / scaling.factor) * frequency
