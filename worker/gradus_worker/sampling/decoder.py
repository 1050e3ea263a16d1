"""Decodes a batch of rows for several steps per read-back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..model.transformer import Transformer
from .choose_token import ChoiceRules, choose_tokens, uniform_at
from .cuda_graphs import StepGraphs
from .kv_cache import SCRATCH, KeyValueCache
from .paged_attention import choose_decode_attention, decode_attention

Integers = NDArray[np.int64]
Scores = NDArray[np.float32]
"""First axis: log-probabilities, entropies; see `choose_tokens`."""


class Rows:
    """State of each row, on the host. A cleared row belongs to no sequence and writes to the scratch block."""

    def __init__(self, count: int, blocks: int, pinned: bool) -> None:
        self.integers = torch.zeros(7, count, dtype=torch.int64, pin_memory=pinned)
        self.reals = torch.zeros(2, count, dtype=torch.float64, pin_memory=pinned)
        self.blocks = torch.zeros(count, blocks, dtype=torch.int32, pin_memory=pinned)
        names = self.integers.numpy()
        # Columns `origin`: index in the sequence of position 0 of the rollout; negative when a rollout is continued.
        self.token, self.position, self.last, self.origin, self.key, self.greedy, self.top_k = names
        self.inverse_temperature, self.top_p = self.reals.numpy()
        self.table: NDArray[np.int32] = self.blocks.numpy()
        self.held = np.zeros(count, np.int64)
        """Blocks in the table of each row."""
        for row in range(count):
            self.clear(row)

    def clear(self, row: int) -> None:
        self.integers[:, row] = 0
        self.origin[row] = 1
        self.greedy[row] = 1
        self.reals[:, row] = 1
        self.table[row] = SCRATCH
        self.held[row] = 0

    def move(self, source: int, target: int) -> None:
        for values in (self.integers, self.reals):
            values[:, target] = values[:, source]
        for array in (self.table, self.held):
            array[target] = array[source]
        self.clear(source)

    def extend(self, row: int, blocks: list[int]) -> None:
        held = self.held[row]
        self.table[row, held : held + len(blocks)] = blocks
        self.held[row] += len(blocks)


class Decoder:
    """Runs the model on the first rows of `rows`, which callers fill in; `run` advances their tokens and positions."""

    def __init__(self, model: Transformer, cache: KeyValueCache, count: int, longest: int, steps: int) -> None:
        """`longest`: maximum number of positions in a row; `steps`: maximum number of steps in a run."""
        self._model, self._cache = model, cache
        device = model.device
        self._is_cuda = device.type == "cuda"
        self.rows = Rows(count, -(-longest // cache.block_size), pinned=self._is_cuda)
        self._integers, self._reals, self._blocks = (
            torch.zeros_like(values, device=device)
            for values in (self.rows.integers, self.rows.reals, self.rows.blocks)
        )
        self._tokens = torch.zeros(steps, count, dtype=torch.int64, device=device)
        self._scores = torch.zeros(2, steps, count, dtype=torch.float32, device=device)
        self._tick = torch.zeros(1, dtype=torch.int64, device=device)
        self._rules = model.config.attention
        self._attention = choose_decode_attention(cache, model.config.heads, self._rules)
        self._columns = self.rows.table.shape[1]
        self._graphs = StepGraphs(self._step, captures=self._attention == "triton")
        self._sizes = batch_sizes(count) if self._is_cuda else list(range(1, count + 1))

    def run(self, batch: int, steps: int) -> tuple[Integers, Scores]:
        """Returns tokens [steps, batch] and scores [2, steps, batch]; rows must have blocks for these steps or until
        their end.

        A row at its last position keeps writing there; callers ignore those tokens.
        """
        rows = self.rows
        size = next(size for size in self._sizes if size >= batch)
        top_p, top_k, greedy = rows.top_p[:batch], rows.top_k[:batch], rows.greedy[:batch]
        filtered = bool((((top_p < 1) | (top_k > 0)) & (greedy == 0)).any())
        if not self._graphs.is_ready(size, filtered):
            self._integers.zero_()
            self._blocks.fill_(SCRATCH)
            self._tick.zero_()
            self._graphs.prepare(size, filtered)
        self._upload(size)
        for _ in range(steps):
            self._graphs.run(size, filtered)
        # Copy: on the CPU, the next run overwrites these tensors.
        tokens, scores = (read[..., :steps, :batch].cpu().numpy().copy() for read in (self._tokens, self._scores))
        rows.position[:batch] = np.minimum(rows.position[:batch] + steps, rows.last[:batch])
        rows.token[:batch] = tokens[-1]
        return tokens, scores

    def forget_graphs(self) -> None:
        self._graphs.forget()

    def stats(self) -> dict[str, int]:
        """Returns `tritonAttention`, 1 if the Triton kernel is used, and `graphs`, the number of CUDA graphs."""
        return {"tritonAttention": int(self._attention == "triton"), "graphs": self._graphs.count}

    def _upload(self, size: int) -> None:
        rows = self.rows
        if self._attention == "torch":
            # Gather only blocks in use, except in graphs, which have a fixed width.
            self._columns = max(1, int(rows.held[:size].max()))
        self._integers.copy_(rows.integers, non_blocking=True)
        self._reals.copy_(rows.reals, non_blocking=True)
        self._blocks[:size].copy_(rows.blocks[:size], non_blocking=True)
        self._tick.zero_()

    def _step(self, size: int, filtered: bool) -> None:
        token, position, last, origin, key, greedy, top_k = self._integers[:, :size]
        inverse_temperature, top_p = self._reals[:, :size]
        blocks = self._blocks[:size, : self._columns]
        attend = decode_attention(self._cache, blocks, position, self._attention, self._rules)
        hidden = self._model.hidden(token, position, attend)
        logits = self._model.logits(hidden)
        rules = ChoiceRules(inverse_temperature.float(), greedy.bool(), top_p, top_k)
        chosen, scores = choose_tokens(logits, uniform_at(key, position + 1 - origin), rules, filtered)
        self._tokens[:, :size].index_copy_(0, self._tick, chosen[None])
        self._scores[:, :, :size].index_copy_(1, self._tick, scores[:, None])
        self._tick += 1
        token.copy_(chosen)
        position.copy_(torch.minimum(position + 1, last))


def batch_sizes(count: int) -> list[int]:
    """Returns the sizes that batches are padded to, by at most half; the last is `count`."""
    sizes = {1, 2, 4, 8, count}
    for power in (2**n for n in range(3, count.bit_length() + 1)):
        sizes |= {power + power // 2, 2 * power}
    return sorted(size for size in sizes if size <= count)


def choose_first(
    model: Transformer, hidden: Tensor, keys: Integers, counters: Integers, rules: ChoiceRules, filtered: bool
) -> tuple[Integers, Scores]:
    """Samples the token after each hidden state [B, D] and its scores [2, B]; 128 rows of logits at a time."""
    found = []
    for start in range(0, len(hidden), 128):
        part = slice(start, start + 128)
        logits = model.logits(hidden[part])
        numbers = (torch.from_numpy(values[part]).to(hidden.device) for values in (keys, counters))
        found.append(choose_tokens(logits, uniform_at(*numbers), rules.rows(part), filtered))
    tokens, scores = (torch.cat(parts, -1).cpu().numpy() for parts in zip(*found, strict=True))
    return tokens, scores
