"""Log-probabilities and entropies of given tokens, computed in chunks so that the full logits never exist.

The [N, V] logits of a long batch would be the largest tensor of a step (16k tokens x 152k words: 10 GB in float32).
Forward and backward each compute them for `rows` tokens at a time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def chunked_logprobs(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    temperature: float = 1.0,
    cap: float | None = None,
    rows: int = 2048,
) -> tuple[Tensor, Tensor]:
    """Returns the log-probability of each target and the entropy (nats) of its distribution, both differentiable.

    hidden [N, D], weight [V, D], targets int64 [N]; `cap`: see `soft_cap`.
    Results are float32 [N] (float64 for float64 input). Logits, and
    the sum over rows in the gradient of `weight`, are float32 for every input type; that gradient is rounded once.
    """
    if temperature <= 0:
        raise ValueError(f"temperature: expected more than 0, got {temperature}")
    if rows < 1:
        raise ValueError(f"rows: expected at least 1, got {rows}")
    arguments = (hidden, weight, targets, 1 / temperature, cap, rows)
    logprobs, entropy = _ChunkedLogprobs.apply(*arguments)  # type: ignore[no-untyped-call]
    return logprobs, entropy


class _ChunkedLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        scale: float,
        cap: float | None,
        rows: int,
    ) -> tuple[Tensor, Tensor]:
        dtype = torch.float64 if hidden.dtype == torch.float64 else torch.float32
        logprobs, entropy, total = (hidden.new_empty(len(hidden), dtype=dtype) for _ in range(3))
        for part in _chunks(len(hidden), rows):
            logits = soft_cap(float_product(hidden[part], weight.T), cap).mul_(scale)
            total[part] = logits.logsumexp(1)
            logprobs[part] = logits.gather(1, targets[part, None])[:, 0] - total[part]
            # Compute H from log p, not as lse - sum p z, a difference of large numbers in which small entropies would
            # cancel.
            logs = logits.sub_(total[part, None])
            p = logs.exp()
            # Clamp log p = -inf of impossible words: their product with p = 0 must not be NaN.
            entropy[part] = -p.mul_(logs.clamp_min_(torch.finfo(dtype).min)).sum(1)
        ctx.save_for_backward(hidden, weight, targets, total, entropy)
        ctx.scale, ctx.cap, ctx.rows = scale, cap, rows
        return logprobs, entropy

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, targets, total, entropy = ctx.saved_tensors
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        by_hidden = torch.empty_like(hidden) if needs_hidden else None
        by_weight = torch.zeros(weight.shape, dtype=total.dtype, device=weight.device) if needs_weight else None
        for part in _chunks(len(hidden), ctx.rows):
            slope = _logit_slopes(ctx, part, hidden, weight, targets, total, entropy, slopes)
            slope = slope.to(hidden.dtype)
            if by_hidden is not None:
                by_hidden[part] = slope @ weight
            if by_weight is not None:
                by_weight += float_product(slope.T, hidden[part])
        return by_hidden, None if by_weight is None else by_weight.to(weight.dtype), None, None, None, None


def _logit_slopes(
    ctx: Any,
    part: slice,
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    total: Tensor,
    entropy: Tensor,
    slopes: tuple[Tensor, ...],
) -> Tensor:
    """Returns d(loss)/d(unscaled logits) [rows, V]: g (onehot - p) - h p (log p + H), with incoming slopes g and h."""
    by_logprob, by_entropy = (slope[part, None] for slope in slopes)
    capped = soft_cap(float_product(hidden[part], weight.T), ctx.cap)
    # d(cap tanh(z / cap)) / dz = 1 - tanh^2
    by_cap = None if ctx.cap is None else (capped / ctx.cap).square_().neg_().add_(1)
    logs = capped.mul_(ctx.scale).sub_(total[part, None])
    p = logs.exp()
    logs.clamp_min_(torch.finfo(logs.dtype).min)
    result = logs.add_(entropy[part, None]).mul_(-by_entropy).sub_(by_logprob).mul_(p)
    result.scatter_add_(1, targets[part, None], by_logprob.to(result.dtype))
    return result.mul_(ctx.scale) if by_cap is None else result.mul_(ctx.scale).mul_(by_cap)


def soft_cap(logits: Tensor, cap: float | None) -> Tensor:
    """Returns cap tanh(logits / cap) (Gemma 2), or the logits themselves without a cap."""
    return logits if cap is None else cap * (logits / cap).tanh()


def _chunks(length: int, rows: int) -> list[slice]:
    return [slice(start, min(start + rows, length)) for start in range(0, length, rows)]


def float_product(a: Tensor, b: Tensor) -> Tensor:
    """Multiplies a @ b, accumulated and returned in float32 (float64 for float64)."""
    if a.dtype in (torch.float32, torch.float64):
        return a @ b
    if a.is_cuda:
        return torch.mm(a, b, out_dtype=torch.float32)
    return a.float() @ b.float()
