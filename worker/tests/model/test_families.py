"""Compares every supported family with transformers, as `test/conformance/families.test.ts` does for the embedded
engine."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from reference_sampler import SampleSettings, sample
from torch import Tensor

from gradus_worker.learning.scorer import Scorer
from gradus_worker.model.config import ModelConfig
from gradus_worker.model.json_file import ModelError
from gradus_worker.model.lora import Adapters, LoraSettings, LoraTransformer
from gradus_worker.model.model_folder import export_model, hash_model, load_model, random_model
from gradus_worker.model.packed_attention import causal_attention
from gradus_worker.model.transformer import Transformer
from gradus_worker.sampling.sampler import SamplePrompt, Sampler

GOLDEN = Path(__file__).parents[3] / "test" / "golden" / "families"
NAMES = sorted(folder.name for folder in GOLDEN.iterdir())
CPU = torch.device("cpu")


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / name / "expected.json").read_text())
    return found


def scorer(model: Transformer) -> Scorer:
    config = model.config
    sizes = {"head_size": config.head_size, "token_budget": 100}
    return Scorer(model, rules=config.attention, **sizes)


def logits(model: Transformer, tokens: Tensor) -> Tensor:
    attend = causal_attention("per-sequence", [len(tokens)], CPU, rules=model.config.attention)
    return model.logits(model.hidden(tokens, torch.arange(len(tokens)), attend))


@pytest.mark.parametrize("name", NAMES)
def test_logits_and_logprobs_equal_those_of_transformers(name: str) -> None:
    wanted, model = expected(name), load_model(GOLDEN / name, dtype="float32").model
    tokens = torch.tensor(wanted["tokens"])
    with torch.no_grad():
        assert (logits(model, tokens)[-2:] - torch.tensor(wanted["logits"])).abs().max() < 1e-4
    # Two sequences: the second must not see the first.
    found = scorer(model).logprobs([tokens[:9], tokens])
    assert (found[0][1:] - torch.tensor(wanted["logprobs"][:8])).abs().max() < 1e-4
    assert (found[1][1:] - torch.tensor(wanted["logprobs"])).abs().max() < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_those_of_transformers(name: str) -> None:
    wanted, model = expected(name), load_model(GOLDEN / name, dtype="float32").model
    logprobs, _ = scorer(model).forward([torch.tensor(wanted["tokens"])], 1.0)
    found = torch.autograd.grad(logprobs[1:].mean(), list(model.weights.values()))
    by_part = Transformer(model.config, dict(zip(model.weights, found, strict=True))).parts()
    assert {part.name for part, _ in by_part} == wanted["gradient"].keys()
    for part, gradient in by_part:
        norm, projection = wanted["gradient"][part.name]
        flat = gradient.double().flatten()
        ours = float(flat @ torch.arange(1, len(flat) + 1, dtype=torch.float64).cos())
        assert abs(float(flat.norm()) - norm) < 1e-3 * norm + 1e-6, part.name
        assert abs(ours - projection) < 1e-3 * norm + 1e-6, part.name


@pytest.mark.parametrize("name", NAMES)
def test_the_greedy_continuation_is_that_of_transformers(name: str) -> None:
    wanted, model = expected(name), load_model(GOLDEN / name, dtype="float32").model
    prompt = SamplePrompt(np.array(wanted["tokens"], np.int32), 0, np.array([1]))
    settings = SampleSettings(len(wanted["greedy"]), temperature=0, top_p=1, top_k=0, stream=False)
    found = sample(Sampler(model, end_tokens=[0], slots=4), [prompt], settings)
    greedy = wanted["greedy"]
    end = greedy.index(0) + 1 if 0 in greedy else len(greedy)
    assert found[0, 0][0] == greedy[:end]


@pytest.mark.parametrize("name", NAMES)
def test_an_export_loads_in_transformers_and_in_the_worker(name: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    wanted, loaded = expected(name), load_model(GOLDEN / name, dtype="float32")
    export_model(loaded.model, tmp_path, "f32", [0, 5])
    again = load_model(tmp_path)
    assert again.config == loaded.config
    assert again.model_hash == loaded.model_hash == hash_model(loaded.model)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, dtype=torch.float32, attn_implementation="eager"
    )
    with torch.no_grad():
        found = theirs(torch.tensor([wanted["tokens"]])).logits[0, -2:]
    assert (found - torch.tensor(wanted["logits"])).abs().max() < 1e-4


@pytest.mark.parametrize("name", ["qwen3", "gemma2", "olmo2"])
def test_a_new_model_begins_with_norms_of_factor_one(name: str) -> None:
    config = load_model(GOLDEN / name).config
    model = random_model(config, CPU, torch.float32, seed=1)
    assert logits(model, torch.arange(6)).std() < 1
    assert float(model.weights["norm.weight"].detach().mean()) == (0 if config.norm_offset else 1)


def adapters(config: ModelConfig, *targets: str) -> Adapters:
    return Adapters(random_model(config, CPU, torch.float32, seed=2), LoraSettings(2, 4, targets))


def test_adapters_of_joined_matrices_are_named_as_in_the_checkpoint() -> None:
    found = adapters(load_model(GOLDEN / "phi3").config, "q_proj", "v_proj", "up_proj")
    assert found.settings.targets == ("qkv_proj", "gate_up_proj")
    assert "model.layers.1.self_attn.qkv_proj.lora_A" in found.weights
    with torch.no_grad():
        for weight in found.weights.values():
            weight.normal_(std=0.1)
        beside, merged = (
            logits(model, torch.arange(6)) for model in (LoraTransformer(found), found.merged(torch.float32))
        )
    assert torch.allclose(beside, merged, atol=1e-5)


def test_adapters_of_experts_are_rejected() -> None:
    config = load_model(GOLDEN / "qwen3-moe").config
    with pytest.raises(ModelError, match="for a mixture of experts, got q_proj, up_proj"):
        adapters(config, "q_proj", "up_proj")
