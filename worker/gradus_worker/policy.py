"""The policy: which weights are trained and which are sampled from. Full training, or low-rank adapters."""

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


def open_policy(folder: Path, device: str, dtype: str, lora: Mapping[str, Any] | None, pause: Pause) -> Policy:
    """Reads a model and, if named, an adapter; ModelError if either is invalid."""
    loaded = load_model(folder, device, dtype, pause)
    return FullPolicy(folder, loaded, pause) if lora is None else LoraPolicy(folder, loaded, lora)


class FullPolicy:
    """Trains all weights, which sampler and trainer share. The reference is read from the folder when first needed."""

    settings: Mapping[str, Any] | None = None

    def __init__(self, folder: Path, loaded: LoadedModel, pause: Pause) -> None:
        self._folder, self._pause = folder, pause
        self.model_hash = loaded.model_hash
        self.trained = self.sampled = loaded.model
        self.parameters = loaded.model.weights

    def refresh(self) -> None:
        """Does nothing: the sampler uses the trained weights themselves."""

    def reference(self) -> Transformer:
        # Read on demand: most runs have no KL term and never need this copy.
        dtype = str(self.trained.dtype).removeprefix("torch.")
        again = load_model(self._folder, str(self.trained.device), dtype, self._pause)
        if again.model_hash != self.model_hash:
            raise ModelError(f"{self._folder}: expected the weights that createModel read, got others")
        return _frozen(again.model)

    def export(self, folder: Path, dtype: str, end_tokens: Sequence[int], masters: Mapping[str, Tensor]) -> None:
        export_model(Transformer(self.trained.config, masters), folder, dtype, end_tokens)


class LoraPolicy:
    """Trains adapters beside a frozen base. The sampler uses a merged copy; the base alone is the reference."""

    def __init__(self, folder: Path, loaded: LoadedModel, lora: Mapping[str, Any]) -> None:
        self._folder, self._base = folder, _frozen(loaded.model)
        settings = LoraSettings(lora["rank"], lora["alpha"], lora["targets"])
        self._adapters = Adapters(self._base, settings)
        self.settings: Mapping[str, Any] | None = settings.describe()
        self.model_hash = loaded.model_hash
        if lora["adapter"] is not None:
            adapter = read_adapter(Path(lora["adapter"]), self._adapters)
            self.model_hash = hashlib.sha256(f"{loaded.model_hash} {adapter}".encode()).hexdigest()
        self.trained = LoraTransformer(self._adapters)
        self.parameters = self._adapters.weights
        self.sampled = self._adapters.merged(self._base.dtype)

    def refresh(self) -> None:
        self._adapters.merge(self.sampled.weights)

    def reference(self) -> Transformer:
        return self._base

    def export(self, folder: Path, dtype: str, end_tokens: Sequence[int], masters: Mapping[str, Tensor]) -> None:
        """Writes the merged model, rounded once, and the adapters alone in `adapter/`."""
        export_model(self._adapters.merged(torch.float32), folder, dtype, end_tokens)
        write_adapter(folder / "adapter", self._adapters, self._folder.absolute())


Policy = FullPolicy | LoraPolicy
"""
model_hash  hash of the weights as loaded
settings    what a saved state must match besides the hash; None: full training
trained     the model that computes the loss from `parameters`
sampled     the same model for sampling, current after each call of `refresh`
reference   the model before training
export      writes a Hugging Face folder; `masters` are the unrounded parameters
"""


def _frozen(model: Transformer) -> Transformer:
    for weight in model.weights.values():
        weight.requires_grad_(False)
    return model
