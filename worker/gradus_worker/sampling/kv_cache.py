"""Paged key-value cache: blocks of positions, shared by sequences with a common prefix."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ..model.config import ModelConfig

SCRATCH = 0
"""A block that no sequence uses, to which unused rows of a batch write."""


class KeyValueCache:
    """Storage [layers, blocks, positions of a block, heads, d] of keys and of values, with reference-counted blocks.

    Blocks are numbered from 1; a block without holders is free. Unused elements are zero or stale but never NaN,
    because attention multiplies them by 0. On the CPU the storage grows with use; on CUDA it is allocated once, at full
    size.
    """

    def __init__(self, config: ModelConfig, block_size: int, blocks: int, device: torch.device, dtype: torch.dtype):
        self.block_size, self.blocks = block_size, blocks
        self._holders = [0] * (blocks + 1)
        self._free = list(range(blocks, 0, -1))
        self._shape = (config.key_value_heads, config.head_size)
        allocated = blocks + 1 if device.type == "cuda" else min(blocks + 1, 32)
        size = (config.layers, allocated, block_size, *self._shape)
        self.keys = torch.zeros(size, device=device, dtype=dtype)
        self.values = torch.zeros(size, device=device, dtype=dtype)

    @property
    def available(self) -> int:
        """Number of free blocks."""
        return len(self._free)

    def blocks_for(self, positions: int) -> int:
        return -(-positions // self.block_size)

    def take(self, count: int) -> list[int]:
        """Takes free blocks with one holder each; the caller has checked `available`."""
        if count > len(self._free):
            raise ValueError(f"cache: expected a request for at most {len(self._free)} blocks, got {count}")
        taken = [self._free.pop() for _ in range(count)]
        for block in taken:
            self._holders[block] = 1
        self._reserve(max(taken, default=SCRATCH))
        return taken

    def share(self, blocks: Iterable[int]) -> None:
        """Adds a holder to blocks that have one already."""
        for block in blocks:
            self._holders[block] += 1

    def release(self, blocks: Iterable[int]) -> None:
        for block in blocks:
            self._holders[block] -= 1
            if self._holders[block] == 0:
                self._free.append(block)

    def write(self, layer: int, places: Tensor, keys: Tensor, values: Tensor) -> None:
        """Writes keys and values [T, heads, d] at places int64 [T]: block * block_size + position in the block."""
        for storage, new in ((self.keys, keys), (self.values, values)):
            storage[layer].view(-1, *self._shape).index_copy_(0, places, new)

    def read(self, layer: int, places: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = (s[layer].view(-1, *self._shape).index_select(0, places) for s in (self.keys, self.values))
        return keys, values

    def copy(self, source: int, target: int) -> None:
        """Copies a block in all layers."""
        for storage in (self.keys, self.values):
            storage[:, target] = storage[:, source]

    def clear(self, blocks: Iterable[int]) -> None:
        """Zeros the blocks with a single holder, which may contain NaN."""
        own = [block for block in blocks if self._holders[block] == 1]
        for storage in (self.keys, self.values):
            storage[:, own] = 0

    def _reserve(self, highest: int) -> None:
        allocated = self.keys.shape[1]
        if highest < allocated:
            return
        more = min(self.blocks + 1, max(2 * allocated, highest + 1)) - allocated
        self.keys, self.values = (
            torch.cat([old, old.new_zeros(len(old), more, *old.shape[2:])], 1) for old in (self.keys, self.values)
        )


def bytes_per_position(config: ModelConfig, dtype: torch.dtype) -> int:
    """Returns the bytes of the keys and values of one token in all layers."""
    return 2 * config.layers * config.key_value_heads * config.head_size * dtype.itemsize
