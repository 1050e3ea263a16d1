"""Decoder-only transformers on a table of weights that sampler and trainer share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding, gelu, linear, rms_norm, silu
from torch.utils.checkpoint import checkpoint

from .config import ModelConfig
from .experts import mix_experts
from .logprobs import chunked_logprobs, float_product, soft_cap
from .packed_attention import Attend
from .rotary import Rotary, RotaryTables, rotate
from .weight_layout import Part, parts, weight_shapes


class UnitWeights(Mapping[str, Tensor]):
    """Weights that are complete only inside `within`, one unit at a time."""

    dtype: torch.dtype
    """Element type of the gathered weights."""

    def within(self, layer: int | None, work: Callable[..., Any], *inputs: Any) -> Any:
        """Runs work(*inputs) while the weights of a layer (None: of the ends) are whole."""
        raise NotImplementedError


class Transformer:
    """A causal language model on packed tokens. The caller supplies the attention (`Attend`).

    `weights` contains every tensor once, under the names of `weight_layout`; they may change in place at any time.
    Low-rank training overrides `project`; its sampler uses a `Transformer` on the same table with merged matrices.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, Tensor]) -> None:
        expected = weight_shapes(config)
        found = {name: tuple(value.shape) for name, value in weights.items()}
        if found != expected:
            wrong = sorted({*found.items()} ^ {*expected.items()})[:2]
            raise ValueError(f"model: expected the {len(expected)} tensors of its config, got a difference at {wrong}")
        self.config = config
        self.weights = weights if isinstance(weights, UnitWeights) else dict(weights)
        self.activation_checkpointing = False
        """Keeps one hidden state per layer for the backward pass and recomputes the rest."""
        self._rotary = RotaryTables(config, self.device)

    @property
    def device(self) -> torch.device:
        return self.weights["embed.weight"].device

    @property
    def dtype(self) -> torch.dtype:
        return self.weights.dtype if isinstance(self.weights, UnitWeights) else self.weights["embed.weight"].dtype

    @property
    def head_weight(self) -> Tensor:
        """Output matrix [V, D]: logits are hidden @ head_weight.T, capped if the config has a cap."""
        return self.weights["embed.weight" if self.config.tie_embeddings else "head.weight"]

    def parts(self) -> list[tuple[Part, Tensor]]:
        """Returns the tensors of the checkpoint, each a view of rows of `weights`, in the order of `modelHash`."""
        return [(part, self.weights[part.weight][part.start : part.end]) for part in parts(self.config)]

    def hidden(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Returns hidden states after the last norm, [T, D], of tokens int64 [T] at positions [T].

        With sharded weights, call it only inside `logprobs`.
        """
        x = _scaled(embedding(tokens, self.weights["embed.weight"]), self.config.embedding_scale)
        rotary = self._rotary.at(positions)
        for layer in range(self.config.layers):
            x = self._within(layer, partial(self._run_block, layer), x, rotary, attend)
        return _scaled(self._norm("norm", x), self.config.logit_scale)

    def logprobs(
        self, tokens: Tensor, positions: Tensor, predicted: Tensor, targets: Tensor, attend: Attend, temperature: float
    ) -> tuple[Tensor, Tensor]:
        """Returns log-probabilities of `targets` at the places `predicted`, given the tokens before, and entropies."""

        def work() -> tuple[Tensor, Tensor]:
            hidden = self.hidden(tokens, positions, attend)[predicted - 1]
            cap = self.config.logit_cap
            return chunked_logprobs(hidden, self.head_weight, targets, temperature=temperature, cap=cap)

        found: tuple[Tensor, Tensor] = self._within(None, work)
        return found

    def logits(self, hidden: Tensor) -> Tensor:
        """Returns the next-token logits [T, V], float32, of hidden states [T, D]."""
        return soft_cap(float_product(hidden, self.head_weight.T), self.config.logit_cap)

    def project(self, name: str, x: Tensor) -> Tensor:
        """Multiplies x [T, input] by a matrix (`layers.0.qkv`, `.out`, `.gate_up`, `.down`); adds its bias, if any."""
        return linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def _within(self, layer: int | None, work: Callable[..., Any], *inputs: Any) -> Any:
        weights = self.weights
        return weights.within(layer, work, *inputs) if isinstance(weights, UnitWeights) else work(*inputs)

    def _run_block(self, layer: int, x: Tensor, rotary: list[Rotary], attend: Attend) -> Tensor:
        if self.activation_checkpointing and torch.is_grad_enabled():
            inputs = layer, x, rotary, attend
            result: Tensor = checkpoint(self._block, *inputs, use_reentrant=False, preserve_rng_state=False)
            return result
        return self._block(layer, x, rotary, attend)

    def _block(self, layer: int, x: Tensor, rotary: list[Rotary], attend: Attend) -> Tensor:
        config, name = self.config, f"layers.{layer}"
        mixed = self._attention(layer, self._norm(f"{name}.norm1", x), self._rotary.of_layer(layer, rotary), attend)
        x = x + _scaled(self._norm(f"{name}.norm1_after", mixed), config.residual_scale)
        lifted = self._feed_forward(layer, self._norm(f"{name}.norm2", x))
        return x + _scaled(self._norm(f"{name}.norm2_after", lifted), config.residual_scale)

    def _feed_forward(self, layer: int, x: Tensor) -> Tensor:
        config, name = self.config, f"layers.{layer}"
        if config.experts is not None and layer in config.experts.layers:
            names = (f"{name}.router.weight", f"{name}.experts.gate_up.weight", f"{name}.experts.down.weight")
            router, gate_up, down = (self.weights[one] for one in names)
            return mix_experts(config.experts, router, gate_up, down, x)
        gate, up = self.project(f"{name}.gate_up", x).chunk(2, 1)
        active = gelu(gate, approximate="tanh") if config.gelu else silu(gate)
        return self.project(f"{name}.down", active * up)

    def _attention(self, layer: int, x: Tensor, rotary: Rotary | None, attend: Attend) -> Tensor:
        config, name = self.config, f"layers.{layer}"
        heads, key_heads = config.heads, config.key_value_heads
        qkv = self.project(f"{name}.qkv", x).view(len(x), heads + 2 * key_heads, config.head_size)
        turned, v = qkv[:, : heads + key_heads], qkv[:, heads + key_heads :]
        if config.query_key_norm is not None:
            q, k = turned[:, :heads], turned[:, heads:]
            turned = torch.cat([self._norm_heads(f"{name}.q_norm", q), self._norm_heads(f"{name}.k_norm", k)], 1)
        if rotary is not None:
            turned = rotate(turned, rotary)
        mixed = attend(layer, _scaled(turned[:, :heads], config.query_scale), turned[:, heads:], v)
        return self.project(f"{name}.out", mixed.reshape(len(x), heads * config.head_size))

    def _norm_heads(self, name: str, x: Tensor) -> Tensor:
        """Normalises [T, H, d] over each head, or over all heads together."""
        flat = x.flatten(1) if self.config.query_key_norm == "projection" else x
        return self._norm(name, flat).view(x.shape)

    def _norm(self, name: str, x: Tensor) -> Tensor:
        """Applies RMSNorm over the last axis; returns x unchanged if the model has no such norm."""
        weight = self.weights.get(f"{name}.weight")
        if weight is None:
            return x
        if self.config.norm_offset:
            # Round once, after the product.
            return rms_norm(x.float(), x.shape[-1:], 1 + weight.float(), self.config.norm_epsilon).to(x.dtype)
        return rms_norm(x, x.shape[-1:], weight, self.config.norm_epsilon)


def _scaled(x: Tensor, factor: float) -> Tensor:
    """Multiplies by a factor of the config, which is rounded to the element type of x, as transformers does."""
    return x if factor == 1 else x * torch.tensor(factor, dtype=x.dtype, device=x.device)
