"""Admission queue of completions that wait for a row, grouped by prompt so that each prompt is read once."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from ..model.packed_attention import choose_attention
from ..model.transformer import Transformer
from .completion import Completion, Tokens
from .kept import KeptSequences
from .kv_cache import KeyValueCache
from .paged_attention import Span, prefill_inputs


@dataclass(eq=False)
class Group:
    tokens: Tokens
    """Tokens that all members begin with."""
    members: deque[Completion]
    blocks: list[int] = field(default_factory=list)
    read: int = 0
    """Number of positions whose keys and values are in the blocks."""
    hidden: Tensor | None = None
    """The last hidden state [D], once all tokens are read."""


class AdmissionQueue:
    """A FIFO queue of groups."""

    def __init__(self, model: Transformer, cache: KeyValueCache) -> None:
        self._model, self._cache = model, cache
        self._attention = choose_attention(model.device, model.dtype, model.config.head_size, model.config.attention)
        self.groups: deque[Group] = deque()
        self.kept = KeptSequences(cache)
        self.reread = 0
        """Number of tokens that were read again after losing their blocks."""

    def push(self, tokens: Tokens, members: Collection[Completion]) -> None:
        blocks, read = self.kept.take(tokens)
        self.groups.append(Group(tokens, deque(members), blocks, read))

    def push_back(self, member: Completion) -> None:
        """Puts a completion first; the tokens it has written are read again, not sampled again."""
        self.reread += 1
        self.groups.appendleft(Group(member.all_tokens(), deque([member])))

    def read(self, positions: int, wanted: int, spare: int) -> int:
        """Reads the prompts of the next `wanted` completions, at most `positions`; returns the positions read.

        Leaves `spare` blocks free. `spare` 0 means that no row is in use and the first group must be admitted.
        """
        found: list[tuple[Group, Span]] = []
        for group in self.groups:
            if wanted <= 0 or positions <= 0:
                break
            wanted -= len(group.members)
            if group.hidden is not None:
                continue
            if not self._hold(group, spare):
                break
            end = min(len(group.tokens), group.read + positions)
            found.append((group, Span(group.tokens, group.read, end, group.blocks)))
            positions -= end - group.read
        if found:
            self._run(found)
        return sum(span.end - span.start for _, span in found)

    def ready(self, count: int, blocks: int) -> list[tuple[Group, Completion]]:
        """Returns the next completions to admit, at most `count`, from groups that have been read.

        Returns at most `blocks` of them, because each may soon need one block.
        """
        found: list[tuple[Group, Completion]] = []
        for group in self.groups:
            free = min(count, blocks) - len(found)
            if group.hidden is None or free <= 0:
                break
            found += [(group, group.members[i]) for i in range(min(free, len(group.members)))]
        return found

    def hand_over(self, group: Group, member: Completion) -> None:
        """Gives the first member its blocks: shares full blocks, and copies the last unless no other member needs
        it."""
        full = len(group.tokens) // self._cache.block_size
        partial = group.blocks[full:]
        if len(group.members) == 1 or (partial and self._cache.available == 0):
            member.blocks, group.blocks = group.blocks, []
            self._forget(group)
            return
        member.blocks = group.blocks[:full]
        self._cache.share(member.blocks)
        for block in partial:
            (own,) = self._cache.take(1)
            self._cache.copy(block, own)
            member.blocks.append(own)

    def reclaim(self) -> bool:
        """Frees the blocks of the last group that has any; its tokens are read again later. Returns False if no group
        has blocks."""
        if self.kept.reclaim():
            return True
        for group in reversed(self.groups):
            if group.blocks:
                self.reread += 1
                self._forget(group)
                return True
        return False

    def drop(self, gone: Collection[int], tainted: bool = False) -> None:
        """Removes completions by their `id()`; `tainted`: the blocks of their groups may contain NaN."""
        for group in self.groups:
            kept = deque(member for member in group.members if id(member) not in gone)
            if tainted and len(kept) < len(group.members):
                self._cache.clear(group.blocks)
            group.members = kept
        self.tidy()

    def tidy(self) -> None:
        """Removes groups without members."""
        for group in self.groups:
            if not group.members:
                self._forget(group)
        self.groups = deque(group for group in self.groups if group.members)

    def _hold(self, group: Group, spare: int) -> bool:
        """Takes the blocks that the group lacks; returns False if too few are free."""
        while self._missing(group) > max(0, self._cache.available - spare) and self.kept.reclaim():
            pass
        if spare == 0 and group is self.groups[0]:
            while self._missing(group) > self._cache.available and self.reclaim():
                pass
        missing = self._missing(group)
        if missing > 0 and missing + spare > self._cache.available:
            return False
        group.blocks += self._cache.take(missing)
        return True

    def _missing(self, group: Group) -> int:
        return self._cache.blocks_for(len(group.tokens)) - len(group.blocks)

    def _run(self, found: list[tuple[Group, Span]]) -> None:
        spans = [span for _, span in found]
        tokens, positions, attend = prefill_inputs(self._cache, spans, self._attention, self._model.config.attention)
        hidden = self._model.hidden(tokens, positions, attend)
        ends = np.cumsum([span.end - span.start for span in spans]) - 1
        for (group, span), end in zip(found, ends.tolist(), strict=True):
            group.read = span.end
            group.hidden = hidden[end].clone() if span.end == len(group.tokens) else None

    def _forget(self, group: Group) -> None:
        self._cache.release(group.blocks)
        group.blocks, group.read, group.hidden = [], 0, None
