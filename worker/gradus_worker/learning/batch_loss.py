"""A batch of training sequences: the inputs of its loss, and the statistics of the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from .losses import LossTerms, LossTokens, Spec


@dataclass(frozen=True)
class TrainingSequence:
    """As in `src/core/batch.ts`: index t of every array [T] belongs to token t; token 0 has weight 0."""

    tokens: Tensor
    weights: Tensor
    advantages: Tensor
    rollout_logprobs: Tensor
    policy_logprobs: Tensor | None = None
    """NaN at a token, or None for all tokens, stands for the current log-probabilities, without gradient."""
    reference_logprobs: Tensor | None = None
    targets: Tensor | None = None
    """Replaces the tokens to predict, but not those that are read."""


@dataclass(frozen=True)
class LossStats:
    """`LossStats` of `src/engines/engine.ts`; None: not measured."""

    loss: float
    tokens: int
    processed_tokens: int
    sequences: int
    entropy: float | None
    kl: float | None
    clip_low: float | None
    clip_high: float | None
    mismatch_kl: float | None
    max_probability_gap: float | None
    logprobs: list[Tensor]
    seconds: float
    microbatches: int
    token_budget: int
    """Maximum number of tokens in a microbatch after this call; halved each time memory runs out."""


def check_sequences(sequences: Sequence[TrainingSequence]) -> None:
    """Raises ValueError, naming the first invalid sequence."""
    for index, sequence in enumerate(sequences):
        if len(sequence.tokens) == 0 or float(sequence.weights[:1].abs().sum()) != 0:
            raise ValueError(f"batch, sequence {index}: expected at least one token, and weight 0 on token 0")
        for field in fields(sequence):
            values = getattr(sequence, field.name)
            if values is not None and len(values) != len(sequence.tokens):
                raise ValueError(
                    f"batch, sequence {index}: expected {len(sequence.tokens)} {field.name}, got {len(values)}"
                )


def loss_tokens(
    sequences: Sequence[TrainingSequence], logprobs: Tensor, entropy: Tensor | None, spec: Spec
) -> LossTokens:
    """Returns the inputs of the loss, from the current log-probabilities and entropies [N] of all tokens."""
    lengths = torch.tensor([len(s.tokens) for s in sequences])

    def flat(values: list[Tensor]) -> Tensor:
        return torch.cat(values).to(logprobs.device, logprobs.dtype)

    own = [
        s.policy_logprobs if s.policy_logprobs is not None else torch.full(s.weights.shape, torch.nan)
        for s in sequences
    ]
    policy = flat(own)
    references = [s.reference_logprobs for s in sequences if s.reference_logprobs is not None]
    return LossTokens(
        logprobs=logprobs,
        entropy=entropy if entropy is None or spec["entropy"] is not None else entropy.detach(),
        weights=flat([s.weights for s in sequences]),
        advantages=flat([s.advantages for s in sequences]),
        rollout_logprobs=flat([s.rollout_logprobs for s in sequences]),
        policy_logprobs=policy,
        has_policy_logprobs=~policy.isnan(),
        reference_logprobs=flat(references) if len(references) == len(sequences) else None,
        segments=torch.arange(len(sequences)).repeat_interleave(lengths).to(logprobs.device),
        sequences=len(sequences),
    )


def measure(tokens: LossTokens, terms: LossTerms) -> dict[str, float]:
    """Sums over tokens with weight, in float64; `gap` is a maximum. Waits for the device once."""
    active = tokens.weights != 0
    current, rollout = tokens.logprobs.detach()[active].double(), tokens.rollout_logprobs[active].double()
    found = {"loss": terms.loss.detach()[active], "mismatch": rollout - current}
    if tokens.entropy is not None:
        found["entropy"] = tokens.entropy.detach()[active]
    optional = {"kl": terms.kl, "clip_low": terms.clip_low, "clip_high": terms.clip_high}
    found |= {name: values[active] for name, values in optional.items() if values is not None}
    gap = torch.cat([(current.exp() - rollout.exp()).abs(), current.new_zeros(1)]).max()
    sums = torch.stack([*(values.double().sum() for values in found.values()), gap]).tolist()
    return dict(zip([*found, "gap"], sums, strict=True)) | {"tokens": float(len(current))}


def loss_stats(
    sequences: Sequence[TrainingSequence],
    sums: dict[str, float],
    logprobs: list[Tensor],
    *,
    seconds: float,
    microbatches: int,
    token_budget: int,
) -> LossStats:
    """Returns the statistics of a batch from the sums of `measure`."""
    tokens = int(sums.get("tokens", 0))

    def mean(name: str) -> float | None:
        return sums[name] / tokens if tokens > 0 and name in sums else None

    return LossStats(
        loss=sums.get("loss", 0.0),
        tokens=tokens,
        processed_tokens=sum(len(s.tokens) for s in sequences),
        sequences=len(sequences),
        entropy=mean("entropy"),
        kl=mean("kl"),
        clip_low=mean("clip_low"),
        clip_high=mean("clip_high"),
        mismatch_kl=mean("mismatch"),
        max_probability_gap=sums["gap"] if tokens > 0 else None,
        logprobs=logprobs,
        seconds=seconds,
        microbatches=microbatches,
        token_budget=token_budget,
    )
