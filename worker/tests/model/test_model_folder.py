"""Parity with transformers. The worker accepts and rejects the same model folders as the embedded engine."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from gradus_worker.model.config_file import config_json, parse_config
from gradus_worker.model.json_file import ModelError
from gradus_worker.model.model_folder import export_model, hash_model, load_model, random_model
from gradus_worker.model.packed_attention import causal_attention
from gradus_worker.model.transformer import Transformer

GOLDEN = Path(__file__).parents[3] / "test" / "golden"
CPU = torch.device("cpu")
HASHES = {
    # `hashWeights` of src/engines/model-files/model-folder.ts for these folders.
    "qwen2": "144e9bacb00f95c7f3aaa903d2b3d0e2cc15d1051ae3b26efa43bfcdd70ed5a8",
    "llama": "a2838bff32e40f958a88f5f2bf2895ab5073da2828372507102c058a0725b104",
}


def logits(model: Transformer, *sequences: Tensor) -> Tensor:
    lengths = [len(tokens) for tokens in sequences]
    positions = torch.cat([torch.arange(n) for n in lengths])
    attend = causal_attention("per-sequence", lengths, CPU)
    with torch.no_grad():
        return model.hidden(torch.cat(sequences), positions, attend) @ model.head_weight.T


@pytest.mark.parametrize("name", ["qwen2", "llama"])
def test_logits_equal_those_of_transformers(name: str) -> None:
    expected = json.loads((GOLDEN / f"parity-{name}" / "expected.json").read_text())
    found = load_model(GOLDEN / f"parity-{name}", dtype="float32")
    assert found.model_hash == HASHES[name]
    ours = logits(found.model, torch.tensor(expected["tokens"]))
    assert (ours - torch.tensor(expected["logits"])).abs().max() < 1e-4


SHAPE: dict[str, Any] = {
    "vocab_size": 61, "hidden_size": 48, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 6,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "bos_token_id": None, "eos_token_id": 0,
}  # fmt: skip
SCALED = {
    "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen2 tied": ("Qwen2", {"tie_word_embeddings": True}),
    "qwen2 untied": ("Qwen2", {"tie_word_embeddings": False}),
    "llama scaled": ("Llama", {"tie_word_embeddings": False, "rope_parameters": SCALED}),
    "llama tied, wide heads": ("Llama", {"tie_word_embeddings": True, "head_dim": 12}),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_random_models_equal_transformers_before_and_after_an_export(name: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    kind, change = VARIANTS[name]
    torch.manual_seed(len(name))
    theirs = getattr(transformers, f"{kind}ForCausalLM")(getattr(transformers, f"{kind}Config")(**SHAPE, **change))
    with torch.no_grad():
        for key, weight in theirs.named_parameters():
            weight.copy_(torch.randn_like(weight) * 0.2 + (1.0 if "norm" in key else 0.0))
    theirs.eval().save_pretrained(tmp_path / "theirs")
    first, second = torch.randint(0, 61, (90,)), torch.randint(0, 61, (7,))
    with torch.no_grad():
        expected = torch.cat([theirs(tokens[None]).logits[0] for tokens in (first, second)])
    loaded = load_model(tmp_path / "theirs")
    assert (logits(loaded.model, first, second) - expected).abs().max() < 1e-4
    export_model(loaded.model, tmp_path / "ours", "f32", [0, 5])
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours")
    assert again.config.eos_token_id == [0, 5]
    with torch.no_grad():
        assert torch.allclose(again(first[None]).logits[0], expected[:90], atol=1e-5)
    assert load_model(tmp_path / "ours").model_hash == loaded.model_hash == hash_model(loaded.model)


def test_dtype_does_not_change_the_model_hash(tmp_path: Path) -> None:
    half = load_model(GOLDEN / "parity-llama", dtype="bfloat16")
    assert half.model.dtype == torch.bfloat16
    assert half.model_hash == HASHES["llama"] != hash_model(half.model)
    export_model(half.model, tmp_path, "bf16", [0])
    assert load_model(tmp_path, dtype="float32").model_hash == hash_model(half.model)


def test_activation_checkpointing_does_not_change_gradients() -> None:
    config = parse_config(json.loads((GOLDEN / "parity-qwen2" / "config.json").read_text()), "config.json")
    found = []
    for checkpointed in (False, True):
        model = random_model(config, CPU, torch.float32, seed=3)
        model.activation_checkpointing = checkpointed
        attend = causal_attention("per-sequence", [5, 4], CPU)
        hidden = model.hidden(torch.arange(9), torch.tensor([0, 1, 2, 3, 4, 0, 1, 2, 3]), attend)
        found.append(torch.autograd.grad((hidden @ model.head_weight.T).square().sum(), list(model.weights.values())))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_weights_that_do_not_match_the_config_are_rejected() -> None:
    model = load_model(GOLDEN / "parity-llama").model
    with pytest.raises(ValueError, match=r"head\.weight"):
        Transformer(model.config, {name: w for name, w in model.weights.items() if name != "head.weight"})


def edited(tmp_path: Path, name: str, **change: Any) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(GOLDEN / f"parity-{name}", folder)
    config = json.loads((folder / "config.json").read_text()) | change
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt2"}, r'config\.json: expected "model_type" to be "llama" or "qwen2" or .*, got "gpt2"'),
        ({"hidden_size": None}, '"hidden_size" to be a whole number of at least 1, got nothing'),
        ({"num_hidden_layers": 2.5}, '"num_hidden_layers" to be a whole number.*got 2.5'),
        ({"vocab_size": "56"}, '"vocab_size" to be a whole number.*got "56"'),
        ({"vocab_size": True}, '"vocab_size" to be a whole number.*got true'),
        ({"rms_norm_eps": float("inf")}, '"rms_norm_eps" to be a number above 0'),
        ({"hidden_act": "gelu"}, '"hidden_act" to be "silu"'),
        ({"layer_types": ["sliding_attention"] * 2}, '"sliding_window" to be a window size'),
        ({"layer_types": ["mamba"] * 2}, '"layer_types" to be a list of 2 entries, each full_attention or'),
        ({"attention_bias": True}, '"attention_bias" to be false'),
        ({"tie_word_embeddings": 1}, '"tie_word_embeddings" to be true or false'),
        ({"num_key_value_heads": 3}, 'multiple of "num_key_value_heads", got 4 and 3'),
        ({"head_dim": 7}, 'an even "head_dim"'),
        ({"rope_parameters": {"rope_type": "mrope"}}, r'"rope_parameters\.rope_type" to be'),
        ({"rope_parameters": {"rope_type": "llama3"}}, r"rope_parameters\.factor"),
        ({"rope_parameters": 5}, '"rope_parameters" to be an object'),
        ({"hidden_size": 40}, r'"model.embed_tokens.weight" of shape \[56, 40\], got \[56, 32\]'),
    ],
)
def test_an_unsupported_config_is_rejected_naming_the_key(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(edited(tmp_path, "qwen2", **change))


def test_an_exported_config_describes_the_same_model() -> None:
    for name in ("qwen2", "llama"):
        config = parse_config(json.loads((GOLDEN / f"parity-{name}" / "config.json").read_text()), "config.json")
        exported = config_json(config)
        assert parse_config(exported, "config.json") == config
        assert "rope_parameters" not in exported
        if config.rope_scaling is None:
            assert parse_config(config_json(replace(config, source={})), "config.json") == config


def with_head(folder: Path, change: Callable[[Tensor], Tensor]) -> Path:
    """Adds an output matrix to a folder whose config ties it to the embedding."""
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"lm_head.weight": change(weights["model.embed_tokens.weight"])}, folder / "model.safetensors")
    return folder


def last_changed(values: Tensor) -> Tensor:
    changed = values.clone()
    changed[-1, -1] += 1
    return changed


def test_a_head_that_differs_from_a_tied_embedding_is_kept(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    folder = with_head(edited(tmp_path, "qwen2"), last_changed)
    found = load_model(folder, dtype="float32")
    assert not found.config.tie_embeddings
    tokens = torch.arange(9)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        assert torch.allclose(logits(found.model, tokens), theirs(tokens[None]).logits[0], atol=1e-4)
    export_model(found.model, tmp_path / "exported", "f32", [0])
    assert load_model(tmp_path / "exported").model_hash == found.model_hash


def test_a_head_in_another_shard_is_kept_too(tmp_path: Path) -> None:
    assert load_model(edited(tmp_path, "llama", tie_word_embeddings=True)).model_hash == HASHES["llama"]


def test_a_head_that_repeats_the_embedding_stays_tied(tmp_path: Path) -> None:
    folder = with_head(edited(tmp_path, "qwen2"), Tensor.clone)
    assert load_model(folder).model_hash == HASHES["qwen2"]


def cut(file: str, size: int) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_bytes((folder / file).read_bytes()[:size])


def written(file: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_text(text) and None


SECOND = "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), r"config\.json: expected a JSON file"),
        (written("config.json", '{"model_type": '), r"config\.json: expected JSON, got text"),
        (written("config.json", "[]"), "expected a JSON object"),
        (lambda folder: (folder / INDEX).unlink(), "expected model.safetensors or .*, got neither"),
        (lambda folder: (folder / INDEX).rename(folder / "pytorch_model.bin"), r"got pytorch_model\.bin.*: python"),
        (written(INDEX, "{}"), 'expected "weight_map" to be an object, got nothing'),
        (written(INDEX, '{"weight_map": {"a": "../x.safetensors"}}'), r"shard names, got"),
        (written(INDEX, '{"weight_map": {"a": 7}}'), r"shard names, got 7"),
        (written(INDEX, '{"weight_map": {}}'), 'a shard for "model.embed_tokens.weight"'),
        (lambda folder: (folder / SECOND).unlink(), f"expected the shard {SECOND} in the same folder"),
        (written(SECOND, "version https://git-lfs.github.com/spec/v1\n"), "complete safetensors file"),
        *((cut(SECOND, size), "complete safetensors file") for size in (30_255, 2000, 100, 7, 0)),
    ],
)
def test_a_damaged_folder_is_a_model_error(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    folder = edited(tmp_path, "llama")
    damage(folder)
    with pytest.raises(ModelError, match=message):
        load_model(folder)


def test_missing_devices_and_unknown_dtypes_are_rejected() -> None:
    with pytest.raises(ModelError, match="expected a model folder"):
        load_model(GOLDEN / "nowhere")
    for device in ("tpu", "cuda:99", "cuda:-1", "cpu:0", ""):
        with pytest.raises(ModelError, match="device"):
            load_model(GOLDEN / "parity-llama", device=device)
    with pytest.raises(ModelError, match="dtype"):
        load_model(GOLDEN / "parity-llama", dtype="int8")
