"""State of a trainer on disk. An interrupted save keeps the previous state; checksums detect damage.

engine-state.json          the manifest, replaced last and atomically
state-<sha256>.safetensors the shards that the manifest names: one per rank that saved

Any number of ranks can load a state. Format 1 had one file and no table of tensors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..atomic import atomic_file
from ..pause import Pause, no_pause
from ..ranks.group import SINGLE, Group
from .shard_files import ShardFile, Shards, StateError, read_header

_FORMATS = ("gradus-torch-state@1", "gradus-torch-state@2")
_MANIFEST = "engine-state.json"
_STATE_NAME = re.compile(r"state-[0-9a-f]{64}\.safetensors")


@dataclass(frozen=True)
class StateOwner:
    """The model and settings that can load a state."""

    model_hash: str
    lora: Mapping[str, Any] | None = None
    """Rank, alpha and targets of adapters; None: all weights are trained."""


@dataclass(frozen=True)
class UpdateCounts:
    """Numbers of updates when a state was saved."""

    policy: int
    """Updates of the weights, which is the policy version."""
    optimizer: int
    """Updates by the current optimizer, which its bias correction needs. At most `policy`."""


@dataclass(frozen=True)
class SavedState:
    """A saved state whose files are complete and undamaged."""

    folder: Path
    shards: Shards
    updates: UpdateCounts
    group: Group = SINGLE

    def copy_into(self, tensors: Mapping[str, Tensor], prefix: str = "") -> None:
        """Reads the tensors whose names begin with `prefix`. Raises StateError, without a change, unless names and
        shapes match.

        A collective: each rank reads its own rows.
        """
        saved = {name: one.shape for name, one in self.shards.tensors.items() if name.startswith(prefix)}
        own = {name: tuple(value.shape) for name, value in tensors.items()}
        if saved != own:
            wrong = min(name for name, _ in saved.items() ^ own.items())
            raise StateError(
                f"{self.folder}: expected the names and shapes of this model's state: {wrong!r} of shape "
                f"{own.get(wrong)}, got {saved.get(wrong)}"
            )
        # Imported here because the import takes seconds, and sessions without checkpoints never need it.
        from .distributed_checkpoint import read_shards

        read_shards(self.folder, self.shards, tensors, self.group)


def save_state(
    folder: Path,
    tensors: Mapping[str, Tensor],
    updates: UpdateCounts,
    owner: StateOwner,
    pause: Pause = no_pause,
    group: Group = SINGLE,
) -> None:
    """Writes the state into `folder`, which is created if missing, and replaces an earlier state.

    A collective: each rank writes its rows. Keeps only one tensor at a time in main memory. `pause` is called between
    tensors and ends the save by raising.
    """
    from .distributed_checkpoint import write_shards

    group.together(lambda: folder.mkdir(parents=True, exist_ok=True))
    shards = write_shards(folder, tensors, pause, group)
    group.together(lambda: _finish(folder, shards, updates, owner) if group.rank == 0 else None)


def _finish(folder: Path, shards: Shards, updates: UpdateCounts, owner: StateOwner) -> None:
    manifest = {
        "format": _FORMATS[-1],
        "policyVersion": updates.policy,
        "optimizerSteps": updates.optimizer,
        "modelHash": owner.model_hash,
        "lora": owner.lora,
        **shards.described(),
    }
    with atomic_file(folder / _MANIFEST) as draft:
        draft.write_text(f"{json.dumps(manifest)}\n")
    kept = {file.name for file in shards.files}
    for old in folder.iterdir():
        if _STATE_NAME.fullmatch(old.name) and old.name not in kept:
            old.unlink()


def load_state(folder: Path, owner: StateOwner, group: Group = SINGLE) -> SavedState:
    """Opens a state that `save_state` wrote; raises StateError if it is missing, truncated, damaged, or of another
    model.

    A collective: the ranks share the checksums.
    """
    return group.together(lambda: _open(folder, owner, group))


def _open(folder: Path, owner: StateOwner, group: Group) -> SavedState:
    path = folder / _MANIFEST
    try:
        manifest = json.loads(_read(path))
        known, found, version = manifest["format"], manifest["modelHash"], int(manifest["policyVersion"])
        lora = manifest["lora"]
        # States of earlier versions contain a single count for both.
        updates = UpdateCounts(version, int(manifest.get("optimizerSteps", version)))
        if known not in _FORMATS:
            raise StateError(f"{path}: expected format {' or '.join(_FORMATS)}, got {known!r}")
        shards = Shards.of(manifest) if known == _FORMATS[-1] else None
        files = [ShardFile.of(manifest["file"])] if shards is None else shards.files
    except (ValueError, KeyError, TypeError, IndexError) as cause:
        raise StateError(f"{path}: expected the manifest of a saved engine state ({cause!r})") from cause
    if found != owner.model_hash:
        raise StateError(f"{folder}: expected a state of model {owner.model_hash[:12]}, got one of {str(found)[:12]}")
    if lora != owner.lora:
        raise StateError(f"{folder}: expected a state of {_kind(owner.lora)}, got one of {_kind(lora)}")
    for file in files[group.rank :: group.size]:
        file.verify(folder)
    return SavedState(folder, shards or read_header(folder, files[0]), updates, group)


def _kind(lora: Any) -> str:
    return "all weights" if lora is None else f"adapters {json.dumps(lora)}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise StateError(f"{path}: expected a file of a saved engine state ({cause})") from cause
