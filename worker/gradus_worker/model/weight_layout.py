"""Layout of the weights: which rows of our tensors hold each tensor of a Hugging Face checkpoint.

q, k and v form one matrix, and so do gate and up: one product instead of three or two, forward and backward.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .config import ModelConfig


@dataclass(frozen=True)
class Part:
    """A checkpoint tensor, by its Hugging Face name: rows `start` to `end` of our tensor `weight`."""

    name: str
    weight: str
    start: int
    end: int


def weight_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of our tensors by name. Matrices are [output, input]."""
    hidden, size = config.hidden_size, config.head_size
    attended, qkv = config.heads * size, (config.heads + 2 * config.key_value_heads) * size
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (config.vocab_size, hidden)}
    for layer in (f"layers.{i}" for i in range(config.layers)):
        shapes[f"{layer}.norm1.weight"] = (hidden,)
        shapes[f"{layer}.qkv.weight"] = (qkv, hidden)
        if config.attention_bias:
            shapes[f"{layer}.qkv.bias"] = (qkv,)
        shapes[f"{layer}.out.weight"] = (hidden, attended)
        shapes[f"{layer}.norm2.weight"] = (hidden,)
        shapes[f"{layer}.gate_up.weight"] = (2 * config.intermediate_size, hidden)
        shapes[f"{layer}.down.weight"] = (hidden, config.intermediate_size)
    shapes["norm.weight"] = (hidden,)
    if not config.tie_embeddings:
        shapes["head.weight"] = (config.vocab_size, hidden)
    return shapes


def parts(config: ModelConfig) -> list[Part]:
    """Lists every tensor of the checkpoint once, in the order of `modelHash` (docs/protocol.md)."""
    return list(_parts(config))


def _parts(config: ModelConfig) -> Iterator[Part]:
    hidden, size, inner = config.hidden_size, config.head_size, config.intermediate_size
    yield Part("model.embed_tokens.weight", "embed.weight", 0, config.vocab_size)
    kinds = ["weight", "bias"] if config.attention_bias else ["weight"]
    for i in range(config.layers):
        theirs, ours = f"model.layers.{i}", f"layers.{i}"
        yield Part(f"{theirs}.input_layernorm.weight", f"{ours}.norm1.weight", 0, hidden)
        start = 0
        for name, heads in (("q", config.heads), ("k", config.key_value_heads), ("v", config.key_value_heads)):
            end = start + heads * size
            for kind in kinds:
                yield Part(f"{theirs}.self_attn.{name}_proj.{kind}", f"{ours}.qkv.{kind}", start, end)
            start = end
        yield Part(f"{theirs}.self_attn.o_proj.weight", f"{ours}.out.weight", 0, hidden)
        yield Part(f"{theirs}.post_attention_layernorm.weight", f"{ours}.norm2.weight", 0, hidden)
        yield Part(f"{theirs}.mlp.gate_proj.weight", f"{ours}.gate_up.weight", 0, inner)
        yield Part(f"{theirs}.mlp.up_proj.weight", f"{ours}.gate_up.weight", inner, 2 * inner)
        yield Part(f"{theirs}.mlp.down_proj.weight", f"{ours}.down.weight", 0, hidden)
    yield Part("model.norm.weight", "norm.weight", 0, hidden)
    if not config.tie_embeddings:
        yield Part("lm_head.weight", "head.weight", 0, config.vocab_size)
