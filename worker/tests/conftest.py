"""Fixtures. Tests use one thread, because their tensors are too small for more."""

import os
from pathlib import Path

# Set before Triton is imported: its kernels then run on the CPU, as ordinary Python.
os.environ["TRITON_INTERPRET"] = "1"

import pytest
import torch
from reference_sampler import GOLDEN, SETTINGS, SHAPES, Written, prompts, reference_sample

from gradus_worker.model.config import ModelConfig
from gradus_worker.model.model_folder import export_model, load_model, random_model
from gradus_worker.model.transformer import Transformer

torch.set_num_threads(1)

TINY = ModelConfig(
    architecture="qwen2",
    vocab_size=61,
    hidden_size=32,
    layers=2,
    heads=4,
    key_value_heads=2,
    head_size=8,
    intermediate_size=48,
    norm_epsilon=1e-6,
    rope_theta=10_000,
    rope_scaling=None,
    max_positions=128,
    tie_embeddings=True,
    attention_bias=True,
)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the Hugging Face folder of a random model with 2 layers and 61 words. Read-only."""
    folder = tmp_path_factory.mktemp("tiny")
    model = random_model(TINY, torch.device("cpu"), torch.float32, seed=1)
    with torch.no_grad():
        for weight in model.weights.values():
            weight.mul_(5 if weight.dim() > 1 else 1)
    export_model(model, folder, "f32", [0])
    return folder


@pytest.fixture(scope="module")
def model() -> Transformer:
    return load_model(GOLDEN / "parity-llama").model


@pytest.fixture(scope="module")
def expected(model: Transformer) -> dict[str, Written]:
    """Returns completions of the reference sampler, by the name of the settings."""
    return {name: reference_sample(model, prompts(*SHAPES), settings) for name, settings in SETTINGS.items()}
