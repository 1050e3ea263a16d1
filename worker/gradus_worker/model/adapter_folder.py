"""Adapters in PEFT's layout (huggingface.co/docs/peft, "PEFT checkpoint format"), which vLLM and SGLang load too.

adapter_config.json          rank, alpha, targets, the base model
adapter_model.safetensors    base_model.model.<module>.lora_A.weight, .lora_B.weight
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..atomic import atomic_file
from .json_file import ModelError, describe, read_json
from .lora import Adapters

_CONFIG, _WEIGHTS, _PREFIX = "adapter_config.json", "adapter_model.safetensors", "base_model.model."
# Settings that change the numbers, each with the only supported value.
_SUPPORTED: dict[str, Any] = {
    "peft_type": "LORA",
    "bias": "none",
    "fan_in_fan_out": False,
    "use_rslora": False,
    "use_dora": False,
    "lora_bias": False,
    "modules_to_save": None,
    "layers_to_transform": None,
    "layer_replication": None,
    "rank_pattern": {},
    "alpha_pattern": {},
    "trainable_token_indices": None,
}


def write_adapter(folder: Path, adapters: Adapters, base: Path) -> None:
    """Writes adapters in float32, the type in which they are trained. Creates the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {_stored(name): value.detach().cpu().contiguous() for name, value in adapters.weights.items()}
    with atomic_file(folder / _WEIGHTS) as draft:
        save_file(values, draft, {"format": "pt"})
    settings = adapters.settings
    config = {
        **_SUPPORTED,
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(base),
        "r": settings.rank,
        "lora_alpha": settings.alpha,
        "target_modules": sorted(set(settings.targets)),
        "lora_dropout": 0.0,
        "init_lora_weights": True,
        "inference_mode": True,
    }
    with atomic_file(folder / _CONFIG) as draft:
        draft.write_text(f"{json.dumps(config, indent=2)}\n")


@torch.no_grad()
def read_adapter(folder: Path, adapters: Adapters) -> str:
    """Reads a folder into adapters with the same settings; returns the sha256 over names and values.

    Raises ModelError, without a change, if the folder contains no adapters or adapters with other settings.
    """
    _check_config(folder / _CONFIG, adapters)
    path = folder / _WEIGHTS
    try:
        values = load_file(path)
    except (OSError, SafetensorError) as cause:
        raise ModelError(f"{path}: expected a complete safetensors file ({cause})") from cause
    expected = {_stored(name): tuple(value.shape) for name, value in adapters.weights.items()}
    found = {name: tuple(value.shape) for name, value in values.items()}
    if found != expected:
        name = min(name for name, _ in expected.items() ^ found.items())
        raise ModelError(f"{path}: expected {name!r} of shape {expected.get(name)}, got {found.get(name)}")
    for name, weight in adapters.weights.items():
        weight.copy_(values[_stored(name)])
    return _digest(values)


def _check_config(path: Path, adapters: Adapters) -> None:
    config, settings = read_json(path), adapters.settings
    for key, wanted in _SUPPORTED.items():
        if config.get(key) not in (wanted, None) and (wanted is not None or config[key]):
            raise ModelError(f'{path}: expected "{key}" to be {describe(wanted)}, got {describe(config[key])}')
    targets = config.get("target_modules")
    names = sorted(set(targets)) if isinstance(targets, list) else targets
    found = {"rank": config.get("r"), "alpha": config.get("lora_alpha"), "targets": names}
    if found != settings.describe():
        raise ModelError(f"{path}: expected an adapter with {describe(settings.describe())}, got {describe(found)}")


def _stored(name: str) -> str:
    return f"{_PREFIX}{name}.weight"


def _digest(values: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(values):
        digest.update(f"{name}[{','.join(map(str, values[name].shape))}]".encode())
        digest.update(values[name].float().contiguous().numpy().data)
    return digest.hexdigest()
