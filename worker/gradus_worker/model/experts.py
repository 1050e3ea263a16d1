"""A mixture of experts (Shazeer et al. 2017), as in Qwen3-MoE: softmax over all experts, then the best few."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear, silu

from .config import Experts


def route(experts: Experts, router: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the weights and the indices of each token's experts, both [T, per_token]. router [E, D], x [T, D]."""
    probabilities = linear(x, router).float().softmax(1)
    weights, chosen = probabilities.topk(experts.per_token, 1)
    if experts.normalise:
        weights = weights / weights.sum(1, keepdim=True)
    return weights.to(x.dtype), chosen


def mix_experts(experts: Experts, router: Tensor, gate_up: Tensor, down: Tensor, x: Tensor) -> Tensor:
    """Returns the weighted sum of the chosen experts' outputs, [T, D].

    gate_up [E * 2 * size, D] and down [E * D, size] contain the experts end to end. Each expert runs once, on its
    tokens.
    """
    weights, chosen = route(experts, router, x)
    by_expert = gate_up.view(experts.count, 2 * experts.size, -1), down.view(experts.count, -1, experts.size)
    result = torch.zeros_like(x)
    for expert in sorted(set(chosen.flatten().tolist())):
        tokens, place = (chosen == expert).nonzero(as_tuple=True)
        gate, up = linear(x[tokens], by_expert[0][expert]).chunk(2, 1)
        found = linear(silu(gate) * up, by_expert[1][expert])
        result = result.index_add(0, tokens, found * weights[tokens, place, None])
    return result
