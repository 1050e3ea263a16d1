"""A file is replaced completely or not at all."""

import os
from pathlib import Path

import pytest

from gradus_worker.atomic import atomic_file


def test_a_file_is_replaced_without_leaving_a_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text in ("first", "second"):
        with atomic_file(path) as draft:
            draft.write_text(text)
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_write_keeps_the_old_file_and_removes_the_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fill_the_disk() -> None:
        with atomic_file(path) as draft:
            draft.write_text("half of the ne")
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        fill_the_disk()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_synced_before_the_rename_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    seen: list[tuple[str, bool]] = []

    def record(descriptor: int) -> None:
        seen.append((os.readlink(f"/proc/self/fd/{descriptor}"), path.exists()))

    monkeypatch.setattr(os, "fsync", record)
    with atomic_file(path) as draft:
        draft.write_text("new")
    assert seen == [(str(draft), False), (str(tmp_path), True)]
