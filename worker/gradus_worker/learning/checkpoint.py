"""State of a trainer on disk. An interrupted save keeps the previous state; a checksum detects damage.

engine-state.json          the manifest, replaced last and atomically
state-<sha256>.safetensors the tensors that the manifest names
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..atomic import atomic_file, draft_file, replace_synced
from ..pause import Pause, no_pause

_FORMAT = "gradus-torch-state@1"
_MANIFEST = "engine-state.json"
_STATE_NAME = re.compile(r"state-[0-9a-f]{64}\.safetensors")
_DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}


class StateError(Exception):
    """An invalid saved state; the message names the expected and the actual content."""


@dataclass(frozen=True)
class StateOwner:
    """The model and settings that can load a state."""

    model_hash: str
    lora: Mapping[str, Any] | None = None
    """Rank, alpha and targets of adapters; None: all weights are trained."""


@dataclass(frozen=True)
class State:
    tensors: dict[str, Tensor]
    """Memory-mapped: read from the file when used."""
    policy_version: int


def save_state(
    folder: Path,
    tensors: Mapping[str, Tensor],
    policy_version: int,
    owner: StateOwner,
    pause: Pause = no_pause,
) -> None:
    """Writes the state into `folder`, which is created if missing, and replaces an earlier state.

    Holds one tensor at a time in main memory. `pause` is called between tensors and ends the save by raising.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = hashlib.sha256()
    size = 0
    with draft_file(folder / "state") as draft:
        with draft.open("wb") as file:
            for piece in _safetensors(tensors):
                pause()
                size += file.write(piece)
                written.update(piece)
        digest = written.hexdigest()
        name = f"state-{digest}.safetensors"
        replace_synced(draft, folder / name)
    manifest = {
        "format": _FORMAT,
        "policyVersion": policy_version,
        "modelHash": owner.model_hash,
        "lora": owner.lora,
        "file": {"name": name, "sha256": digest, "bytes": size},
    }
    with atomic_file(folder / _MANIFEST) as draft:
        draft.write_text(f"{json.dumps(manifest, indent=2)}\n")
    for old in folder.iterdir():
        if _STATE_NAME.fullmatch(old.name) and old.name != name:
            old.unlink()


def load_state(folder: Path, owner: StateOwner) -> State:
    """Reads what `save_state` wrote; StateError if it is missing, truncated, damaged, or of another model."""
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
        raise StateError(f"{folder / name}: expected the sha256 of the manifest, got other content: damaged")
    return State(load_file(folder / name), version)


def _kind(lora: Any) -> str:
    return "all weights" if lora is None else f"adapters {json.dumps(lora)}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise StateError(f"{path}: expected a file of a saved engine state ({cause})") from cause


def _measure(path: Path) -> tuple[int, str]:
    """Returns size and sha256 of a file."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), digest
    except OSError as cause:
        raise StateError(f"{path}: expected a file of a saved engine state ({cause})") from cause


def _safetensors(tensors: Mapping[str, Tensor]) -> Iterator[bytes | memoryview]:
    """Yields the content of a safetensors file (github.com/huggingface/safetensors, "Format"), tensor by tensor."""
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
