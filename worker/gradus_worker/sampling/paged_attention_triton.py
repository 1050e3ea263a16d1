"""Decode attention over cache blocks in Triton: split-KV (flash-decoding, Dao et al. 2023). Each key is read once for
all query heads that share it.

A program handles one key head of a row and a share of the row's blocks; a second kernel joins the shares. The number of
shares depends only on the batch size, so that a captured graph works for every length.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

_PROGRAMS = 528
"""Four for each of the 132 SMs of an H100 or H200: enough reads in flight to saturate the memory."""


def paged_attention(
    q: Tensor,
    keys: Tensor,
    values: Tensor,
    table: Tensor,
    lengths: Tensor,
    splits: int | None = None,
    *,
    window: int | None = None,
    cap: float | None = None,
) -> Tensor:
    """Computes attention of q [B, H, d] on keys, values [blocks, size, KV, d]. Returns [B, H, d].

    Each row attends to its first `lengths` (int32 [B], at least 1) positions in the blocks of table (int32 [B, n]).
    With a `window`, only to the last `window` of them; with a `cap`, scores become cap tanh(score / cap).
    `size` is a power of 2, at least 16.
    """
    rows, heads, size = q.shape
    block, key_heads = keys.shape[1], keys.shape[2]
    if q.stride(1) != size or q.stride(2) != 1 or not (keys.is_contiguous() and values.is_contiguous()):
        raise ValueError("attention: expected whole heads in q, and contiguous keys and values")
    splits = splits or splits_for(rows * key_heads)
    out = torch.empty((rows, heads, size), device=q.device, dtype=q.dtype)
    parts = torch.empty((rows, heads, splits, size), device=q.device, dtype=torch.float32) if splits > 1 else out
    sums = torch.empty((rows, heads, splits), device=q.device, dtype=torch.float32) if splits > 1 else out
    # Compute powers of 2, because exp2 is a hardware instruction. tanh(x) = 2 sigmoid(2 x) - 1.
    scale = (math.log2(math.e) if cap is None else 2 / cap) / math.sqrt(size)
    scaled_cap = (cap or 0.0) * math.log2(math.e)
    group, padded = heads // key_heads, max(16, triton.next_power_of_2(size))
    _attend[(key_heads, rows, splits)](
        q, keys, values, table, lengths, parts, sums, scale, scaled_cap, window or 0, q.stride(0), table.stride(0),
        GROUP=group, GROUP_PADDED=max(16, triton.next_power_of_2(group)), SIZE=size, SIZE_PADDED=padded, BLOCK=block,
        SPLITS=splits, HAS_WINDOW=window is not None, HAS_CAP=cap is not None, num_warps=4, num_stages=3,
    )  # fmt: skip
    if splits > 1:
        _join[(rows * heads,)](parts, sums, out, SIZE=size, SIZE_PADDED=padded, SPLITS=splits, num_warps=4)
    return out


def splits_for(programs: int) -> int:
    """Returns the number of shares: a power of 2, at most 64."""
    return int(min(64, triton.next_power_of_2(max(1, -(-_PROGRAMS // programs)))))


@triton.jit
def _attend(
    q, keys, values, table, lengths, parts, sums, scale, cap, window, q_stride, table_stride,
    GROUP: tl.constexpr, GROUP_PADDED: tl.constexpr, SIZE: tl.constexpr, SIZE_PADDED: tl.constexpr,
    BLOCK: tl.constexpr, SPLITS: tl.constexpr, HAS_WINDOW: tl.constexpr, HAS_CAP: tl.constexpr,
):  # fmt: skip
    head, row, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    key_heads = tl.num_programs(0)
    length = tl.load(lengths + row)
    blocks = tl.cdiv(length, BLOCK)
    share = tl.cdiv(blocks, SPLITS)
    first = split * share
    member, element, place = tl.arange(0, GROUP_PADDED), tl.arange(0, SIZE_PADDED), tl.arange(0, BLOCK)
    is_real = (member[:, None] < GROUP) & (element[None, :] < SIZE)
    query_head = head * GROUP + member
    query = tl.load(q + row.to(tl.int64) * q_stride + query_head[:, None] * SIZE + element[None, :], is_real, other=0.0)
    largest = tl.full([GROUP_PADDED], float("-inf"), tl.float32)
    total = tl.zeros([GROUP_PADDED], tl.float32)
    mixed = tl.zeros([GROUP_PADDED, SIZE_PADDED], tl.float32)
    for block in range(first, tl.minimum(first + share, blocks)):
        start = tl.load(table + row.to(tl.int64) * table_stride + block).to(tl.int64) * BLOCK
        is_seen = block * BLOCK + place < length
        if HAS_WINDOW:
            is_seen = is_seen & (block * BLOCK + place >= length - window)
        offsets = ((start + place)[:, None] * key_heads + head) * SIZE + element[None, :]
        is_there = is_seen[:, None] & (element[None, :] < SIZE)
        key = tl.load(keys + offsets, is_there, other=0.0)
        scores = tl.dot(query, tl.trans(key), input_precision="ieee") * scale
        if HAS_CAP:
            scores = cap * (2 * tl.sigmoid(scores) - 1)
        scores = tl.where(is_seen[None, :], scores, float("-inf"))
        new = tl.maximum(largest, tl.max(scores, 1))
        if HAS_WINDOW:
            # A block before the window leaves the largest score at -inf, and -inf - (-inf) would be NaN.
            shift = tl.where(new == float("-inf"), 0.0, new)
        else:
            shift = new
        kept, p = tl.exp2(largest - shift), tl.exp2(scores - shift[:, None])
        value = tl.load(values + offsets, is_there, other=0.0)
        mixed = mixed * kept[:, None] + tl.dot(p.to(value.dtype), value, input_precision="ieee")
        total = total * kept + tl.sum(p, 1)
        largest = new
    # A share of a short row may be empty, with largest score -inf. Divide by 1 to keep its unused values finite.
    total = tl.where(total > 0, total, 1.0)
    mixed = mixed / total[:, None]
    at = (row.to(tl.int64) * key_heads * GROUP + query_head) * SPLITS + split
    tl.store(parts + at[:, None] * SIZE + element[None, :], mixed.to(parts.dtype.element_ty), is_real)
    if SPLITS > 1:
        tl.store(sums + at, largest + tl.log2(total), member < GROUP)


@triton.jit
def _join(parts, sums, out, SIZE: tl.constexpr, SIZE_PADDED: tl.constexpr, SPLITS: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    split, element = tl.arange(0, SPLITS), tl.arange(0, SIZE_PADDED)
    logs = tl.load(sums + row * SPLITS + split)
    shares = tl.exp2(logs - tl.max(logs, 0))
    places = (row * SPLITS + split)[:, None] * SIZE + element[None, :]
    mixed = tl.load(parts + places, element[None, :] < SIZE, other=0.0)
    result = tl.sum(mixed * shares[:, None], 0) / tl.sum(shares, 0)
    tl.store(out + row * SIZE + element, result.to(out.dtype.element_ty), element < SIZE)
