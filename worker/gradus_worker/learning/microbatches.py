"""Packing of sequences into microbatches under a token budget, and distribution of microbatches to ranks."""

from __future__ import annotations

from collections.abc import Sequence


def plan_microbatches(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Returns the sequence indices of each microbatch of at most `token_budget` tokens; a longer sequence goes alone.

    First-fit decreasing: a pure function of lengths and budget.
    """
    if token_budget < 1:
        raise ValueError(f"token_budget: expected at least 1, got {token_budget}")
    batches: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        fitting = next((i for i, free in enumerate(room) if free >= lengths[index]), None)
        if fitting is None:
            batches.append([index])
            room.append(token_budget - lengths[index])
        else:
            batches[fitting].append(index)
            room[fitting] -= lengths[index]
    return batches


def deal_microbatches(
    batches: Sequence[list[int]], lengths: Sequence[int], rank: int, size: int
) -> list[list[int] | None]:
    """Returns the microbatches of a rank; None in rounds for which it has none left. Every rank gets the same number.

    Microbatches of one round have similar numbers of tokens, because all ranks wait for the largest.
    """
    ordered = sorted(batches, key=lambda batch: (-sum(lengths[i] for i in batch), batch))
    dealt: list[list[int] | None] = list(ordered[rank::size])
    rounds = -(-len(batches) // size)
    return dealt + [None] * (rounds - len(dealt))
