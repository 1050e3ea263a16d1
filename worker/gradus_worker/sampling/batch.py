"""The running batch: one row per completion, which gets more blocks as tokens are written."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..model.transformer import Transformer
from .completion import Completion
from .decoder import Decoder, Integers, Scores
from .kv_cache import KeyValueCache


class Batch:
    def __init__(self, model: Transformer, cache: KeyValueCache, slots: int, steps: int) -> None:
        self._cache = cache
        longest = min(model.config.max_positions, cache.blocks * cache.block_size)
        self._decoder = Decoder(model, cache, slots, longest, steps)
        self.members: list[Completion] = []

    def place(self, member: Completion, token: int) -> None:
        """Adds a completion as the last row; `token`, its newest, is the next input."""
        rows, row, settings = self._decoder.rows, len(self.members), member.request.settings
        prompt = len(member.prompt_tokens)
        rows.token[row], rows.key[row] = token, member.key
        rows.position[row] = prompt + member.count - 1
        rows.origin[row] = prompt - member.first_position
        # The last token is never used as an input.
        rows.last[row] = prompt + member.limit - 2
        rows.greedy[row], rows.inverse_temperature[row] = settings.temperature == 0, settings.inverse_temperature
        rows.top_p[row], rows.top_k[row] = settings.top_p, settings.top_k
        rows.extend(row, member.blocks)
        self.members.append(member)

    def vacate(self, row: int, tainted: bool = False) -> None:
        """Frees a row and moves the last row into it; `tainted`: its blocks may contain NaN."""
        member, last = self.members[row], len(self.members) - 1
        if tainted:
            self._cache.clear(member.blocks)
        self._cache.release(member.blocks)
        member.blocks = []
        if row < last:
            self._decoder.rows.move(last, row)
            self.members[row] = self.members[last]
        else:
            self._decoder.rows.clear(row)
        self.members.pop()

    def grow(self, steps: int, make_room: Callable[[], None]) -> None:
        """Gives every row the blocks for its next steps; `make_room` frees blocks, perhaps by vacating rows."""
        rows, size = self._decoder.rows, self._cache.block_size
        while True:
            batch = len(self.members)
            reach = np.minimum(rows.position[:batch] + steps, rows.last[:batch] + 1)
            needed = np.maximum(0, -(-reach // size) - rows.held[:batch])
            if int(needed.sum()) <= self._cache.available:
                break
            make_room()
        for row in np.flatnonzero(needed).tolist():
            blocks = self._cache.take(int(needed[row]))
            self.members[row].blocks += blocks
            rows.extend(row, blocks)

    def write(self, steps: int) -> tuple[Integers, Scores]:
        """Returns tokens [steps, rows] and scores [2, steps, rows]; ignore those past the end of a completion."""
        return self._decoder.run(len(self.members), steps)

    def positions(self) -> int:
        """Sums, over rows, the positions that the next step attends to."""
        batch = len(self.members)
        return int(self._decoder.rows.position[:batch].sum()) + batch

    def stats(self) -> dict[str, int]:
        return self._decoder.stats()

    def forget_graphs(self) -> None:
        self._decoder.forget_graphs()
