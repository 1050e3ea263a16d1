"""Adapters: training with a frozen base, sampling from merged weights, states, and folders in PEFT's layout."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import TINY
from fake_client import LORA, STEP, Client, local_client, sampling, scoring, training
from safetensors.torch import load_file
from torch import Tensor

from gradus_worker.model.lora import TARGETS, Adapters, LoraSettings, LoraTransformer
from gradus_worker.model.model_folder import random_model
from gradus_worker.model.packed_attention import causal_attention
from gradus_worker.model.transformer import Transformer

CPU = torch.device("cpu")
SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4]]


def hidden(model: Transformer) -> Tensor:
    tokens = torch.tensor(SEQUENCES[0])
    return model.hidden(tokens, torch.arange(6), causal_attention("per-sequence", [6], CPU))


def adapters(*targets: str) -> Adapters:
    base = random_model(TINY, CPU, torch.float32, seed=2)
    for weight in base.weights.values():
        weight.requires_grad_(False)
        weight.mul_(5 if weight.dim() > 1 else 1)
    return Adapters(base, LoraSettings(3, 6, targets))


def stir(found: Adapters) -> Adapters:
    torch.manual_seed(4)
    with torch.no_grad():
        for weight in found.weights.values():
            weight.copy_(torch.randn_like(weight) * 0.1)
    return found


def test_new_adapters_change_nothing_and_are_deterministic() -> None:
    one, two = adapters(*TARGETS), adapters(*TARGETS)
    assert torch.equal(hidden(LoraTransformer(one)), hidden(one.base))
    assert all(torch.equal(value, two.weights[name]) for name, value in one.weights.items())
    assert all(value.abs().max() > 0 for name, value in one.weights.items() if name.endswith("A"))


@pytest.mark.parametrize(
    "targets", [("q_proj",), ("k_proj",), ("v_proj", "q_proj"), ("up_proj",), ("o_proj", "gate_proj"), TARGETS]
)
def test_separate_and_merged_adapters_have_equal_outputs_and_gradients(targets: tuple[str, ...]) -> None:
    found = stir(adapters(*targets))
    beside = hidden(LoraTransformer(found))
    assert torch.allclose(beside, hidden(found.merged(torch.float32)), atol=1e-5)
    assert not torch.allclose(beside, hidden(found.base), atol=1e-3)
    merged = dict(found.base.weights)
    for name, some in found.targets.items():
        merged[name] = found.base.weights[name].clone()
        for part in some:
            a, b = found.pair(part)
            merged[name][part.start : part.end] += 2 * b @ a
    slopes = [
        torch.autograd.grad(value.square().sum(), list(found.weights.values()))
        for value in (beside, hidden(Transformer(TINY, merged)))
    ]
    assert all(torch.allclose(a, b, atol=1e-4, rtol=1e-4) for a, b in zip(*slopes, strict=True))


def learn(client: Client, steps: int) -> None:
    for _ in range(steps):
        client.ask("forwardBackward", **training(SEQUENCES))
        assert client.ask("optimStep", **STEP).result["applied"]


def logprobs(client: Client, which: str = "policy") -> Any:
    return client.ask("logprobs", **scoring(SEQUENCES, which)).tensors["logprobs"]


def test_an_adapter_session_learns_saves_and_restores(tiny_folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with local_client(tiny_folder) as full, local_client(tiny_folder, lora=LORA) as client:
        before = logprobs(client)
        assert np.array_equal(before, logprobs(full))
        learn(client, 2)
        after = logprobs(client)
        assert np.abs(after - before).max() > 0.01
        assert np.array_equal(logprobs(client, "reference"), before)
        drawn = client.ask("sample", **sampling([[5, 6, 7]], 4, 8))
        (part,) = [tensors for header, tensors in drawn.parts if len(header["sequences"]) > 0][:1]
        first = drawn.parts[0][0]["sequences"][0]
        tokens = drawn.completions[first["prompt"], first["index"]]
        scored = client.ask("logprobs", **scoring([[5, 6, 7, *tokens]])).tensors["logprobs"]
        assert np.allclose(scored[3:], part["logprobs"][: len(tokens)], atol=1e-4)

        client.ask("saveState", dir=str(state))
        (data,) = state.glob("state-*")
        assert all("lora_" in name for name in load_file(data))
        assert full.ask("loadState", dir=str(state)).code == "bad-request"
        learn(client, 2)
        later = logprobs(client)
    with local_client(tiny_folder, lora=LORA) as client:
        assert client.ask("loadState", dir=str(state)).result["policyVersion"] == 2
        assert np.array_equal(logprobs(client), after)
        # The merged copy is restored too.
        again = client.ask("sample", **sampling([[5, 6, 7]], 4, 8))
        assert again.completions == drawn.completions
        learn(client, 2)
        assert np.array_equal(logprobs(client), later)
    with local_client(tiny_folder, lora={**LORA, "alpha": 12}) as client:
        refused = client.ask("loadState", dir=str(state))
        assert "expected a state of adapters" in refused.header["message"]


def exported(folder: Path, tmp_path: Path) -> tuple[Path, Any]:
    """Exports a trained model; returns the folder and the log-probabilities."""
    with local_client(folder, lora=LORA) as client:
        learn(client, 2)
        assert client.ask("exportModel", dir=str(tmp_path / "out"), dtype="f32").result == {}
        return tmp_path / "out", logprobs(client)


def test_the_export_contains_the_merged_model(tiny_folder: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    out, expected = exported(tiny_folder, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    with torch.no_grad():
        logs = theirs(torch.tensor([SEQUENCES[0]])).logits[0].log_softmax(1)
    found = logs[:-1].gather(1, torch.tensor(SEQUENCES[0])[1:, None])[:, 0]
    assert np.allclose(found.numpy(), expected[1:6], atol=1e-4)


def test_training_continues_from_exported_adapters(tiny_folder: Path, tmp_path: Path) -> None:
    out, expected = exported(tiny_folder, tmp_path)
    lora = {**LORA, "adapter": str(out / "adapter")}
    with local_client() as plain, local_client() as client:
        base = plain.create(tiny_folder).result
        created = client.create(tiny_folder, lora=lora).result
        assert created["modelHash"] != base["modelHash"]
        assert np.array_equal(logprobs(client), expected)
        assert np.array_equal(logprobs(client, "reference"), logprobs(plain))
    with local_client() as client:
        assert client.create(tiny_folder, lora=lora).result["modelHash"] == created["modelHash"]


def test_the_adapter_folder_has_the_layout_of_peft(tiny_folder: Path, tmp_path: Path) -> None:
    out, _ = exported(tiny_folder, tmp_path)
    config = json.loads((out / "adapter" / "adapter_config.json").read_text())
    assert (config["peft_type"], config["task_type"]) == ("LORA", "CAUSAL_LM")
    assert (config["r"], config["lora_alpha"]) == (3, 6)
    assert config["target_modules"] == ["down_proj", "q_proj", "v_proj"]
    tensors = load_file(out / "adapter" / "adapter_model.safetensors")
    places = [
        f"base_model.model.model.layers.{layer}.{module}.lora_{kind}.weight"
        for layer in range(2)
        for module in ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj")
        for kind in "AB"
    ]
    assert sorted(tensors) == sorted(places)
    assert tensors["base_model.model.model.layers.1.mlp.down_proj.lora_A.weight"].shape == (3, 48)
    assert tensors["base_model.model.model.layers.1.mlp.down_proj.lora_B.weight"].shape == (32, 3)


def test_peft_loads_the_adapter_folder(tiny_folder: Path, tmp_path: Path) -> None:
    peft, transformers = pytest.importorskip("peft"), pytest.importorskip("transformers")
    out, expected = exported(tiny_folder, tmp_path)
    base = transformers.AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    model = peft.PeftModel.from_pretrained(base, out / "adapter")
    with torch.no_grad():
        logs = model(torch.tensor([SEQUENCES[0]])).logits[0].log_softmax(1)
    found = logs[:-1].gather(1, torch.tensor(SEQUENCES[0])[1:, None])[:, 0]
    assert np.allclose(found.numpy(), expected[1:6], atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r": 4}, "expected an adapter with"),
        ({"use_dora": True}, '"use_dora" to be false'),
        ({"modules_to_save": ["lm_head"]}, '"modules_to_save" to be nothing'),
        ({"rank_pattern": {"q_proj": 2}}, '"rank_pattern"'),
        ({"target_modules": "all-linear"}, "expected an adapter with"),
        ({"target_modules": ["q_proj"]}, "expected an adapter with"),
        ("cut", "expected a complete safetensors file"),
        ("gone", "expected a complete safetensors file"),
        ("other", "expected 'base_model"),
        ("no config", "expected a JSON file"),
    ],
)
def test_an_adapter_with_other_settings_is_rejected(
    tiny_folder: Path, tmp_path: Path, change: dict[str, Any] | str, message: str
) -> None:
    folder = exported(tiny_folder, tmp_path)[0] / "adapter"
    config, weights = folder / "adapter_config.json", folder / "adapter_model.safetensors"
    if isinstance(change, dict):
        config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    elif change == "cut":
        weights.write_bytes(weights.read_bytes()[:-5])
    elif change == "gone":
        weights.unlink()
    elif change == "other":
        shutil.copy(tiny_folder / "model.safetensors", weights)
    else:
        config.unlink()
    with local_client() as client:
        refused = client.create(tiny_folder, lora={**LORA, "adapter": str(folder)})
        assert refused.code == "bad-request"
        assert message in refused.header["message"]


def test_targets_that_are_not_linear_layers_are_rejected(tiny_folder: Path) -> None:
    with local_client() as client:
        refused = client.create(tiny_folder, lora={**LORA, "targets": ["embed_tokens"]})
        assert "expected some of q_proj" in refused.header["message"]
