"""Causal attention within sequences that are packed end to end without padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from ..log import log_line

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, q [T, H, d], k [T, KV, d], v [T, KV, d]) -> [T, H, d]."""


@cache
def choose_attention(device: torch.device, dtype: torch.dtype, head_size: int) -> str:
    """Returns `varlen` if it runs and matches `per-sequence` in value and gradient, else `per-sequence`."""
    if device.type != "cuda" or dtype not in (torch.float16, torch.bfloat16):
        return "per-sequence"
    try:
        if _agrees(device, dtype, head_size):
            return "varlen"
        reason = "its results differ from per-sequence attention"
    except Exception as error:  # TypeError too: older versions of PyTorch have other parameters.
        reason = f"{type(error).__name__}: {error}"
    log_line(f"torch.nn.attention.varlen is unavailable: attention runs sequence by sequence, slower ({reason})")
    return "per-sequence"


def causal_attention(
    kind: str, lengths: Sequence[int], device: torch.device, key_lengths: Sequence[int] | None = None
) -> Attend:
    """Builds causal attention within each packed sequence. `kind`: result of `choose_attention`.

    With `key_lengths`, k and v cover that many positions of each sequence, and q the last `lengths` of them.
    """
    attention = _varlen if kind == "varlen" else _per_sequence
    return attention(lengths, lengths if key_lengths is None else key_lengths, device)


def _per_sequence(lengths: Sequence[int], key_lengths: Sequence[int], _: torch.device) -> Attend:
    sizes = list(lengths), list(key_lengths), list(key_lengths)

    def attend(_: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        parts = zip(*(split(x, size) for x, size in zip((q, k, v), sizes, strict=True)), strict=True)
        return torch.cat([_one_sequence(*part) for part in parts])

    return attend


def _one_sequence(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    queries, keys, values = (x.transpose(0, 1)[None] for x in (q, k, v))
    gqa, is_whole = q.shape[1] != k.shape[1], len(q) == len(k)
    mask = None if is_whole else torch.ones(len(q), len(k), dtype=torch.bool, device=q.device).tril(len(k) - len(q))
    result = scaled_dot_product_attention(queries, keys, values, mask, is_causal=is_whole, enable_gqa=gqa)
    return result[0].transpose(0, 1)


def split(values: Tensor, sizes: list[int]) -> tuple[Tensor, ...]:
    """Splits packed values into one tensor per sequence."""
    return torch.functional.split(values, sizes)  # type: ignore[no-untyped-call, no-any-return, unused-ignore]


def _varlen(lengths: Sequence[int], key_lengths: Sequence[int], device: torch.device) -> Attend:
    from torch.nn.attention.varlen import varlen_attn

    starts, key_starts = (torch.tensor([0, *n]).cumsum(0).to(device, torch.int32) for n in (lengths, key_lengths))
    longest, longest_keys = max(lengths), max(key_lengths)

    def attend(_: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        gqa = q.shape[1] != k.shape[1]
        sizes = (starts, key_starts, longest, longest_keys)
        result = varlen_attn(q, k, v, *sizes, window_size=(-1, 0), enable_gqa=gqa)
        assert isinstance(result, Tensor)
        return result

    return attend


def _agrees(device: torch.device, dtype: torch.dtype, head_size: int) -> bool:
    generator = torch.Generator().manual_seed(0)
    results: list[list[Tensor]] = [[], []]
    for key_lengths in ([5, 33, 1], [9, 40, 1]):
        shapes = [(39, 4, head_size), *([(sum(key_lengths), 2, head_size)] * 2)]
        values = [torch.randn(shape, generator=generator).to(device, dtype).requires_grad_() for shape in shapes]
        for kind, result in zip(("varlen", "per-sequence"), results, strict=True):
            output = causal_attention(kind, [5, 33, 1], device, key_lengths)(0, *values)
            result += [output, *torch.autograd.grad(output.float().square().sum(), values)]
    return all(torch.allclose(a, b, atol=0.1, rtol=0.05) for a, b in zip(*results, strict=True))
