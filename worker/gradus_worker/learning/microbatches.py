"""Packing of sequences into microbatches under a token budget."""

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
