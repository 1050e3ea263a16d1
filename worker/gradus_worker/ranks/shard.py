"""Tensors that may be sharded over ranks. Plain tensors, the same on every rank, pass through unchanged."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def is_sharded(tensor: Tensor) -> bool:
    return hasattr(tensor, "to_local")


def local(tensor: Tensor) -> Tensor:
    """Returns the rows of this rank."""
    return tensor.to_local() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]


def whole(tensor: Tensor) -> Tensor:
    """Returns all rows. A collective for a sharded tensor."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]


@torch.no_grad()
def gather_weights(weights: Mapping[str, Tensor], *, keep: bool) -> dict[str, Tensor]:
    """Gathers sharded weights one by one into main memory; ranks without `keep` take part and return nothing."""
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        all_rows = whole(value.detach())
        if keep:
            found[name] = all_rows.cpu()
    return found
