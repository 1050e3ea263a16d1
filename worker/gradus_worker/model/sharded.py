"""Weights sharded over ranks by PyTorch's FSDP2: each rank keeps 1 / N of every tensor.

A unit (one layer, or the ends: embedding, last norm, head) is gathered before its forward and backward pass and freed
afterwards. Gradients are summed over ranks, never averaged: the weights of the loss contain its normaliser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

from .config import ModelConfig
from .transformer import UnitWeights
from .weight_layout import Part, weight_shapes


class Unit(nn.Module):
    """Parameters that are gathered together. The forward pass runs any work while they are whole."""

    def __init__(self, weights: Mapping[str, Tensor], *, is_trained: bool) -> None:
        super().__init__()
        for name, value in weights.items():
            self.register_parameter(_attribute(name), nn.Parameter(value, requires_grad=is_trained))

    def forward(self, work: Callable[..., Any], *inputs: Any) -> Any:
        return work(*inputs)


class ShardedWeights(UnitWeights):
    """Weights by the names of `weight_layout`: whole inside `within`, otherwise shards (DTensor)."""

    def __init__(self, ends: Unit, layers: list[Unit], names: Iterable[str], dtype: torch.dtype) -> None:
        self._ends, self._layers = ends, layers
        self._owners = {name: ends if (at := _layer(name)) is None else layers[at] for name in names}
        self.dtype = dtype

    def within(self, layer: int | None, work: Callable[..., Any], *inputs: Any) -> Any:
        unit = self._ends if layer is None else self._layers[layer]
        return unit(work, *inputs)

    def __getitem__(self, name: str) -> Tensor:
        value: Tensor = getattr(self._owners[name], _attribute(name))
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._owners)

    def __len__(self) -> int:
        return len(self._owners)


@torch.no_grad()
def shard_weights(
    config: ModelConfig,
    values: Iterable[tuple[Part, Tensor]],
    mesh: DeviceMesh,
    dtype: torch.dtype,
    *,
    is_trained: bool,
) -> ShardedWeights:
    """Shards the tensors of a checkpoint, given in the order of `parts`; at most one layer and the ends are whole.

    Trained shards are float32, rounded to `dtype` first, and are their own masters; others have `dtype`.
    """
    shapes = weight_shapes(config)
    ends = {name: _empty(shape, dtype, is_trained) for name, shape in shapes.items() if _layer(name) is None}
    layers: list[Unit] = []
    of_layer: dict[str, Tensor] = {}

    def finish_layer() -> None:
        if of_layer:
            layers.append(_sharded(Unit(of_layer, is_trained=is_trained), mesh, dtype))
            of_layer.clear()

    for part, value in values:
        at = _layer(part.weight)
        if (at is not None and at == len(layers) + 1) or at is None:
            finish_layer()
        if at is not None and not of_layer:
            names = [name for name in shapes if _layer(name) == at]
            of_layer.update({name: _empty(shapes[name], dtype, is_trained) for name in names})
        target = (ends if at is None else of_layer)[part.weight]
        target[part.start : part.end].copy_(value.to(dtype))
    finish_layer()
    root = Unit(ends, is_trained=is_trained)
    root.layers = nn.ModuleList(layers)
    return ShardedWeights(_sharded(root, mesh, dtype), layers, shapes, dtype)


def _sharded(unit: Unit, mesh: DeviceMesh, dtype: torch.dtype) -> Unit:
    # The inputs keep their types: tables of the rotary embedding are float32.
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
    # Reshard the root too: a pass without gradient would leave it whole, and it would be stale after the next update.
    fully_shard(unit, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
    assert isinstance(unit, FSDPModule)
    # Setting only the factor needs ReduceOp.PREMUL_SUM, which Gloo lacks.
    unit.set_force_sum_reduction_for_comms(True)
    unit.set_gradient_divide_factor(1.0)
    return unit


def _empty(shape: tuple[int, ...], dtype: torch.dtype, is_trained: bool) -> Tensor:
    return torch.empty(shape, dtype=torch.float32 if is_trained else dtype)


def _layer(name: str) -> int | None:
    """Returns the layer of a weight; None for the ends."""
    return int(name.split(".")[1]) if name.startswith("layers.") else None


def _attribute(name: str) -> str:
    return name.replace(".", "__")
