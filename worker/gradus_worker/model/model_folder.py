"""Reads Hugging Face model folders into a `Transformer`, and writes them from one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import atomic_file
from ..pause import Pause, no_pause
from ..ranks.group import SINGLE, DistributedGroup, Group
from .config import ModelConfig
from .config_file import config_json, parse_config
from .json_file import ModelError, describe, read_json
from .transformer import Transformer
from .weight_layout import Part, parts, weight_shapes

_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_HASHED_AT_ONCE = 1 << 24
_STORED = (torch.bfloat16, torch.float16, torch.float32)


@dataclass(frozen=True)
class LoadedModel:
    model: Transformer
    model_hash: str
    """`modelHash` of docs/protocol.md, over the values in the files, so it does not depend on `dtype`."""

    @property
    def config(self) -> ModelConfig:
        return self.model.config


def load_model(
    folder: Path,
    device: str = "auto",
    dtype: str = "auto",
    pause: Pause = no_pause,
    *,
    group: Group = SINGLE,
    is_trained: bool = True,
) -> LoadedModel:
    """Reads a model; `device` and `dtype` as in `createModel`. Raises ModelError for an invalid folder.

    `pause` is called between tensors and ends the reading by raising. A group of several ranks shards the weights;
    with `is_trained` the shards are float32. Every rank reads all files; rank 0 computes the hash.
    """
    loaded = group.together(lambda: _load(folder, device, dtype, pause, group, is_trained))
    return replace(loaded, model_hash=group.broadcast(loaded.model_hash))


def _load(folder: Path, device: str, dtype: str, pause: Pause, group: Group, is_trained: bool) -> LoadedModel:
    if not folder.is_dir():
        raise ModelError(f"{folder}: expected a model folder (config.json, model.safetensors), but it does not exist")
    config = parse_config(read_json(folder / "config.json"), str(folder / "config.json"))
    if group.size > 1 and device.startswith("cuda:"):
        raise ModelError(f"device: expected auto, cpu or cuda for {group.size} ranks, one device each, got {device}")
    place = choose_device(group.place(device))
    if place.type == "cuda":
        # Triton's kernels, new streams and pinned memory use the current device, regardless of where the tensors are.
        torch.cuda.set_device(place)
    element = choose_dtype(dtype, place)
    files = _WeightFiles(folder)
    if config.tie_embeddings and _has_own_head(files, config):
        config = replace(config, tie_embeddings=False)
    digest = hashlib.sha256()

    def values() -> Iterator[tuple[Part, Tensor]]:
        shapes = weight_shapes(config)
        for part in parts(config):
            pause()
            value = files.read(part.name, (part.end - part.start, *shapes[part.weight][1:]))
            if group.rank == 0:
                _update_hash(digest, part.name, value)
            yield part, value

    if isinstance(group, DistributedGroup):
        from .sharded import shard_weights

        mesh = group.mesh(place.type)
        model = Transformer(config, shard_weights(config, values(), mesh, element, is_trained=is_trained))
    else:
        model = empty_model(config, place, element)
        with torch.no_grad():
            for part, value in values():
                model.weights[part.weight][part.start : part.end].copy_(value)
    return LoadedModel(model, digest.hexdigest())


def random_model(config: ModelConfig, device: torch.device, dtype: torch.dtype, seed: int) -> Transformer:
    """Creates an untrained model: matrices are normal with standard deviation 0.02, norms 1, biases 0."""
    model = empty_model(config, device, dtype)
    generator = torch.Generator(device).manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.weights.items():
            if weight.dim() > 1:
                weight.normal_(std=0.02, generator=generator)
            else:
                weight.fill_(0 if name.endswith("bias") or config.norm_offset else 1)
    return model


def empty_model(config: ModelConfig, device: torch.device, dtype: torch.dtype) -> Transformer:
    """Creates a model with uninitialised weights that require gradients."""
    shapes = weight_shapes(config).items()
    return Transformer(
        config,
        {name: torch.empty(shape, device=device, dtype=dtype, requires_grad=True) for name, shape in shapes},
    )


def hash_model(model: Transformer) -> str:
    """Computes `modelHash` of the current weights."""
    digest = hashlib.sha256()
    for part, value in model.parts():
        _update_hash(digest, part.name, value.detach().cpu())
    return digest.hexdigest()


def export_model(model: Transformer, folder: Path, dtype: str, end_tokens: Sequence[int]) -> None:
    """Writes `config.json` and `model.safetensors` for transformers; `dtype` is `bf16` or `f32`.

    Creates the folder. Each file is replaced atomically.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = {"bf16": torch.bfloat16, "f32": torch.float32}[dtype]
    tensors = {part.name: value.detach().to("cpu", stored).contiguous() for part, value in model.parts()}
    with atomic_file(folder / _SINGLE) as draft:
        save_file(tensors, draft, {"format": "pt"})
    ends = end_tokens[0] if len(end_tokens) == 1 else list(end_tokens)
    config = {**config_json(model.config), "torch_dtype": str(stored).removeprefix("torch."), "eos_token_id": ends}
    with atomic_file(folder / "config.json") as draft:
        draft.write_text(f"{json.dumps(config, indent=2)}\n")


