"""Rotary embedding in `config.json`, by the rules of `src/engines/model-files/rope.ts`."""

from __future__ import annotations

import math
from typing import Any

from .config import Linear, Llama3, LongRope, RopeScaling, Yarn
from .json_file import Json, Keys


def parse_rope(keys: Keys, family: Json, layers: int, head_size: int) -> dict[str, Any]:
    """Returns the fields of `ModelConfig` that describe the rotary embedding, and `max_positions`.

    transformers 4 writes `rope_theta` and `rope_scaling`, transformers 5 `rope_parameters`. `dynamic` scaling changes
    nothing within `max_position_embeddings`, the longest supported sequence. Scalings that depend on the length
    beyond the original context (LongRoPE, Ministral 3) limit the longest sequence to that context.
    """
    stated = keys.child("rope_parameters")
    parameters = (stated.child("full_attention") if stated else None) or stated
    scaling = parameters or keys.child("rope_scaling")

    def holder(key: str) -> Keys:
        return parameters if parameters is not None and parameters.has(key) else keys

    theta = holder("rope_theta").positive("rope_theta", 10_000)
    rotary_size = int(head_size * holder("partial_rotary_factor").positive("partial_rotary_factor", 1))
    if rotary_size != head_size and not family.get("longRope"):
        keys.refuse("partial_rotary_factor", "1 (nothing else is supported)")
    if rotary_size != head_size and rotary_size % 2 != 0:
        keys.refuse("partial_rotary_factor", "a factor that rotates an even number of elements of a head")
    found, positions = None, keys.count("max_position_embeddings")
    if scaling is not None:
        found, positions = _scaling(scaling, keys, family, rotary_size=rotary_size, theta=theta)
    return {
        "rope_theta": theta,
        "rope_scaling": found,
        "local_rope_theta": _local_theta(keys, stated) if family.get("localRope") else None,
        "unrotated_layers": _unrotated(keys, layers) if family.get("unrotatedLayers") else (),
        "rotary_size": None if rotary_size == head_size else rotary_size,
        "max_positions": positions,
    }


def _scaling(
    scaling: Keys, keys: Keys, family: Json, *, rotary_size: int, theta: float
) -> tuple[RopeScaling | None, int]:
    """Returns the scaling and the longest sequence."""
    longest = keys.count("max_position_embeddings")
    key = "rope_type" if scaling.has("rope_type") else "type"
    if family.get("longRope"):
        if scaling.one_of(key, ("default", "longrope", "su", "yarn"), "default") == "default":
            return None, longest
        return _long_rope(scaling, keys, rotary_size)
    match scaling.one_of(key, ("default", "linear", "dynamic", "yarn", "llama3"), "default"):
        case "linear":
            return Linear(scaling.positive("factor")), longest
        case "dynamic":
            scaling.positive("factor")
        case "llama3":
            found = Llama3(
                factor=scaling.positive("factor"),
                low_frequency_factor=scaling.positive("low_freq_factor"),
                high_frequency_factor=scaling.positive("high_freq_factor"),
                original_max_positions=scaling.count("original_max_position_embeddings"),
            )
            return found, longest
        case "yarn":
            return _yarn(scaling, longest, rotary_size=rotary_size, theta=theta)
    return None, longest


def _yarn(scaling: Keys, longest: int, *, rotary_size: int, theta: float) -> tuple[Yarn, int]:
    """Parses YaRN (Peng et al. 2023, 2309.00071), with the defaults of transformers."""
    original = scaling.count("original_max_position_embeddings", longest)
    factor = scaling.positive("factor", longest / original)

    def element(turns: float) -> float:
        """Returns the element whose frequency makes this many turns over the original context."""
        return rotary_size * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(theta))

    def temper(mscale: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * mscale * math.log(factor) + 1

    low, high = element(scaling.positive("beta_fast", 32)), element(scaling.positive("beta_slow", 1))
    if scaling.flag("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    mscale, mscale_all = scaling.optional("mscale"), scaling.optional("mscale_all_dim")
    both = mscale is not None and mscale_all is not None
    inferred = temper(mscale) / temper(mscale_all) if both else temper(1)  # type: ignore[arg-type]
    found = Yarn(factor, max(low, 0), min(high, rotary_size - 1), scaling.optional("attention_factor") or inferred)
    # Ministral 3 scales queries beyond the original context. Qwen2.5 gives the original context as its longest
    # sequence.
    if scaling.has("llama_4_scaling_beta"):
        return found, min(longest, original)
    return found, max(longest, int(original * factor))


def _long_rope(scaling: Keys, keys: Keys, rotary_size: int) -> tuple[LongRope, int]:
    longest, original = keys.count("max_position_embeddings"), keys.count("original_max_position_embeddings")
    factor = scaling.positive("factor", longest / original)
    inferred = 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(original))
    factors = scaling.numbers("short_factor", rotary_size // 2)
    return LongRope(factors, scaling.optional("attention_factor") or inferred), min(longest, original)


def _local_theta(keys: Keys, stated: Keys | None) -> float:
    local = stated.child("sliding_attention") if stated else None
    fallback = keys.positive("rope_local_base_freq")
    if local is None:
        return fallback
    local.only("rope_type", "default")
    return local.positive("rope_theta", fallback)


def _unrotated(keys: Keys, layers: int) -> tuple[int, ...]:
    interval = keys.count("no_rope_layer_interval")
    if keys.has("no_rope_layers"):
        rotates = keys.choices("no_rope_layers", layers, (0, 1))
    else:
        rotates = tuple(int((layer + 1) % interval != 0) for layer in range(layers))
    return tuple(layer for layer, one in enumerate(rotates) if one == 0)
