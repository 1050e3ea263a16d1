"""Atomic replacement of files: after a crash, a file has either its complete old or its complete new content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a draft to write, and then replaces `path` with it. If writing fails, removes the draft and keeps
    `path`."""
    with draft_file(path) as draft:
        yield draft
        replace_synced(draft, path)


@contextmanager
def draft_file(path: Path) -> Iterator[Path]:
    """Yields a path beside `path`; removes the file there on failure, since the disk may be full."""
    draft = path.with_name(f"{path.name}.draft")
    try:
        yield draft
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def replace_synced(draft: Path, path: Path) -> None:
    """Renames `draft` to `path`. On return, both content and name are on disk."""
    _sync(draft)
    draft.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
