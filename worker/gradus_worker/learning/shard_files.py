"""Shards of a state: safetensors files named by their sha256, and the table of their contents."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from ..atomic import draft_file, replace_synced
from ..pause import Pause

DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}
"""Names of element types in safetensors files."""
_NAME = re.compile(r"state-[0-9a-f]{64}\.safetensors")


class StateError(Exception):
    """An invalid saved state; the message names the expected and the actual content."""


@dataclass(frozen=True)
class ShardFile:
    name: str
    sha256: str
    bytes: int

    @staticmethod
    def of(value: Mapping[str, Any]) -> ShardFile:
        """Parses an entry of the manifest; raises ValueError, KeyError or TypeError if it is invalid."""
        file = ShardFile(str(value["name"]), str(value["sha256"]), int(value["bytes"]))
        if not _NAME.fullmatch(file.name) or file.name != f"state-{file.sha256}.safetensors":
            raise ValueError(f"expected a file named by its sha256, got {file.name!r}")
        return file

    def verify(self, folder: Path) -> None:
        """Raises StateError if the file is missing, truncated or damaged."""
        path = folder / self.name
        try:
            with path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
                size = content.tell()
        except OSError as cause:
            raise StateError(f"{path}: expected a file of a saved engine state ({cause})") from cause
        if size != self.bytes:
            raise StateError(f"{path}: expected {self.bytes} bytes, got {size}: truncated")
        if digest != self.sha256:
            raise StateError(f"{path}: expected the sha256 of the manifest, got other content: damaged")


@dataclass(frozen=True)
class Piece:
    """A block of a tensor: its start, its shape, and its file, where it has the name of the tensor."""

    file: int
    offset: tuple[int, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class SavedTensor:
    dtype: str
    shape: tuple[int, ...]
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Shards:
    """The files of a state and their contents."""

    files: list[ShardFile]
    tensors: dict[str, SavedTensor]

    def described(self) -> dict[str, Any]:
        """Returns the part of the manifest that `of` parses."""
        tensors = {name: asdict(tensor) for name, tensor in self.tensors.items()}
        return {"files": [asdict(file) for file in self.files], "tensors": tensors}

    @staticmethod
    def of(manifest: Mapping[str, Any]) -> Shards:
        """Parses a manifest; raises ValueError, KeyError, TypeError or IndexError if it is invalid."""
        files = [ShardFile.of(file) for file in manifest["files"]]
        tensors = {}
        for name, one in manifest["tensors"].items():
            pieces = tuple(Piece(int(p["file"]), _axes(p["offset"]), _axes(p["shape"])) for p in one["pieces"])
            for piece in pieces:
                files[piece.file]
            tensors[str(name)] = SavedTensor(str(one["dtype"]), _axes(one["shape"]), pieces)
        return Shards(files, tensors)


def read_header(folder: Path, file: ShardFile) -> Shards:
    """Returns the content of a file of unsharded tensors (format 1)."""
    with safe_open(folder / file.name, "pt") as content:
        shapes = {name: content.get_slice(name) for name in content.keys()}
        tensors = {
            name: SavedTensor(one.get_dtype(), shape := tuple(one.get_shape()), (Piece(0, (0,) * len(shape), shape),))
            for name, one in shapes.items()
        }
    return Shards([file], tensors)


def write_file(folder: Path, draft_name: str, tensors: Mapping[str, Tensor], pause: Pause) -> ShardFile:
    """Writes one safetensors file, named by its sha256. Keeps only one tensor at a time in main memory."""
    written, size = hashlib.sha256(), 0
    with draft_file(folder / draft_name) as draft:
        with draft.open("wb") as file:
            for piece in _safetensors(tensors):
                pause()
                size += file.write(piece)
                written.update(piece)
        digest = written.hexdigest()
        replace_synced(draft, folder / f"state-{digest}.safetensors")
    return ShardFile(f"state-{digest}.safetensors", digest, size)


def _safetensors(tensors: Mapping[str, Tensor]) -> Iterator[bytes | memoryview]:
    """Yields the content of a safetensors file (github.com/huggingface/safetensors, "Format"), tensor by tensor."""
    header, offset = {}, 0
    for name, value in tensors.items():
        end = offset + value.numel() * value.element_size()
        header[name] = {"dtype": DTYPES[value.dtype], "shape": list(value.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for value in tensors.values():
        if value.numel() > 0:
            yield value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data


def _axes(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
