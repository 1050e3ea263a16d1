"""Layout of the weights: which rows of our tensors contain each tensor of a Hugging Face checkpoint.

q, k and v form one matrix, and so do gate and up: one product instead of three or two, forward and backward.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .config import Experts, ModelConfig


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
    attended, keys = config.heads * size, config.key_value_heads * size
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (config.vocab_size, hidden)}

    def linear(name: str, outputs: int, inputs: int, bias: bool = False) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs)
        if bias:
            shapes[f"{name}.bias"] = (outputs,)

    for i in range(config.layers):
        layer = f"layers.{i}"
        for name in _norms(config):
            shapes[f"{layer}.{name}.weight"] = (hidden,)
        linear(f"{layer}.qkv", attended + 2 * keys, hidden, config.attention_bias)
        linear(f"{layer}.out", hidden, attended, config.output_bias)
        if config.query_key_norm is not None:
            whole = config.query_key_norm == "projection"
            shapes[f"{layer}.q_norm.weight"] = (attended if whole else size,)
            shapes[f"{layer}.k_norm.weight"] = (keys if whole else size,)
        experts = config.experts
        if experts is not None and i in experts.layers:
            linear(f"{layer}.router", experts.count, hidden)
            linear(f"{layer}.experts.gate_up", experts.count * 2 * experts.size, hidden)
            linear(f"{layer}.experts.down", experts.count * hidden, experts.size)
        else:
            linear(f"{layer}.gate_up", 2 * config.intermediate_size, hidden, config.mlp_bias)
            linear(f"{layer}.down", hidden, config.intermediate_size, config.mlp_bias)
    shapes["norm.weight"] = (hidden,)
    if not config.tie_embeddings:
        shapes["head.weight"] = (config.vocab_size, hidden)
    return shapes


def parts(config: ModelConfig) -> list[Part]:
    """Lists every tensor of the checkpoint once, in the order of `modelHash` (docs/protocol.md)."""
    found = [Part("model.embed_tokens.weight", "embed.weight", 0, config.vocab_size)]
    for layer in range(config.layers):
        found += _layer_parts(config, layer)
    found.append(Part("model.norm.weight", "norm.weight", 0, config.hidden_size))
    if not config.tie_embeddings:
        found.append(Part("lm_head.weight", "head.weight", 0, config.vocab_size))
    return found


def _norms(config: ModelConfig) -> dict[str, str]:
    """Returns the checkpoint's name of each norm of a block that the model has, by our name."""
    (one, one_after), (two, two_after) = config.norms["attention"], config.norms["feedForward"]
    names = {"norm1": one, "norm1_after": one_after, "norm2": two, "norm2_after": two_after}
    return {ours: theirs for ours, theirs in names.items() if theirs is not None}


def _layer_parts(config: ModelConfig, layer: int) -> Iterator[Part]:
    hidden, size = config.hidden_size, config.head_size
    theirs, ours = f"model.layers.{layer}", f"layers.{layer}"
    norms = _norms(config)

    def norm(name: str) -> Iterator[Part]:
        if name in norms:
            yield Part(f"{theirs}.{norms[name]}.weight", f"{ours}.{name}.weight", 0, hidden)

    yield from norm("norm1")
    rows = {"q": config.heads * size, "k": config.key_value_heads * size, "v": config.key_value_heads * size}
    if config.fused_projections:
        yield Part(f"{theirs}.self_attn.qkv_proj.weight", f"{ours}.qkv.weight", 0, sum(rows.values()))
    else:
        names = {f"{theirs}.self_attn.{name}_proj": length for name, length in rows.items()}
        yield from _joined(names, f"{ours}.qkv", config.attention_bias)
    yield from _joined({f"{theirs}.self_attn.o_proj": hidden}, f"{ours}.out", config.output_bias)
    if config.query_key_norm is not None:
        for name in ("q", "k"):
            length = rows[name] if config.query_key_norm == "projection" else size
            yield Part(f"{theirs}.self_attn.{name}_norm.weight", f"{ours}.{name}_norm.weight", 0, length)
    yield from norm("norm1_after")
    yield from norm("norm2")
    if config.experts is not None and layer in config.experts.layers:
        yield from _expert_parts(config.experts, hidden, f"{theirs}.mlp", ours)
    elif config.fused_projections:
        yield Part(f"{theirs}.mlp.gate_up_proj.weight", f"{ours}.gate_up.weight", 0, 2 * config.intermediate_size)
        yield Part(f"{theirs}.mlp.down_proj.weight", f"{ours}.down.weight", 0, hidden)
    else:
        names = {f"{theirs}.mlp.{name}_proj": config.intermediate_size for name in ("gate", "up")}
        yield from _joined(names, f"{ours}.gate_up", config.mlp_bias)
        yield from _joined({f"{theirs}.mlp.down_proj": hidden}, f"{ours}.down", config.mlp_bias)
    yield from norm("norm2_after")


def _joined(rows: Mapping[str, int], ours: str, bias: bool) -> Iterator[Part]:
    """Lists linear layers of the checkpoint that lie end to end in one of ours."""
    start = 0
    for name, length in rows.items():
        for kind in ("weight", "bias") if bias else ("weight",):
            yield Part(f"{name}.{kind}", f"{ours}.{kind}", start, start + length)
        start += length


def _expert_parts(experts: Experts, hidden: int, theirs: str, ours: str) -> Iterator[Part]:
    yield Part(f"{theirs}.gate.weight", f"{ours}.router.weight", 0, experts.count)
    for i in range(experts.count):
        names = {f"{theirs}.experts.{i}.{name}_proj": experts.size for name in ("gate", "up")}
        for part in _joined(names, f"{ours}.experts.gate_up", False):
            start = 2 * experts.size * i
            yield replace(part, start=start + part.start, end=start + part.end)
        yield Part(
            f"{theirs}.experts.{i}.down_proj.weight", f"{ours}.experts.down.weight", hidden * i, hidden * (i + 1)
        )
