"""Causal attention within sequences that are packed end to end without padding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from ..log import log_line
from .config import PLAIN, AttentionRules

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, q [T, H, d], k [T, KV, d], v [T, KV, d]) -> [T, H, d]."""


@cache
def choose_attention(device: torch.device, dtype: torch.dtype, head_size: int, rules: AttentionRules = PLAIN) -> str:
    """Returns `varlen` if it runs and matches `per-sequence` in value and gradient, else `per-sequence`."""
    if device.type != "cuda" or dtype not in (torch.float16, torch.bfloat16) or rules.cap is not None:
        return "per-sequence"
    try:
        if _agrees(device, dtype, head_size) and (rules.window is None or _agrees(device, dtype, head_size, 7)):
            return "varlen"
        reason = "its results differ from per-sequence attention"
    except Exception as error:  # Catch TypeError too: older versions of PyTorch have different parameters.
        reason = f"{type(error).__name__}: {error}"
    log_line(f"torch.nn.attention.varlen is unavailable: attention by single sequences is slower ({reason})")
    return "per-sequence"


def causal_attention(
    kind: str,
    lengths: Sequence[int],
    device: torch.device,
    key_lengths: Sequence[int] | None = None,
    rules: AttentionRules = PLAIN,
) -> Attend:
    """Builds causal attention within each packed sequence. `kind`: the result of `choose_attention`.

    With `key_lengths`, k and v cover that many positions of each sequence, and q the last `lengths` of them.
    """
    attention = _varlen if kind == "varlen" else _per_sequence
    return attention(lengths, lengths if key_lengths is None else key_lengths, device, rules)


def _per_sequence(lengths: Sequence[int], key_lengths: Sequence[int], _: torch.device, rules: AttentionRules) -> Attend:
    sizes = list(lengths), list(key_lengths), list(key_lengths)

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        parts = zip(*(split(x, size) for x, size in zip((q, k, v), sizes, strict=True)), strict=True)
        return torch.cat([_one_sequence(q, k, v, rules.window_of(layer), rules.cap) for q, k, v in parts])

    return attend


def _one_sequence(q: Tensor, k: Tensor, v: Tensor, window: int | None, cap: float | None) -> Tensor:
    queries, keys, values = (x.transpose(0, 1)[None] for x in (q, k, v))
    if window is not None and window >= len(k):
        window = None
    gqa, is_plain = q.shape[1] != k.shape[1], len(q) == len(k) and window is None
    mask = None if is_plain and cap is None else _visible(len(q), len(k), window, q.device)
    if cap is not None:
        assert mask is not None
        hidden = torch.zeros(mask.shape, device=q.device).masked_fill_(~mask, -math.inf)
        return capped_attention(queries, keys, values, hidden, cap)[0].transpose(0, 1)
    result = scaled_dot_product_attention(queries, keys, values, mask, is_causal=is_plain, enable_gqa=gqa)
    return result[0].transpose(0, 1)


def _visible(queries: int, keys: int, window: int | None, device: torch.device) -> Tensor:
    """Returns whether each query sees each key; queries are at the last positions of the keys."""
    mask = torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)
    return mask if window is None else mask.triu(keys - queries - window + 1)


def capped_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, cap: float) -> Tensor:
    """Computes attention of q [B, H, T, d] on k, v [B, KV, n, d] with scores cap tanh(score / cap), in float32.

    `mask`, 0 or -inf, is added to the scores and broadcasts to [B, KV, H / KV, T, n].
    """
    batch, heads, length, size = q.shape
    grouped = q.view(batch, k.shape[1], heads // k.shape[1], length, size).float()
    scores = grouped @ k[:, :, None].float().transpose(3, 4) / math.sqrt(size)
    probabilities = (cap * (scores / cap).tanh() + mask).softmax(-1)
    return (probabilities @ v[:, :, None].float()).view(q.shape).to(q.dtype)


def split(values: Tensor, sizes: list[int]) -> tuple[Tensor, ...]:
    """Splits packed values into one tensor per sequence."""
    return torch.functional.split(values, sizes)  # type: ignore[no-untyped-call, no-any-return, unused-ignore]


def _varlen(lengths: Sequence[int], key_lengths: Sequence[int], device: torch.device, rules: AttentionRules) -> Attend:
    from torch.nn.attention.varlen import varlen_attn

    starts, key_starts = (torch.tensor([0, *n]).cumsum(0).to(device, torch.int32) for n in (lengths, key_lengths))
    longest, longest_keys = max(lengths), max(key_lengths)

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        window = rules.window_of(layer)
        gqa = q.shape[1] != k.shape[1]
        sizes = (starts, key_starts, longest, longest_keys)
        result = varlen_attn(q, k, v, *sizes, window_size=(-1 if window is None else window - 1, 0), enable_gqa=gqa)
        assert isinstance(result, Tensor)
        return result

    return attend


def _agrees(device: torch.device, dtype: torch.dtype, head_size: int, window: int | None = None) -> bool:
    rules = PLAIN if window is None else AttentionRules(window, (0,))
    generator = torch.Generator().manual_seed(0)
    results: list[list[Tensor]] = [[], []]
    for key_lengths in ([5, 33, 1], [9, 40, 1]):
        shapes = [(39, 4, head_size), *([(sum(key_lengths), 2, head_size)] * 2)]
        values = [torch.randn(shape, generator=generator).to(device, dtype).requires_grad_() for shape in shapes]
        for kind, result in zip(("varlen", "per-sequence"), results, strict=True):
            output = causal_attention(kind, [5, 33, 1], device, key_lengths, rules)(0, *values)
            result += [output, *torch.autograd.grad(output.float().square().sum(), values)]
    return all(torch.allclose(a, b, atol=0.1, rtol=0.05) for a, b in zip(*results, strict=True))
