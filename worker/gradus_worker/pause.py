"""Pauses between pieces of long work, in which the server answers other requests."""

from __future__ import annotations

from collections.abc import Callable

Pause = Callable[[], None]
"""Called between pieces of work; ends the work by raising."""


def no_pause() -> None:
    """Does nothing: the pause for callers without a server."""
