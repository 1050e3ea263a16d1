"""A trainer's state on disk: a save that is interrupted leaves the one before it whole, and damage is noticed.

engine-state.json          the manifest; takes its place last and at once
state-<sha256>.safetensors the tensors it names
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor

_FORMAT = "gradus-torch-state@1"
_MANIFEST = "engine-state.json"


class StateError(Exception):
    """A saved state that cannot be continued from; the message says what was expected and what came."""


@dataclass(frozen=True)
class State:
    tensors: dict[str, Tensor]
    policy_version: int


def save_state(folder: Path, tensors: Mapping[str, Tensor], policy_version: int, model_hash: str) -> None:
    """Writes the state into `folder`, created if need be, in place of one that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    content = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    digest = hashlib.sha256(content).hexdigest()
    name = f"state-{digest}.safetensors"
    _write_synced(folder / name, content)
    manifest = {
        "format": _FORMAT,
        "policyVersion": policy_version,
        "modelHash": model_hash,
        "file": {"name": name, "sha256": digest, "bytes": len(content)},
    }
    _write_synced(folder / _MANIFEST, f"{json.dumps(manifest, indent=2)}\n".encode())
    for old in folder.glob("state-*"):
        if old.name != name:
            old.unlink()


def load_state(folder: Path, model_hash: str) -> State:
    """Reads what `save_state` wrote; StateError when it is missing, truncated, edited, or of another model."""
    path = folder / _MANIFEST
    try:
        manifest = json.loads(_read(path))
        found, version, file = manifest["modelHash"], int(manifest["policyVersion"]), manifest["file"]
        name, digest, size = str(file["name"]), str(file["sha256"]), int(file["bytes"])
        known = manifest["format"]
    except (ValueError, KeyError, TypeError) as cause:
        raise StateError(f"{path}: expected the manifest of a saved engine state ({cause!r})") from cause
    if known != _FORMAT or name != f"state-{digest}.safetensors" or Path(name).name != name:
        raise StateError(f"{path}: expected format {_FORMAT}, got {known!r} naming {name!r}")
    if found != model_hash:
        raise StateError(f"{folder}: expected a state of model {model_hash[:12]}, got one of {str(found)[:12]}")
    content = _read(folder / name)
    if len(content) != size:
        raise StateError(f"{folder / name}: expected {size} bytes, got {len(content)}: truncated")
    if hashlib.sha256(content).hexdigest() != digest:
        raise StateError(f"{folder / name}: the content is not what was saved")
    return State(load(content), version)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise StateError(f"{path}: expected a file of a saved engine state ({cause})") from cause


def _write_synced(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
