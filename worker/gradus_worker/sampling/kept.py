"""Keys and values of stopped completions, so that a continuation reads only its new tokens."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .completion import Completion, Tokens
from .kv_cache import KeyValueCache

_SHARE = 4
"""Kept sequences hold at most one in this many of the cache's blocks."""


@dataclass(frozen=True, eq=False)
class _Kept:
    tokens: Tokens
    """The tokens whose keys and values are in the blocks."""
    prompt: int
    """Number of tokens of the prompt, whose blocks other sequences may share."""
    blocks: list[int]


class KeptSequences:
    """Stopped sequences with their blocks, oldest first. They must be dropped when the weights change."""

    def __init__(self, cache: KeyValueCache) -> None:
        self._cache = cache
        self._kept: deque[_Kept] = deque()
        self._by_prompt: dict[bytes, list[_Kept]] = {}
        self._prompt_lengths: Counter[int] = Counter()
        self._blocks = 0

    def keep(self, member: Completion) -> None:
        """Adds a holder to the blocks of a completion that has stopped."""
        prompt, tokens = len(member.prompt_tokens), member.all_tokens()
        # The last token was not an input, and a row at its limit overwrites its last position.
        count = min(len(tokens) - 1, prompt + member.limit - 2)
        blocks = member.blocks[: self._cache.blocks_for(count)]
        if count < prompt or len(blocks) * _SHARE > self._cache.blocks:
            return
        self._cache.share(blocks)
        kept = _Kept(tokens[:count], prompt, blocks)
        self._kept.append(kept)
        self._by_prompt.setdefault(_key(kept.tokens, prompt), []).append(kept)
        self._prompt_lengths[prompt] += 1
        self._blocks += len(blocks)
        while self._blocks * _SHARE > self._cache.blocks:
            self.reclaim()

    def take(self, tokens: Tokens) -> tuple[list[int], int]:
        """Hands over the blocks of the sequence with which these tokens share the longest beginning, and its length.

        Leaves at least one token to read. Returns no blocks unless the beginning contains the sequence's whole prompt.
        """
        best, length = None, 0
        for kept in self._candidates(tokens):
            common = _common(kept.tokens, tokens[:-1])
            if common >= max(kept.prompt, length + 1):
                best, length = kept, common
        if best is None:
            return [], 0
        self._kept.remove(best)
        self._forget(best)
        used = self._cache.blocks_for(length)
        self._cache.release(best.blocks[used:])
        return best.blocks[:used], length

    def reclaim(self) -> bool:
        """Drops the oldest sequence; returns False if there is none."""
        if not self._kept:
            return False
        oldest = self._kept.popleft()
        self._forget(oldest)
        self._cache.release(oldest.blocks)
        return True

    def _candidates(self, tokens: Tokens) -> Iterator[_Kept]:
        """Yields the sequences whose whole prompt these tokens begin with."""
        for length in self._prompt_lengths:
            if length < len(tokens):
                yield from self._by_prompt.get(_key(tokens, length), ())

    def _forget(self, kept: _Kept) -> None:
        self._blocks -= len(kept.blocks)
        key = _key(kept.tokens, kept.prompt)
        self._by_prompt[key].remove(kept)
        if not self._by_prompt[key]:
            del self._by_prompt[key]
        self._prompt_lengths[kept.prompt] -= 1
        if self._prompt_lengths[kept.prompt] == 0:
            del self._prompt_lengths[kept.prompt]

    def clear(self) -> None:
        while self.reclaim():
            pass


def _key(tokens: Tokens, length: int) -> bytes:
    return np.asarray(tokens[:length], dtype=np.int64).tobytes()


def _common(a: Tokens, b: Tokens) -> int:
    """Returns the length of the longest common beginning."""
    count = min(len(a), len(b))
    differs = np.flatnonzero(a[:count] != b[:count])
    return int(differs[0]) if len(differs) > 0 else count
