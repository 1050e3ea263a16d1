"""`config.json` of a Hugging Face folder, by the rules of `src/engines/model-files/config-file.ts`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from .config import AttentionRules, Experts, ModelConfig
from .json_file import Json, Keys, ModelError
from .rope_config import parse_rope

FAMILIES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "families.json").read_text())
"""`families` of `src/engines/model-files/families.ts`, written by `scripts/write-families.ts`."""


def parse_config(source: Json, file: str) -> ModelConfig:
    """Parses a `config.json` of transformers 4 or 5; raises ModelError for unsupported variants."""
    architecture = Keys(source, file).one_of("model_type", tuple(FAMILIES))
    family = FAMILIES[architecture]
    keys = Keys({**family["defaults"], **source}, file)
    for key, value in family["fixed"].items():
        keys.only(key, value)
    hidden_size, heads = keys.count("hidden_size"), keys.count("num_attention_heads")
    layers = keys.count("num_hidden_layers")
    head_size = keys.count("head_dim", hidden_size / heads)
    rope = parse_rope(keys, family, layers, head_size)
    has_bias = family.get("attentionBias") == "stated" and keys.flag("attention_bias", False)
    scales, cap = _scales(keys, family, hidden_size)
    config = ModelConfig(
        architecture=architecture,
        vocab_size=keys.count("vocab_size"),
        hidden_size=hidden_size,
        layers=layers,
        heads=heads,
        key_value_heads=keys.count("num_key_value_heads", heads),
        head_size=head_size,
        intermediate_size=keys.count("intermediate_size"),
        norm_epsilon=keys.positive("rms_norm_eps", 1e-6),
        **rope,
        tie_embeddings=keys.flag("tie_word_embeddings", False),
        attention_bias=has_bias or family.get("attentionBias") == "always",
        output_bias=has_bias and family.get("outputBias", False),
        mlp_bias=family.get("mlpBias", False) and keys.flag("mlp_bias", False),
        norms={half: (before, after) for half, (before, after) in family["norms"].items()},
        norm_offset=family.get("normOffset", False),
        query_key_norm=family.get("queryKeyNorm"),
        fused_projections=family.get("fusedProjections", False),
        attention=_rules(keys, family, layers, rope, cap),
        **scales,
        experts=_experts(keys, layers) if family.get("experts") else None,
        source=source,
    )
    _check_heads(config, file)
    return config


def config_json(config: ModelConfig) -> dict[str, Any]:
    """Builds the `config.json` of a model to be written: its original one, or that of a new Llama or Qwen2 model.

    Writes the rotary embedding as transformers 4 does, which transformers 5 reads too.
    """
    if not config.source:
        return _new_config_json(config)
    known = {key: value for key, value in config.source.items() if key not in ("rope_parameters", "dtype")}
    known["tie_word_embeddings"] = config.tie_embeddings
    rope = config.source.get("rope_parameters")
    if rope is None:
        return known
    if "rope_theta" not in rope:
        # Parameters by layer type have no older form.
        return {**known, "rope_parameters": rope}
    scaling = {key: value for key, value in rope.items() if key != "rope_theta"}
    is_plain = scaling.get("rope_type", "default") == "default" and "partial_rotary_factor" not in scaling
    return {**known, "rope_theta": rope["rope_theta"], **({} if is_plain else {"rope_scaling": scaling})}


def class_name(config: ModelConfig) -> str:
    """Returns the class of the model in transformers."""
    return str(FAMILIES[config.architecture]["className"])


def _new_config_json(config: ModelConfig) -> dict[str, Any]:
    return {
        "architectures": [class_name(config)],
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
        "max_position_embeddings": config.max_positions,
        "tie_word_embeddings": config.tie_embeddings,
    }


def _scales(keys: Keys, family: Json, hidden_size: int) -> tuple[dict[str, Any], float | None]:
    """Returns the constant factors of the model, and the cap of its attention scores."""
    if family.get("gemma"):
        scales = {
            "gelu": True,
            "embedding_scale": math.sqrt(hidden_size),
            "attention_scale": 1 / math.sqrt(keys.positive("query_pre_attn_scalar")),
            "logit_cap": keys.optional("final_logit_softcapping"),
        }
        return scales, keys.optional("attn_logit_softcapping")
    if family.get("multipliers"):
        scales = {
            "embedding_scale": keys.positive("embedding_multiplier"),
            "attention_scale": keys.positive("attention_multiplier"),
            "residual_scale": keys.positive("residual_multiplier"),
            "logit_scale": 1 / keys.positive("logits_scaling"),
        }
        return scales, None
    return {}, None


def _rules(keys: Keys, family: Json, layers: int, rope: Json, cap: float | None) -> AttentionRules:
    """Reads which layers have a sliding window; no layer has one if no sequence is longer than the window."""
    kind = family.get("window")
    is_on = not family.get("windowSwitch") or keys.flag("use_sliding_window", False)
    size = keys.count("sliding_window") if is_on and kind is not None and keys.has("sliding_window") else None

    def slides(layer: int) -> bool:
        match kind:
            case "odd":
                return layer % 2 == 0
            case "pattern":
                return (layer + 1) % keys.count("sliding_window_pattern") != 0
            case "unrotated":
                return layer in rope["unrotated_layers"]
            case "last":
                return layer >= keys.count("max_window_layers")
        return True

    if keys.has("layer_types"):
        types = keys.choices("layer_types", layers, ("full_attention", "sliding_attention"))
        chosen = tuple(layer for layer, one in enumerate(types) if one == "sliding_attention")
    else:
        chosen = tuple(layer for layer in range(layers) if size is not None and slides(layer))
    if chosen and size is None:
        keys.refuse("sliding_window", 'a window size, because layer_types has "sliding_attention"')
    if not chosen or size is None or size >= rope["max_positions"]:
        return AttentionRules(cap=cap)
    return AttentionRules(size, chosen, cap)


def _experts(keys: Keys, layers: int) -> Experts:
    every = keys.count("decoder_sparse_step")
    dense = keys.indices("mlp_only_layers") if keys.has("mlp_only_layers") else ()
    return Experts(
        # transformers 5 writes the second key.
        count=keys.count("num_local_experts" if keys.has("num_local_experts") else "num_experts"),
        per_token=keys.count("num_experts_per_tok"),
        size=keys.count("moe_intermediate_size"),
        normalise=keys.flag("norm_topk_prob", False),
        layers=tuple(layer for layer in range(layers) if (layer + 1) % every == 0 and layer not in dense),
    )


def _check_heads(config: ModelConfig, file: str) -> None:
    if config.heads % config.key_value_heads != 0:
        got = f"{config.heads} and {config.key_value_heads}"
        raise ModelError(f'{file}: expected "num_attention_heads" to be a multiple of "num_key_value_heads", got {got}')
    if config.head_size % 2 != 0:
        raise ModelError(
            f'{file}: expected an even "head_dim" (rotary embedding pairs elements), got {config.head_size}'
        )
