"""Keys and values of what is being written, in blocks of positions that sequences with the same beginning share."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ..model.config import ModelConfig

SCRATCH = 0
"""A block that belongs to nobody: rows of a batch that stand for no sequence write there."""


class KeyValueCache:
    """Storage [layers, blocks, positions of a block, heads, d] of keys, and of values, and who holds which block.

    Blocks are numbered from 1; one that nobody holds any more is free again. Elements of no sequence are zeros or
    stale, never NaN: attention multiplies them by 0. On the CPU the storage grows as blocks are first used; on CUDA it
    has its full size, and its place, from the start.
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
        """Free blocks."""
        return len(self._free)

    def blocks_for(self, positions: int) -> int:
        return -(-positions // self.block_size)

    def take(self, count: int) -> list[int]:
        """Free blocks, held once from now on; the caller has seen that so many are available."""
        if count > len(self._free):
            raise ValueError(f"cache: expected at most {len(self._free)} blocks to be asked for, got {count}")
        taken = [self._free.pop() for _ in range(count)]
        for block in taken:
            self._holders[block] = 1
        self._reserve(max(taken, default=SCRATCH))
        return taken

    def share(self, blocks: Iterable[int]) -> None:
        """One more holder of blocks that have one."""
        for block in blocks:
            self._holders[block] += 1

    def release(self, blocks: Iterable[int]) -> None:
        for block in blocks:
            self._holders[block] -= 1
            if self._holders[block] == 0:
                self._free.append(block)

    def write(self, layer: int, places: Tensor, keys: Tensor, values: Tensor) -> None:
        """Keys and values [T, heads, d] at places int64 [T]: block * block_size + position in it."""
        for storage, new in ((self.keys, keys), (self.values, values)):
            storage[layer].view(-1, *self._shape).index_copy_(0, places, new)

    def read(self, layer: int, places: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = (s[layer].view(-1, *self._shape).index_select(0, places) for s in (self.keys, self.values))
        return keys, values

    def copy(self, source: int, target: int) -> None:
        """A whole block, all layers."""
        for storage in (self.keys, self.values):
            storage[:, target] = storage[:, source]

    def clear(self, blocks: Iterable[int]) -> None:
        """Zeros the blocks that have one holder: NaN may have been written there."""
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
    """Of the keys and values of one token, all layers."""
    return 2 * config.layers * config.key_value_heads * config.head_size * dtype.itemsize
