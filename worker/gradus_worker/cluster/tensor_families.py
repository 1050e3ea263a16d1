"""Diagnoses incompletely published weights: finds the family of tensors that is stale on a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..learning.scorer import Scorer
from ..model.model_folder import load_model
from ..model.transformer import Transformer
from ..sampling.completion import Floats

FAMILIES: dict[str, Callable[[str], bool]] = {
    "head": lambda name: name == "head.weight",
    "embedding": lambda name: name == "embed.weight",
    "attention": lambda name: any(part in name for part in (".qkv.", ".out.", ".q_norm.", ".k_norm.")),
    "feed-forward": lambda name: any(part in name for part in (".gate_up.", ".down.", ".router.", ".experts.")),
    "norms": lambda name: ".norm" in name or name == "norm.weight",
}
"""Families by the names of `weight_layout`."""


def explain_mismatch(previous: Path, published: Path, tokens: Sequence[int], found: Floats) -> str:
    """Names the family whose earlier values, with all others published, explain the observed log-probabilities.

    Reads both models into main memory.
    """
    before, after = (untied(load_model(folder, "cpu", "float32").model) for folder in (previous, published))
    sequence = [torch.tensor(tokens)]

    def gap(weights: dict[str, Tensor]) -> float:
        model = Transformer(after.config, weights)
        scorer = Scorer(model, head_size=after.config.head_size, token_budget=len(tokens), rules=after.config.attention)
        return float(np.abs(scorer.logprobs(sequence)[0].numpy() - found).mean())

    gaps = {
        family: gap({name: (before if belongs(name) else after).weights[name] for name in after.weights})
        for family, belongs in FAMILIES.items()
    }
    all_before, all_after = gap(dict(before.weights)), gap(dict(after.weights))
    nearest = min(gaps, key=lambda family: gaps[family])
    if all_before < 0.1 * all_after and all_before <= gaps[nearest]:
        return "the server still has the earlier weights in all tensors"
    if gaps[nearest] < 0.1 * all_after:
        return f"the server still has earlier weights of the {nearest}"
    return "no single family of earlier tensors explains the difference: check that the server serves this model"


def untied(model: Transformer) -> Transformer:
    """Returns the model with a separate head, so that head and embedding can differ."""
    if not model.config.tie_embeddings:
        return model
    weights = {**model.weights, "head.weight": model.weights["embed.weight"].detach().clone()}
    return Transformer(replace(model.config, tie_embeddings=False), weights)
