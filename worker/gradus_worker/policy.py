"""What is trained and what is sampled from: all weights at once, or adapters beside weights that stay."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .model.adapter_folder import read_adapter, write_adapter
from .model.config import ModelError
from .model.lora import Adapters, LoraSettings, LoraTransformer
from .model.model_folder import LoadedModel, export_model, load_model
from .model.transformer import Transformer
from .pause import Pause


def open_policy(folder: Path, device: str, dtype: str, lora: Mapping[str, Any] | None, pause: Pause) -> Policy:
    """Reads a model; ModelError for what is wrong with it or with the adapter it begins with."""
    loaded = load_model(folder, device, dtype, pause)
    return FullPolicy(folder, loaded, pause) if lora is None else LoraPolicy(folder, loaded, lora)


class FullPolicy:
    """Sampler and trainer share the weights. The reference is read again from the folder, when first asked for."""

    settings: Mapping[str, Any] | None = None

    def __init__(self, folder: Path, loaded: LoadedModel, pause: Pause) -> None:
        self._folder, self._pause = folder, pause
        self.model_hash = loaded.model_hash
        self.trained = self.sampled = loaded.model
        self.parameters = loaded.model.weights

    def refresh(self) -> None:
        """There is no copy."""

    def reference(self) -> Transformer:
        # Not a copy kept from the start: most runs have no KL term, and would hold it for nothing.
        dtype = str(self.trained.dtype).removeprefix("torch.")
        again = load_model(self._folder, str(self.trained.device), dtype, self._pause)
        if again.model_hash != self.model_hash:
            raise ModelError(f"{self._folder} is no longer the model this session began with")
        return _frozen(again.model)

    def export(self, folder: Path, dtype: str, end_tokens: Sequence[int], masters: Mapping[str, Tensor]) -> None:
        export_model(Transformer(self.trained.config, masters), folder, dtype, end_tokens)


class LoraPolicy:
    """The trainer sees base and adapters side by side, the sampler a merged copy; the base alone is the reference."""

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
        """The merged model, and in `adapter/` the adapters alone. The merged weights are rounded once."""
        export_model(self._adapters.merged(torch.float32), folder, dtype, end_tokens)
        write_adapter(folder / "adapter", self._adapters, self._folder.absolute())


Policy = FullPolicy | LoraPolicy
"""
model_hash  of the weights as loaded
settings    what a saved state must agree with, besides the hash
trained     computes what is learned from, through `parameters`
sampled     the same function of the same parameters, once `refresh` has been called after each change of them
reference   the model before any training
export      writes a Hugging Face folder; `masters` are the parameters unrounded
"""


def _frozen(model: Transformer) -> Transformer:
    for weight in model.weights.values():
        weight.requires_grad_(False)
    return model
