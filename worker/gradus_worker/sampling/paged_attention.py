"""Attention of the sampler, over keys and values in the blocks of a cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from ..log import log_line
from ..model.config import PLAIN, AttentionRules
from ..model.packed_attention import Attend, capped_attention, causal_attention
from .kv_cache import KeyValueCache


def decode_attention(
    cache: KeyValueCache, table: Tensor, positions: Tensor, kind: str, rules: AttentionRules = PLAIN
) -> Attend:
    """Builds attention of B queries, each over all positions up to its own, whose key and value it writes first.

    table int32 [B, n]: the blocks of each row in order; positions int64 [B]; `kind`: see `choose_decode_attention`.
    """
    size = cache.block_size
    blocks = table.gather(1, (positions // size)[:, None])[:, 0]
    places = blocks.long() * size + positions % size
    lengths = positions + 1
    over_blocks = _triton(lengths) if kind == "triton" else _torch(lengths, table.shape[1] * size, cache.keys.dtype)

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        cache.write(layer, places, k, v)
        return over_blocks(q, cache.keys[layer], cache.values[layer], table, rules.window_of(layer), rules.cap)

    return attend


OverBlocks = Callable[[Tensor, Tensor, Tensor, Tensor, int | None, float | None], Tensor]
"""(q, keys, values, table, window, cap) -> [B, H, d]."""


def _triton(lengths: Tensor) -> OverBlocks:
    from .paged_attention_triton import paged_attention

    integers = lengths.int()
    return lambda q, keys, values, table, window, cap: paged_attention(
        q, keys, values, table, integers, window=window, cap=cap
    )


def _torch(lengths: Tensor, positions: int, dtype: torch.dtype) -> OverBlocks:
    masks: dict[int | None, Tensor] = {}

    def attend(q: Tensor, keys: Tensor, values: Tensor, table: Tensor, window: int | None, cap: float | None) -> Tensor:
        if window not in masks:
            masks[window] = _mask(lengths, positions, dtype, window)
        return _over_blocks(q, keys, values, table, masks[window], cap)

    return attend


def choose_decode_attention(cache: KeyValueCache, heads: int, rules: AttentionRules = PLAIN) -> str:
    """Returns `triton` if its kernel runs on this device and matches `torch`, which copies the blocks it reads."""
    if cache.keys.device.type != "cuda":
        return "torch"
    try:
        if triton_agrees(cache, heads, rules):
            return "triton"
        reason = "its results differ from torch"
    except Exception as error:  # Errors of Triton and its compiler have no common base class.
        reason = f"{type(error).__name__}: {error}"
    log_line(f"no Triton attention kernel is available: sampling without CUDA graphs is much slower ({reason})")
    return "torch"


def triton_agrees(cache: KeyValueCache, heads: int, rules: AttentionRules = PLAIN) -> bool:
    """Compares the Triton kernel with torch on random values of the cache's shape and type."""
    from .paged_attention_triton import paged_attention

    device, dtype = cache.keys.device, cache.keys.dtype
    size, key_heads, head_size = cache.keys.shape[2:]
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, heads, head_size), *([(6, size, key_heads, head_size)] * 2)]
    q, keys, values = (torch.randn(shape, generator=generator).to(device, dtype) for shape in shapes)
    table = torch.tensor([[1, 2, 3], [4, 0, 0], [5, 2, 1]], device=device, dtype=torch.int32)
    lengths = torch.tensor([3 * size, 1, 2 * size - 3], device=device, dtype=torch.int32)
    tolerance = 1e-4 if dtype == torch.float32 else 0.03
    for window in (None,) if rules.window is None else (None, size + 2):
        expected = _over_blocks(q, keys, values, table, _mask(lengths, 3 * size, dtype, window), rules.cap).float()
        for splits in (1, 4):
            found = paged_attention(q, keys, values, table, lengths, splits, window=window, cap=rules.cap).float()
            if not torch.allclose(found, expected, atol=tolerance, rtol=tolerance):
                return False
    return True


def _over_blocks(
    q: Tensor, keys: Tensor, values: Tensor, table: Tensor, mask: Tensor, cap: float | None = None
) -> Tensor:
    """Computes attention of q [B, H, d] on keys, values [blocks, size, KV, d]; adds mask [B, n * size] to the
    scores."""
    rows, heads, size = q.shape
    key_heads = keys.shape[2]
    chosen = table.flatten()

    def gather(storage: Tensor) -> Tensor:
        return storage.index_select(0, chosen).view(rows, -1, key_heads, size).transpose(1, 2)

    if cap is not None:
        whole = mask[:, None, None, None].float()
        return capped_attention(q[:, :, None], gather(keys), gather(values), whole, cap)[:, :, 0]
    # Treat the heads that share keys as several queries of one head.
    queries = q.reshape(rows, key_heads, heads // key_heads, size)
    # Expand the mask: on the CPU a broadcast mask takes a path that is half as fast.
    whole = mask[:, None, None].expand(-1, *queries.shape[1:3], -1)
    return scaled_dot_product_attention(queries, gather(keys), gather(values), whole).reshape(rows, heads, size)


def _mask(lengths: Tensor, positions: int, dtype: torch.dtype, window: int | None = None) -> Tensor:
    """Returns 0 at the first `lengths` positions of each row, or the last `window` of them; -inf elsewhere."""
    places = torch.arange(positions, device=lengths.device)
    unseen = places >= lengths[:, None]
    if window is not None:
        unseen |= places < lengths[:, None] - window
    return torch.zeros_like(unseen, dtype=dtype).masked_fill_(unseen, -math.inf)


@dataclass(frozen=True)
class Span:
    """Positions `start` to `end` of a sequence, to be read; earlier ones are in the cache."""

    tokens: np.ndarray
    """int32, of the whole sequence."""
    start: int
    end: int
    blocks: Sequence[int]


def prefill_inputs(
    cache: KeyValueCache, spans: Sequence[Span], kind: str, rules: AttentionRules = PLAIN
) -> tuple[Tensor, Tensor, Attend]:
    """Returns packed tokens and positions of these spans, and their attention. `kind`: see `choose_attention`."""
    device = cache.keys.device
    tokens = np.concatenate([span.tokens[span.start : span.end] for span in spans])
    positions = np.concatenate([np.arange(span.start, span.end) for span in spans])
    whole = [_places(span, cache.block_size) for span in spans]
    fresh = _placed(np.concatenate([w[p.start :] for w, p in zip(whole, spans, strict=True)]), device)
    before = _placed(np.concatenate(whole), device) if any(span.start > 0 for span in spans) else None
    lengths, key_lengths = [p.end - p.start for p in spans], [p.end for p in spans]
    causal = causal_attention(kind, lengths, device, key_lengths, rules)

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        cache.write(layer, fresh, k, v)
        return causal(layer, q, *((k, v) if before is None else cache.read(layer, before)))

    return _placed(tokens, device), _placed(positions, device), attend


def _places(span: Span, size: int) -> np.ndarray:
    positions = np.arange(span.end)
    return np.asarray(span.blocks)[positions // size] * size + positions % size


def _placed(values: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(values.astype(np.int64)).to(device)
