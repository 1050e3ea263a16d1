"""The policy: which weights are trained and which are sampled from, in full training or with low-rank adapters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .model.adapter_folder import read_adapter, write_adapter
from .model.json_file import ModelError
from .model.lora import Adapters, LoraSettings, LoraTransformer
from .model.model_folder import LoadedModel, export_model, load_model
from .model.transformer import Transformer
from .pause import Pause
from .ranks.group import Group
from .ranks.shard import gather_weights, is_sharded, whole


def open_policy(
    folder: Path, device: str, dtype: str, lora: Mapping[str, Any] | None, pause: Pause, group: Group, *, train: bool
) -> Policy:
    """Reads a model and, if named, an adapter; raises ModelError if either is invalid. A collective."""
    loaded = load_model(folder, device, dtype, pause, group=group, is_trained=train and lora is None)
    return FullPolicy(folder, loaded, pause, group) if lora is None else LoraPolicy(folder, loaded, lora, group)


class FullPolicy:
    """Trains all weights, which sampler and trainer share; with sharded weights, the sampler of a rank has a whole
    copy.

    The reference is read from the folder when first needed.
    """

    settings: Mapping[str, Any] | None = None

    def __init__(self, folder: Path, loaded: LoadedModel, pause: Pause, group: Group) -> None:
        self._folder, self._pause, self._group = folder, pause, group
        self.model_hash = loaded.model_hash
        self.trained = loaded.model
        self.parameters = dict(loaded.model.weights)
        self.sampled = _whole_copy(loaded.model) if group.size > 1 else loaded.model

    @torch.no_grad()
    def refresh(self) -> None:
        """Updates the complete copy, if there is one."""
        if self.sampled is not self.trained:
            for name, value in self.parameters.items():
                self.sampled.weights[name].copy_(whole(value.to(self.trained.dtype)))

    def reference(self) -> Transformer:
        # Read on demand: most runs have no KL term and never need this copy.
        dtype = str(self.trained.dtype).removeprefix("torch.")
        device = str(self.trained.device) if self._group.size == 1 else self.trained.device.type
        again = load_model(self._folder, device, dtype, self._pause, group=self._group, is_trained=False)
        if again.model_hash != self.model_hash:
            raise ModelError(f"{self._folder}: expected the weights that createModel read, got others")
        return _frozen(again.model)

    def export(self, folder: Path, dtype: str, end_tokens: Sequence[int], masters: Mapping[str, Tensor]) -> None:
        weights = masters
        if any(map(is_sharded, masters.values())):
            weights = gather_weights(masters, keep=self._group.rank == 0)
        config = self.trained.config
        self._group.together(
            lambda: export_model(Transformer(config, weights), folder, dtype, end_tokens) if weights else None
        )


class LoraPolicy:
    """Trains adapters on a frozen base. The sampler uses a merged copy; the base without adapters is the reference."""

    def __init__(self, folder: Path, loaded: LoadedModel, lora: Mapping[str, Any], group: Group) -> None:
        self._folder, self._base, self._group = folder, _frozen(loaded.model), group
        settings = LoraSettings(lora["rank"], lora["alpha"], lora["targets"])
        self._adapters = Adapters(self._base, settings)
        self.settings: Mapping[str, Any] | None = settings.describe()
        self.model_hash = loaded.model_hash
        if lora["adapter"] is not None:
            adapter = group.together(lambda: read_adapter(Path(lora["adapter"]), self._adapters))
            self.model_hash = hashlib.sha256(f"{loaded.model_hash} {adapter}".encode()).hexdigest()
        self.trained = LoraTransformer(self._adapters)
        self.parameters = self._adapters.weights
        self.sampled = self._adapters.merged(self._base.dtype)

    def refresh(self) -> None:
        self._adapters.merge(self.sampled.weights)

    def reference(self) -> Transformer:
        return self._base

    def export(self, folder: Path, dtype: str, end_tokens: Sequence[int], masters: Mapping[str, Tensor]) -> None:
        """Writes the merged model, rounded once, and the adapters separately in `adapter/`."""
        merged = self._adapters.merged_whole(keep=self._group.rank == 0)

        def write() -> None:
            if merged is not None:
                export_model(merged, folder, dtype, end_tokens)
                write_adapter(folder / "adapter", self._adapters, self._folder.absolute())

        self._group.together(write)


Policy = FullPolicy | LoraPolicy
"""
model_hash  hash of the weights as loaded
settings    settings that a saved state must match besides the hash; None: full training
trained     the model that computes the loss from `parameters`
sampled     the same model for sampling, current after each call of `refresh`
reference   the model before training
export      writes a Hugging Face folder; `masters` are the unrounded parameters
"""


@torch.no_grad()
def _whole_copy(model: Transformer) -> Transformer:
    """Returns a model with all rows of sharded weights. A collective."""
    return Transformer(model.config, {name: whole(value.to(model.dtype)) for name, value in model.weights.items()})


def _frozen(model: Transformer) -> Transformer:
    for weight in model.weights.values():
        weight.requires_grad_(False)
    return model
