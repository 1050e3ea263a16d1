"""A trainer's state on disk: a save that is interrupted leaves the one before it whole, and damage is noticed.

engine-state.json          the manifest; takes its place last and at once
state-<sha256>.safetensors the tensors it names
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..pause import Pause, no_pause

_FORMAT = "gradus-torch-state@1"
_MANIFEST = "engine-state.json"
_DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}


class StateError(Exception):
    """A saved state that cannot be continued from; the message says what was expected and what came."""


@dataclass(frozen=True)
class StateOwner:
    """Who can continue from a state."""

    model_hash: str
    lora: Mapping[str, Any] | None = None
    """Rank, alpha and targets where adapters are trained."""


@dataclass(frozen=True)
class State:
    tensors: dict[str, Tensor]
    """Mapped from the file: read when they are used."""
    policy_version: int


def save_state(
    folder: Path,
    tensors: Mapping[str, Tensor],
    policy_version: int,
    owner: StateOwner,
    pause: Pause = no_pause,
) -> None:
    """Writes the state into `folder`, created if need be, in place of one that is there.

    One tensor at a time is in main memory; `pause` is called between them and may end the save by raising.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = hashlib.sha256()
    size = 0

    def write_tensors(file: BinaryIO) -> None:
        nonlocal size
        for piece in _safetensors(tensors):
            pause()
            size += file.write(piece)
            written.update(piece)

    draft = folder / "state.draft"
    _write_synced(draft, write_tensors)
    digest = written.hexdigest()
    name = f"state-{digest}.safetensors"
    _take_place(draft, folder / name)
    manifest = {
        "format": _FORMAT,
        "policyVersion": policy_version,
        "modelHash": owner.model_hash,
        "lora": owner.lora,
        "file": {"name": name, "sha256": digest, "bytes": size},
    }
    draft = folder / f"{_MANIFEST}.draft"
    _write_synced(draft, lambda file: file.write(f"{json.dumps(manifest, indent=2)}\n".encode()))
    _take_place(draft, folder / _MANIFEST)
    for old in folder.glob("state-*"):
        if old.name != name:
            old.unlink()


def load_state(folder: Path, owner: StateOwner) -> State:
    """Reads what `save_state` wrote; StateError when it is missing, truncated, edited, or of another model."""
    path = folder / _MANIFEST
    try:
        manifest = json.loads(_read(path))
        found, version, file = manifest["modelHash"], int(manifest["policyVersion"]), manifest["file"]
        name, digest, size = str(file["name"]), str(file["sha256"]), int(file["bytes"])
        known, lora = manifest["format"], manifest["lora"]
    except (ValueError, KeyError, TypeError) as cause:
        raise StateError(f"{path}: expected the manifest of a saved engine state ({cause!r})") from cause
    if known != _FORMAT or name != f"state-{digest}.safetensors" or Path(name).name != name:
        raise StateError(f"{path}: expected format {_FORMAT}, got {known!r} naming {name!r}")
    if found != owner.model_hash:
        raise StateError(f"{folder}: expected a state of model {owner.model_hash[:12]}, got one of {str(found)[:12]}")
    if lora != owner.lora:
        raise StateError(f"{folder}: expected a state of {_kind(owner.lora)}, got one of {_kind(lora)}")
    file_size, file_digest = _measure(folder / name)
    if file_size != size:
        raise StateError(f"{folder / name}: expected {size} bytes, got {file_size}: truncated")
    if file_digest != digest:
        raise StateError(f"{folder / name}: the content is not what was saved")
    return State(load_file(folder / name), version)


def _kind(lora: Any) -> str:
    return "all weights" if lora is None else f"adapters {json.dumps(lora)}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise StateError(f"{path}: expected a file of a saved engine state ({cause})") from cause


def _measure(path: Path) -> tuple[int, str]:
    """Size and sha256."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), digest
    except OSError as cause:
        raise StateError(f"{path}: expected a file of a saved engine state ({cause})") from cause


def _safetensors(tensors: Mapping[str, Tensor]) -> Iterator[bytes | memoryview]:
    """The content of a safetensors file (github.com/huggingface/safetensors, "Format"), tensor by tensor."""
    header, offset = {}, 0
    for name, value in tensors.items():
        end = offset + value.numel() * value.element_size()
        header[name] = {"dtype": _DTYPES[value.dtype], "shape": list(value.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for value in tensors.values():
        if value.numel() > 0:
            yield value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data


def _write_synced(path: Path, write: Callable[[BinaryIO], object]) -> None:
    try:
        with path.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        # A disk that is full must not stay so for the sake of half a state.
        path.unlink(missing_ok=True)
        raise


def _take_place(draft: Path, path: Path) -> None:
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
