"""The shape of a model from a Hugging Face `config.json`, by the rules of `src/engines/model-files/config-file.ts`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

Json = Mapping[str, Any]


class ModelError(ValueError):
    """An invalid model folder; the message names file and key, the expected value and the actual one."""


@dataclass(frozen=True)
class RopeScaling:
    """Parameters of `rope_type: llama3`."""

    factor: float
    low_frequency_factor: float
    high_frequency_factor: float
    original_max_positions: int


@dataclass(frozen=True)
class ModelConfig:
    """A decoder-only transformer: RMSNorm, rotary embedding (rotate-half), grouped-query attention, SwiGLU."""

    architecture: str
    """`qwen2` or `llama`."""
    vocab_size: int
    hidden_size: int
    layers: int
    heads: int
    key_value_heads: int
    head_size: int
    intermediate_size: int
    norm_epsilon: float
    rope_theta: float
    rope_scaling: RopeScaling | None
    max_positions: int
    tie_embeddings: bool
    """The output projection shares the embedding matrix."""

    @property
    def attention_bias(self) -> bool:
        """Whether the q, k and v projections have biases."""
        return self.architecture == "qwen2"

    @property
    def class_name(self) -> str:
        """Class name of the model in transformers."""
        return "Qwen2ForCausalLM" if self.architecture == "qwen2" else "LlamaForCausalLM"


def parse_config(source: Json, file: str) -> ModelConfig:
    """Parses a `config.json` of transformers 4 or 5; ModelError for variants that are not supported."""
    keys = _Keys(source, file)
    architecture = keys.one_of("model_type", ("qwen2", "llama"))
    keys.only("hidden_act", "silu")
    for key in ("use_sliding_window", "attention_bias", "mlp_bias"):
        keys.only(key, False)
    hidden_size, heads = keys.count("hidden_size"), keys.count("num_attention_heads")
    theta, scaling = _rotary(keys)
    config = ModelConfig(
        architecture=architecture,
        vocab_size=keys.count("vocab_size"),
        hidden_size=hidden_size,
        layers=keys.count("num_hidden_layers"),
        heads=heads,
        key_value_heads=keys.count("num_key_value_heads", heads),
        head_size=keys.count("head_dim", hidden_size / heads),
        intermediate_size=keys.count("intermediate_size"),
        norm_epsilon=keys.positive("rms_norm_eps", 1e-6),
        rope_theta=theta,
        rope_scaling=scaling,
        max_positions=keys.count("max_position_embeddings", 32_768 if architecture == "qwen2" else 2048),
        tie_embeddings=keys.flag("tie_word_embeddings", False),
    )
    _check_heads(config, file)
    return config


def config_json(config: ModelConfig) -> dict[str, Any]:
    """Builds the `config.json` that `parse_config` reads back and transformers loads."""
    scaling = config.rope_scaling
    rope = {
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": scaling.factor,
            "low_freq_factor": scaling.low_frequency_factor,
            "high_freq_factor": scaling.high_frequency_factor,
            "original_max_position_embeddings": scaling.original_max_positions,
        }
    } if scaling is not None else {}  # fmt: skip
    return {
        "architectures": [config.class_name],
        "model_type": config.architecture,
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.key_value_heads,
        "head_dim": config.head_size,
        "intermediate_size": config.intermediate_size,
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_epsilon,
        "rope_theta": config.rope_theta,
        **rope,
        "max_position_embeddings": config.max_positions,
        "tie_word_embeddings": config.tie_embeddings,
    }


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object from a file; ModelError if it is missing, not JSON, or not an object."""
    try:
        value = json.loads(path.read_bytes())
    except OSError as cause:
        raise ModelError(f"{path}: expected a JSON file ({cause})") from cause
    except ValueError as cause:
        raise ModelError(f"{path}: expected JSON, got text that does not parse ({cause})") from cause
    if not isinstance(value, dict):
        raise ModelError(f"{path}: expected a JSON object, got {describe(value)}")
    return value


def describe(value: object) -> str:
    """Formats a value for an error message: short, on one line."""
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"{text[:57]}…" if len(text) > 60 else text


def _rotary(keys: _Keys) -> tuple[float, RopeScaling | None]:
    """Reads theta and scaling: transformers 4 has `rope_theta` and `rope_scaling`, transformers 5 `rope_parameters`."""
    parameters = keys.child("rope_parameters")
    scaling = parameters or keys.child("rope_scaling")
    theta = (parameters or keys).positive("rope_theta", 10_000)
    if scaling is None:
        return theta, None
    kind = "rope_type" if scaling.has("rope_type") else "type"
    if scaling.one_of(kind, ("default", "llama3"), "default") == "default":
        return theta, None
    return theta, RopeScaling(
        factor=scaling.positive("factor"),
        low_frequency_factor=scaling.positive("low_freq_factor"),
        high_frequency_factor=scaling.positive("high_freq_factor"),
        original_max_positions=scaling.count("original_max_position_embeddings"),
    )


def _check_heads(config: ModelConfig, file: str) -> None:
    if config.heads % config.key_value_heads != 0:
        got = f"{config.heads} and {config.key_value_heads}"
        raise ModelError(f'{file}: expected "num_attention_heads" to be a multiple of "num_key_value_heads", got {got}')
    if config.head_size % 2 != 0:
        raise ModelError(
            f'{file}: expected an even "head_dim" (rotary embedding pairs elements), got {config.head_size}'
        )


class _Keys:
    """Typed access to the keys of one object; every error names file and key. null counts as absent."""

    def __init__(self, source: Json, file: str, prefix: str = "") -> None:
        self.source, self.file, self.prefix = source, file, prefix

    def has(self, key: str) -> bool:
        return self.source.get(key) is not None

    def count(self, key: str, fallback: float | None = None) -> int:
        value = self._value(key, fallback)
        if not (_is_positive(value) and value == int(value)):
            raise self._refusal(key, "a whole number of at least 1")
        return int(value)

    def positive(self, key: str, fallback: float | None = None) -> float:
        value = self._value(key, fallback)
        if not _is_positive(value):
            raise self._refusal(key, "a number above 0")
        return float(value)

    def flag(self, key: str, fallback: bool) -> bool:
        value = self._value(key, fallback)
        if not isinstance(value, bool):
            raise self._refusal(key, "true or false")
        return value

    def one_of(self, key: str, choices: tuple[str, ...], fallback: str | None = None) -> str:
        value = self._value(key, fallback)
        if value not in choices:
            raise self._refusal(key, " or ".join(f'"{choice}"' for choice in choices))
        return cast(str, value)

    def only(self, key: str, value: str | bool) -> None:
        """Rejects every other value; the key may be absent."""
        if self.has(key) and self.source[key] is not value and self.source[key] != value:
            raise self._refusal(key, f"{json.dumps(value)} (nothing else is supported)")

    def child(self, key: str) -> _Keys | None:
        if not self.has(key):
            return None
        value = self.source[key]
        if not isinstance(value, dict):
            raise self._refusal(key, "an object")
        return _Keys(value, self.file, f"{self.prefix}{key}.")

    def _value(self, key: str, fallback: object) -> Any:
        return self.source[key] if self.has(key) else fallback

    def _refusal(self, key: str, expected: str) -> ModelError:
        got = describe(self.source.get(key))
        return ModelError(f'{self.file}: expected "{self.prefix}{key}" to be {expected}, got {got}')


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf
