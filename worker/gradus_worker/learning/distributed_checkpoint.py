"""Storage of `torch.distributed.checkpoint` in safetensors files, one per rank.

PyTorch's planners decide which rank writes and reads which rows. Its own files are not used: their table of contents
is a pickle, which runs code when it is read, and they are written without pauses.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.planner import LoadPlan, LoadPlanner, SavePlan, SavePlanner
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.checkpoint.storage import StorageReader, StorageWriter, WriteResult
from torch.futures import Future

from ..pause import Pause, no_pause
from ..ranks.group import DistributedGroup, Group, GroupError, Interrupted, RankFailed
from .shard_files import DTYPES, Piece, SavedTensor, ShardFile, Shards, write_file


def write_shards(folder: Path, tensors: Mapping[str, Tensor], pause: Pause, group: Group) -> Shards:
    """Writes the tensors of all ranks; writes unsharded tensors only once. Returns the table on rank 0.

    A collective. Rank 0 calls `pause` between tensors, which ends the save on all ranks by raising.
    """
    writer = _Writer(folder, group.rank, pause if group.rank == 0 else no_pause)
    with _in_step(group, writer):
        save(dict(tensors), storage_writer=writer, **_ranks(group))
    return writer.written


def read_shards(folder: Path, shards: Shards, into: Mapping[str, Tensor], group: Group) -> None:
    """Reads tensors in place; each rank reads its rows. A collective."""
    reader = _Reader(folder, shards)
    with _in_step(group, reader):
        load(dict(into), storage_reader=reader, **_ranks(group))


def _ranks(group: Group) -> dict[str, Any]:
    if isinstance(group, DistributedGroup):
        return {"process_group": group.control}
    return {"no_dist": True}


@dataclass(frozen=True)
class _Stored:
    file: ShardFile
    piece: Piece


class _Storage:
    """Keeps the failure of this rank, which may not be picklable, out of PyTorch's reports to the other ranks."""

    failure: BaseException | None = None

    def reset(self, checkpoint_id: str | os.PathLike[str] | None = None) -> None:
        pass

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: str | os.PathLike[str]) -> bool:
        return True

    def prepare_local_plan(self, plan: Any) -> Any:
        return plan

    def prepare_global_plan(self, plans: Any) -> Any:
        return plans

    def keep_failure(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except BaseException as error:
            self.failure = error
            raise _Reported(isinstance(error, Exception), str(error) or type(error).__name__) from None


class _Reported(Exception):
    """Arguments: whether it is a failure rather than an interruption, and the message."""


class _Writer(_Storage, StorageWriter):
    def __init__(self, folder: Path, rank: int, pause: Pause) -> None:
        self._folder, self._rank, self._pause = folder, rank, pause
        self.written = Shards([], {})

    def set_up_storage_writer(self, is_coordinator: bool, *args: Any, **kwargs: Any) -> None:
        pass

    def write_data(self, plan: SavePlan, planner: SavePlanner) -> Future[list[WriteResult]]:
        done: Future[list[WriteResult]] = Future()
        done.set_result(self.keep_failure(lambda: self._write(plan, planner)))
        return done

    def _write(self, plan: SavePlan, planner: SavePlanner) -> list[WriteResult]:
        tensors: dict[str, Tensor] = {}
        for item in plan.items:
            value = planner.resolve_data(item)
            assert isinstance(value, Tensor)
            tensors[item.index.fqn] = value
        file = write_file(self._folder, f"state-rank-{self._rank}", tensors, self._pause)
        return [
            WriteResult(
                item.index,
                value.nbytes,
                _Stored(file, Piece(0, tuple(item.index.offset or (0,) * value.dim()), tuple(value.shape))),
            )
            for item, value in zip(plan.items, tensors.values(), strict=True)
        ]

    def finish(self, metadata: Metadata, results: list[list[WriteResult]]) -> None:
        files: list[ShardFile] = []
        pieces: dict[str, list[Piece]] = {}
        for result in (result for of_rank in results for result in of_rank):
            stored: _Stored = result.storage_data
            if stored.file not in files:
                files.append(stored.file)
            piece = Piece(files.index(stored.file), stored.piece.offset, stored.piece.shape)
            pieces.setdefault(result.index.fqn, []).append(piece)
        tensors = {}
        for name, one in metadata.state_dict_metadata.items():
            assert isinstance(one, TensorStorageMetadata)
            tensors[name] = SavedTensor(DTYPES[one.properties.dtype], tuple(one.size), tuple(pieces[name]))
        self.written = Shards(files, tensors)


class _Reader(_Storage, StorageReader):
    def __init__(self, folder: Path, shards: Shards) -> None:
        self._folder, self._shards = folder, shards

    def read_metadata(self, *args: Any) -> Metadata:
        dtypes = {name: dtype for dtype, name in DTYPES.items()}
        return Metadata(
            {
                name: TensorStorageMetadata(
                    TensorProperties(dtypes[one.dtype]),
                    torch.Size(one.shape),
                    [ChunkStorageMetadata(torch.Size(piece.offset), torch.Size(piece.shape)) for piece in one.pieces],
                )
                for name, one in self._shards.tensors.items()
            }
        )

    def set_up_storage_reader(self, metadata: Metadata, is_coordinator: bool, *args: Any) -> None:
        pass

    def read_data(self, plan: LoadPlan, planner: LoadPlanner) -> Future[None]:
        self.keep_failure(lambda: self._read(plan, planner))
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def _read(self, plan: LoadPlan, planner: LoadPlanner) -> None:
        for at, file in enumerate(self._shards.files):
            with safe_open(self._folder / file.name, "pt") as content:
                for item in plan.items:
                    if self._piece(item.storage_index).file == at:
                        block = content.get_tensor(item.storage_index.fqn)
                        starts = zip(item.storage_offsets, item.lengths, strict=True)
                        target = planner.resolve_tensor(item).detach()
                        target.copy_(block[tuple(slice(start, start + length) for start, length in starts)])

    def _piece(self, index: MetadataIndex) -> Piece:
        pieces = self._shards.tensors[index.fqn].pieces
        return next(piece for piece in pieces if piece.offset == tuple(index.offset or ()))


@contextmanager
def _in_step(group: Group, storage: _Storage) -> Iterator[None]:
    """Raises the errors that PyTorch reports from any rank, as `Group.together` does."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.distributed is disabled")
            yield
    except CheckpointException as reported:
        own = storage.failure
        if own is not None:
            raise GroupError(own) if group.size > 1 and isinstance(own, Exception) else own from None
        rank, (error, _) = min(reported.failures.items())
        is_failure, message = error.args if isinstance(error, _Reported) else (True, repr(error))
        failure = RankFailed(f"rank {rank}: {message}")
        if not is_failure:
            raise Interrupted from None
        raise GroupError(failure) if group.size > 1 else failure from error
