"""Rotary embedding with rotate-half pairing."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .config import Linear, Llama3, LongRope, ModelConfig, RopeScaling, Yarn

Rotary = tuple[Tensor, Tensor]
"""Cosine and sine, float32 [T, 1, rotated elements / 2]."""


class RotaryTables:
    """Cosines and sines of a model's layers."""

    def __init__(self, config: ModelConfig, device: torch.device) -> None:
        def placed(frequencies: list[float]) -> Tensor:
            return torch.tensor(frequencies, dtype=torch.float64).to(device)

        self._frequencies = placed(rotary_frequencies(config))
        self._scale = rotary_scale(config.rope_scaling)
        local = config.local_rope_theta
        self._local = None if local is None else placed(_plain_frequencies(config, local))
        self._local_layers = config.attention.window_layers
        self._unrotated = config.unrotated_layers

    def at(self, positions: Tensor) -> list[Rotary]:
        """Returns the tables of layers without a window, then those of layers with a window if these differ."""
        tables = [_tables(positions, self._frequencies, self._scale)]
        return tables if self._local is None else [*tables, _tables(positions, self._local, 1)]

    def of_layer(self, layer: int, tables: list[Rotary]) -> Rotary | None:
        """Selects from the result of `at`; None for a layer without rotary embedding."""
        if layer in self._unrotated:
            return None
        return tables[-1] if layer in self._local_layers else tables[0]


def _tables(positions: Tensor, frequencies: Tensor, scale: float) -> Rotary:
    # float64: at position 100,000 a float32 angle has an error of 0.004.
    angles = (positions[:, None] * frequencies)[:, None]
    cosine, sine = angles.cos(), angles.sin()
    if scale != 1:
        cosine, sine = cosine * scale, sine * scale
    return cosine.float(), sine.float()


def rotate(x: Tensor, rotary: Rotary) -> Tensor:
    """Rotates element i of each head [T, H, d] with element i + r/2 of the first r, which the tables cover.

    In float32, rounded once.
    """
    cosine, sine = rotary
    size, rest = 2 * cosine.shape[-1], x.shape[-1] - 2 * cosine.shape[-1]
    first, second = x.narrow(2, 0, size).float().chunk(2, 2)
    rotated = torch.cat([first * cosine - second * sine, second * cosine + first * sine], 2).to(x.dtype)
    return rotated if rest == 0 else torch.cat([rotated, x.narrow(2, size, rest)], 2)


def rotary_frequencies(config: ModelConfig) -> list[float]:
    """Returns the angle per position, in radians, of each pair of rotated elements of a head."""
    plain = _plain_frequencies(config, config.rope_theta)
    scaling = config.rope_scaling
    if scaling is None:
        return plain
    return [frequency * _factor(scaling, frequency, i) for i, frequency in enumerate(plain)]


def rotary_scale(scaling: RopeScaling | None) -> float:
    """Returns the factor of the rotated elements of queries and keys."""
    return scaling.attention_factor if isinstance(scaling, (Yarn, LongRope)) else 1.0


def _plain_frequencies(config: ModelConfig, theta: float) -> list[float]:
    size = config.rotary_size or config.head_size
    return [theta ** (-2 * i / size) for i in range(size // 2)]


def _factor(scaling: RopeScaling, frequency: float, i: int) -> float:
    """Returns the factor of the frequency of pair `i`."""
    match scaling:
        case Linear():
            return 1 / scaling.factor
        case LongRope():
            return 1 / scaling.factors[i]
        case Llama3():
            # Divides slow angles by the factor, keeps fast angles, and interpolates between them.
            low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
            turns = scaling.original_max_positions * frequency / (2 * math.pi)
            kept = min(1.0, max(0.0, (turns - low) / (high - low)))
            return kept + (1 - kept) / scaling.factor
        case Yarn():
            span = 0.001 if scaling.high == scaling.low else scaling.high - scaling.low
            slow = min(1.0, max(0.0, (i - scaling.low) / span))
            return 1 - slow + slow / scaling.factor