def choose_device(name: str) -> torch.device:
    """Resolves a device name; `auto` is the first CUDA device, else the CPU. Raises ModelError for a missing device."""
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    kind, _, index = name.partition(":")
    known = name == "cpu" or (kind == "cuda" and (index.isdecimal() or name == "cuda"))
    if not known:
        raise ModelError(f"device: expected auto, cpu, cuda or cuda:N, got {describe(name)}")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise ModelError(f"device: expected one of {torch.cuda.device_count()} CUDA devices, got {name}")
    return torch.device("cpu" if kind == "cpu" else f"cuda:{index or 0}")


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Resolves an element type; `auto` is float32 on the CPU and bfloat16 on CUDA."""
    known = {
        "auto": torch.float32 if device.type == "cpu" else torch.bfloat16,
        "float32": torch.float32,
        "bfloat16": torch.bfloat16,
        "float16": torch.float16,
    }
    if name not in known:
        raise ModelError(f"dtype: expected {', '.join(known)}, got {describe(name)}")
    return known[name]


class _WeightFiles:
    """Weights in one file or in shards; each shard is opened once, when first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shards = None if (folder / _SINGLE).is_file() else _read_index(folder)
        """File by tensor name; None: all tensors are in one file."""
        self._path = Path()
        self._file: Any = None

    def has(self, name: str) -> bool:
        if self._shards is not None:
            return name in self._shards
        return name in self._open(self._folder / _SINGLE)

    def read(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Reads a tensor in the element type of the file, on the CPU; raises ModelError unless it has this shape."""
        path = self._folder / self._shard_of(name)
        if name not in self._open(path):
            raise ModelError(f'{path}: expected a tensor "{name}", got none')
        with _whole_file(path):
            value: Tensor = self._file.get_tensor(name)
        if tuple(value.shape) != shape:
            raise ModelError(f'{path}: expected "{name}" of shape {list(shape)}, got {list(value.shape)}')
        if value.dtype not in _STORED:
            raise ModelError(f'{path}: expected "{name}" to be BF16, F16 or F32, got {value.dtype}')
        return value

    def _open(self, path: Path) -> set[str]:
        """Opens this file instead of the current one; returns the names of its tensors."""
        if path != self._path:
            with _whole_file(path):
                self._file = safe_open(path, "pt")
            self._path = path
        return set(self._file.keys())

    def _shard_of(self, name: str) -> str:
        if self._shards is None:
            return _SINGLE
        if name not in self._shards:
            raise ModelError(f'{self._folder / _INDEX}: expected a shard for "{name}", got nothing')
        return self._shards[name]


@contextmanager
def _whole_file(path: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError) as cause:
        raise ModelError(f"{path}: expected a complete safetensors file; download it again ({cause})") from cause


def _read_index(folder: Path) -> dict[str, str]:
    """Reads which shard contains each tensor; raises for a missing shard before any weights are read."""
    path = folder / _INDEX
    if not path.is_file():
        pickled = next((name for name in _PICKLED if (folder / name).is_file()), None)
        if pickled is None:
            raise ModelError(f"{folder}: expected {_SINGLE} or {_INDEX}, got neither")
        raise ModelError(
            f"{folder}: expected weights as {_SINGLE}, got {pickled}, which may execute code when it is read; "
            """convert it: python -c "from transformers import AutoModelForCausalLM as M; """
            f"""M.from_pretrained('{folder}', dtype='auto').save_pretrained('{folder}-safetensors')" """
            "and copy the tokenizer files"
        )
    shards = read_json(path).get("weight_map")
    if not isinstance(shards, dict):
        raise ModelError(f'{path}: expected "weight_map" to be an object, got {describe(shards)}')
    for shard in {json.dumps(value): value for value in shards.values()}.values():
        # Reject paths: an untrusted index must not read files outside the folder.
        if not isinstance(shard, str) or "/" in shard or "\\" in shard:
            raise ModelError(f"{path}: expected shard names, got {describe(shard)}")
        if not (folder / shard).is_file():
            raise ModelError(
                f"{path}: expected the shard {shard} in the same folder, but it is missing; download it again"
            )
    return shards


def _has_own_head(files: _WeightFiles, config: ModelConfig) -> bool:
    """Detects an output matrix that differs from the embedding although `config.json` says that they are tied.

    transformers keeps such a head too.
    """
    if not files.has("lm_head.weight"):
        return False
    shape = (config.vocab_size, config.hidden_size)
    embedding, head = (files.read(name, shape) for name in ("model.embed_tokens.weight", "lm_head.weight"))
    return head.dtype != embedding.dtype or not torch.equal(head, embedding)


def _update_hash(digest: hashlib._Hash, name: str, value: Tensor) -> None:
    digest.update(f"{name}[{','.join(map(str, value.shape))}]".encode())
    flat = value.reshape(-1)
    for start in range(0, len(flat), _HASHED_AT_ONCE):
        digest.update(flat[start : start + _HASHED_AT_ONCE].float().numpy().data)
