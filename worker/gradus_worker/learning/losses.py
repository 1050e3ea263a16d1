"""Every loss of `src/core/loss-spec.ts`, which defines them, on a flat token axis.

For each token t with weight w_t != 0 the loss adds

    w_t * (importance_t * policy_t + kl.coefficient * kl_t - entropy.coefficient * H_t)

Arrays are [N], in float32 or float64; `segments` gives the sequence of each token. Tokens of weight 0 are ignored,
whatever values the other arrays contain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class LossTokens:
    """Inputs of a loss; index i of every array belongs to the same token."""

    logprobs: Tensor
    """Log-probabilities of the current policy; the gradient flows through them."""
    weights: Tensor
    advantages: Tensor
    rollout_logprobs: Tensor
    policy_logprobs: Tensor | None
    """Old log-probabilities; read only where `has_policy_logprobs` is true."""
    has_policy_logprobs: Tensor
    """bool [N]; false: use the current log-probabilities, without gradient, as the old ones."""
    reference_logprobs: Tensor | None
    segments: Tensor
    """int64 [N], 0 <= segment < sequences."""
    sequences: int
    entropy: Tensor | None = None


@dataclass(frozen=True)
class LossTerms:
    """Terms per token, 0 where the weight is 0. None: this loss has no such term."""

    loss: Tensor
    """The weighted terms; the gradient is that of their sum."""
    kl: Tensor | None
    clip_low: Tensor | None
    clip_high: Tensor | None
    log_ratio: Tensor
    """log pi - log old, without gradient."""


def loss_terms(spec: Spec, tokens: LossTokens) -> LossTerms:
    """Computes the loss of each token; raises ValueError if an array that the loss needs is missing."""
    t = _masked(tokens)
    active = t.weights != 0
    old = _old(t)
    policy, low, high = _policy_term(spec["policy"], t, old, active)
    total = policy if spec["importance"] is None else policy * _importance(spec["importance"], t, old)
    kl = None if spec["kl"] is None else _divergence(spec["kl"]["estimator"], t)
    if kl is not None:
        total = total + spec["kl"]["coefficient"] * kl
    if spec["entropy"] is not None:
        if t.entropy is None:
            raise ValueError("expected entropies for the entropy term, got none")
        total = total - spec["entropy"]["coefficient"] * t.entropy
    return LossTerms(
        loss=t.weights * total,
        kl=None if kl is None else kl.detach(),
        clip_low=low,
        clip_high=high,
        log_ratio=(t.logprobs - old).detach(),
    )


def _masked(t: LossTokens) -> LossTokens:
    """Sets values to 0 where the weight is 0, so that they cannot overflow."""
    active = t.weights != 0

    def masked(values: Tensor) -> Tensor:
        return torch.where(active, values, torch.zeros((), dtype=values.dtype, device=values.device))

    return LossTokens(
        logprobs=masked(t.logprobs),
        weights=t.weights,
        advantages=masked(t.advantages),
        rollout_logprobs=masked(t.rollout_logprobs),
        policy_logprobs=None if t.policy_logprobs is None else masked(t.policy_logprobs),
        has_policy_logprobs=t.has_policy_logprobs,
        reference_logprobs=None if t.reference_logprobs is None else masked(t.reference_logprobs),
        segments=t.segments,
        sequences=t.sequences,
        entropy=None if t.entropy is None else masked(t.entropy),
    )


def _old(t: LossTokens) -> Tensor:
    own = t.logprobs.detach()
    return own if t.policy_logprobs is None else torch.where(t.has_policy_logprobs, t.policy_logprobs, own)


Term = tuple[Tensor, Tensor | None, Tensor | None]


def _policy_term(policy: Spec, t: LossTokens, old: Tensor, active: Tensor) -> Term:
    kind = policy["type"]
    if kind == "clipped":
        return _clipped(policy, t, old, active)
    if kind == "cispo":
        return _cispo(policy, t, old, active)
    if kind == "reinforce":
        return -t.advantages * t.logprobs, None, None
    if kind == "cross-entropy":
        return -t.logprobs, None, None
    raise ValueError(f"loss: expected clipped, cispo, reinforce or cross-entropy, got {kind!r}")


def _clipped(policy: Spec, t: LossTokens, old: Tensor, active: Tensor) -> Term:
    """Computes -min(r A, clip(r) A) (PPO eq. 7); for A < 0 at most -dualClip A (1912.09729 eq. 5)."""
    low, high = 1 - policy["clipLow"], 1 + policy["clipHigh"]
    log_ratio = t.logprobs - old
    if policy["ratio"] == "sequence":
        log_ratio = _sequence_mean(log_ratio, t, active)
    r = log_ratio.exp()
    below, above = _binding(r, t.advantages, low, high)
    # Outside the bounds the loss is constant and has no gradient; at the bound itself it has one.
    loss = torch.where(below | above, -r.detach().clamp(low, high) * t.advantages, -r * t.advantages)
    if policy["dualClip"] is not None:
        capped = (t.advantages < 0) & (r.detach() > policy["dualClip"])
        loss = torch.where(capped, -policy["dualClip"] * t.advantages, loss)
    return loss, (below & active).to(r.dtype), (above & active).to(r.dtype)


def _cispo(policy: Spec, t: LossTokens, old: Tensor, active: Tensor) -> Term:
    """Computes -stopgrad(clip(r)) A log pi (2506.13585 eq. 4)."""
    r = (t.logprobs.detach() - old).exp()
    below, above = _binding(r, t.advantages, policy["minRatio"], policy["maxRatio"])
    loss = -r.clamp(policy["minRatio"], policy["maxRatio"]) * t.advantages * t.logprobs
    return loss, (below & active).to(r.dtype), (above & active).to(r.dtype)


def _binding(r: Tensor, advantages: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """Detects tokens whose r is out of bounds and whose advantage pulls it further out."""
    value = r.detach()
    return (advantages < 0) & (value < low), (advantages > 0) & (value > high)


def _sequence_sum(values: Tensor, t: LossTokens) -> Tensor:
    return values.new_zeros(t.sequences).index_add(0, t.segments, values)


def _sequence_mean(values: Tensor, t: LossTokens, active: Tensor) -> Tensor:
    """Returns, at each token, the mean over the active tokens of its sequence (GSPO, 2507.18071 eq. 7)."""
    count = _sequence_sum(active.to(values.dtype), t).clamp_min(1)
    return (_sequence_sum(values, t) / count)[t.segments]


def _importance(term: Spec, t: LossTokens, old: Tensor) -> Tensor:
    """Returns the importance weight old / rollout, without gradient, capped or masked."""
    log_ratio = (old - t.rollout_logprobs).detach()
    if term["level"] == "sequence":
        log_ratio = _sequence_sum(log_ratio, t)[t.segments]
    weight = log_ratio.exp()
    if term["mode"] == "truncate":
        return weight.clamp(max=term["cap"])
    return torch.where(weight <= term["cap"], weight, torch.zeros_like(weight))


def _divergence(estimator: str, t: LossTokens) -> Tensor:
    """Returns a KL estimator (Schulman 2020, joschu.net/blog/kl-approx.html).

    With d = log ref - log pi: k1 = -d, k2 = d^2 / 2, k3 = e^d - d - 1.
    """
    if t.reference_logprobs is None:
        raise ValueError("expected referenceLogprobs for the KL term, got none")
    d = t.reference_logprobs - t.logprobs
    if estimator == "k1":
        return -d
    if estimator == "k2":
        return d * d / 2
    if estimator == "k3":
        return torch.expm1(d) - d
    raise ValueError(f"kl: expected estimator k1, k2 or k3, got {estimator!r}")
