"""Batches of `logprobs`, `forwardBackward` and `gradientNorm` requests, and the result of a loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..model.config import ModelConfig
from ..model.packed_attention import split
from ..protocol.frames import Array
from ..protocol.messages import Request, bad_request
from .batch_loss import LossStats, TrainingSequence, check_sequences


def check_ids(ids: Array, name: str, config: ModelConfig) -> None:
    """Raises bad-request for a token outside the vocabulary."""
    wrong = np.flatnonzero((ids < 0) | (ids >= config.vocab_size))
    if len(wrong) > 0:
        raise bad_request(f"{name}: expected ids from 0 to {config.vocab_size - 1}, got {ids[wrong[0]]} at {wrong[0]}")


def token_sequences(request: Request, config: ModelConfig) -> list[Tensor]:
    """Returns the sequences of a request; raises bad-request if one is invalid for the model."""
    lengths = request["lengths"]
    flat = request.tensor("tokens", "i32", sum(lengths))
    check_ids(flat, f"{request.type}: tokens", config)
    longest = config.max_positions
    for index, length in enumerate(lengths):
        if length > longest:
            raise bad_request(f"{request.type}: expected at most {longest} tokens, got {length} in sequence {index}")
    return _split(flat, lengths)


def target_sequences(request: Request, config: ModelConfig) -> list[Tensor] | None:
    """Returns the tokens to predict if they differ from those that are read, else None."""
    if not request.fields.get("withTargets", False):
        return None
    lengths = request["lengths"]
    flat = request.tensor("targets", "i32", sum(lengths))
    check_ids(flat, f"{request.type}: targets", config)
    return _split(flat, lengths)


def training_sequences(request: Request, config: ModelConfig) -> list[TrainingSequence]:
    """Returns the training sequences of a request; raises bad-request if one is invalid."""
    names = ["weights", "advantages", "rolloutLogprobs"]
    names += [name for name in ("policyLogprobs", "referenceLogprobs") if name in request.tensors]
    if request["loss"]["kl"] is not None and "referenceLogprobs" not in names:
        raise bad_request(f"{request.type}: expected the tensor 'referenceLogprobs' for the KL term, got none")
    lengths = request["lengths"]
    tokens, targets = token_sequences(request, config), target_sequences(request, config)
    values = {name: _split(request.tensor(name, "f32", sum(lengths)), lengths) for name in names}
    sequences = [
        TrainingSequence(
            tokens[i],
            weights=values["weights"][i],
            advantages=values["advantages"][i],
            rollout_logprobs=values["rolloutLogprobs"][i],
            policy_logprobs=values["policyLogprobs"][i] if "policyLogprobs" in values else None,
            reference_logprobs=values["referenceLogprobs"][i] if "referenceLogprobs" in values else None,
            targets=None if targets is None else targets[i],
        )
        for i in range(len(lengths))
    ]
    try:
        check_sequences(sequences)
    except ValueError as error:
        raise bad_request(f"{request.type}: {error}") from error
    return sequences


def flat_array(values: list[Tensor]) -> Array:
    """Packs sequences end to end."""
    return torch.cat(values).numpy() if values else np.empty(0, np.float32)


def loss_result(stats: LossStats) -> dict[str, Any]:
    """Returns the `forwardBackward` result without its metrics."""
    optional = {
        "entropy": stats.entropy,
        "kl": stats.kl,
        "clipLow": stats.clip_low,
        "clipHigh": stats.clip_high,
        "mismatchKl": stats.mismatch_kl,
        "maxProbabilityGap": stats.max_probability_gap,
    }
    return {
        "loss": stats.loss,
        "tokens": stats.tokens,
        "processedTokens": stats.processed_tokens,
        "sequences": stats.sequences,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _split(flat: Array, lengths: list[int]) -> list[Tensor]:
    return list(split(torch.from_numpy(flat), lengths))
