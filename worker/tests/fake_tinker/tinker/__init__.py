"""Stand-in for the Tinker SDK 0.38.0: the part of its documented contract that the worker uses, on local models.

A base model is a model folder. Adapters have all targets and alpha 32. `FAKE_TINKER=normalised` divides the weights of
each sequence by their sum, as SkyRL's JAX backend does.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import torch

from gradus_worker.learning.batch_loss import TrainingSequence
from gradus_worker.learning.checkpoint import StateOwner, load_state, save_state
from gradus_worker.learning.optimizer import OptimSettings
from gradus_worker.learning.scorer import Scorer
from gradus_worker.learning.trainer import Trainer
from gradus_worker.model.lora import TARGETS, Adapters, LoraSettings, LoraTransformer
from gradus_worker.model.model_folder import load_model
from gradus_worker.model.transformer import Transformer
from gradus_worker.sampling.completion import SamplePrompt, SampleSettings
from gradus_worker.sampling.sampler import Sampler

ALPHA = 32
_SPEC = {"policy": {"type": "cross-entropy"}, "kl": None, "entropy": None, "importance": None, "temperature": 1}
_OWNER = StateOwner("fake")
_SERVER = ThreadPoolExecutor(1)
"""Carries out requests in the order of their submission."""


class TinkerError(Exception):
    """Root of the SDK's errors."""


class _APIFuture:
    def __init__(self, work: Callable[[], Any]) -> None:
        self._future = _SERVER.submit(work)

    def result(self, timeout: float | None = None) -> Any:
        return self._future.result(timeout)

    def future(self) -> Future[Any]:
        return self._future


@dataclass
class _ModelInput:
    ints: list[int]

    @classmethod
    def from_ints(cls, tokens: list[int]) -> Self:
        return cls(tokens)

    @property
    def length(self) -> int:
        return len(self.ints)


@dataclass
class _TensorData:
    values: np.ndarray

    @classmethod
    def from_numpy(cls, array: np.ndarray) -> Self:
        assert array.dtype in (np.int64, np.float32)
        return cls(array)

    def to_numpy(self) -> np.ndarray:
        return self.values


@dataclass
class _Datum:
    model_input: _ModelInput
    loss_fn_inputs: dict[str, _TensorData]


@dataclass
class _AdamParams:
    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-12
    weight_decay: float = 0.0
    grad_clip_norm: float = 0.0


@dataclass
class _SamplingParams:
    max_tokens: int | None = None
    seed: int | None = None
    stop: Sequence[int] | None = None
    temperature: float = 1
    top_k: int = -1
    top_p: float = 1


@dataclass
class _Sequence:
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stop_reason: str = "length"


types = SimpleNamespace(
    ModelInput=_ModelInput,
    TensorData=_TensorData,
    Datum=_Datum,
    AdamParams=_AdamParams,
    SamplingParams=_SamplingParams,
    SampleResponse=SimpleNamespace,
)


class ServiceClient:
    def create_lora_training_client(self, base_model: str, rank: int = 32, seed: int | None = None) -> _APIFuture:
        return _APIFuture(lambda: TrainingClient(base_model, rank))

    def create_training_client_from_state(self, path: str) -> _APIFuture:
        return _APIFuture(lambda: TrainingClient.restored(path, with_optimizer=False))

    def create_training_client_from_state_with_optimizer(self, path: str) -> _APIFuture:
        return _APIFuture(lambda: TrainingClient.restored(path, with_optimizer=True))

    def create_sampling_client(self, model_path: str | None = None, base_model: str | None = None) -> _APIFuture:
        if base_model is not None:
            return _APIFuture(lambda: SamplingClient(load_model(Path(base_model)).model))
        assert model_path is not None
        return _APIFuture(lambda: TrainingClient.restored(model_path, with_optimizer=True).snapshot())


class TrainingClient:
    def __init__(self, base_model: str, rank: int) -> None:
        self._base_model, self._rank = base_model, rank
        self._base = load_model(Path(base_model)).model
        for weight in self._base.weights.values():
            weight.requires_grad_(False)
        self._adapters = Adapters(self._base, LoraSettings(rank, ALPHA, TARGETS))
        self._trainer = Trainer(
            LoraTransformer(self._adapters),
            self._adapters.weights,
            head_size=self._base.config.head_size,
            token_budget=64,
            rules=self._base.config.attention,
        )

    @classmethod
    def restored(cls, path: str, *, with_optimizer: bool) -> TrainingClient:
        folder = Path(path.removeprefix("tinker://"))
        base_model, rank = (folder / "of").read_text().split("\n")
        found = cls(base_model, int(rank))
        found._trainer.restore(load_state(folder, _OWNER))
        if not with_optimizer:
            found._trainer.renew_optimizer()
        return found

    def forward(self, data: list[_Datum], loss_fn: str) -> _APIFuture:
        assert loss_fn == "cross_entropy"
        sequences = list(map(_sequence, data))
        tokens, targets = [s.tokens for s in sequences], [s.targets for s in sequences]
        return _APIFuture(lambda: self._output(self._trainer.scorer.logprobs(tokens, targets=targets)))

    def forward_backward(self, data: list[_Datum], loss_fn: str) -> _APIFuture:
        assert loss_fn == "cross_entropy"
        return _APIFuture(
            lambda: self._output(self._trainer.forward_backward(list(map(_sequence, data)), _SPEC).logprobs)
        )

    def optim_step(self, optim_params: _AdamParams) -> _APIFuture:
        p = optim_params
        clip = p.grad_clip_norm or None
        settings = OptimSettings(p.learning_rate, p.beta1, p.beta2, p.eps, p.weight_decay, clip)
        return _APIFuture(lambda: SimpleNamespace(metrics={"grad_norm": self._trainer.optim_step(settings).grad_norm}))

    def save_state(self, name: str) -> _APIFuture:
        return _APIFuture(lambda: self._save(name))

    def save_weights_for_sampler(self, name: str) -> _APIFuture:
        return _APIFuture(lambda: self._save(f"{name}-sampler"))

    def save_weights_and_get_sampling_client(self) -> _APIFuture:
        return _APIFuture(self.snapshot)

    def snapshot(self) -> SamplingClient:
        return SamplingClient(self._adapters.merged(self._base.dtype))

    def _save(self, name: str) -> SimpleNamespace:
        folder = Path(os.environ.get("FAKE_TINKER_FOLDER", tempfile.gettempdir())) / name
        save_state(folder, self._trainer.state(), self._trainer.updates, _OWNER)
        (folder / "of").write_text(f"{self._base_model}\n{self._rank}")
        return SimpleNamespace(path=f"tinker://{folder}")

    @staticmethod
    def _output(logprobs: list[torch.Tensor]) -> SimpleNamespace:
        found = [{"logprobs": _TensorData(values[1:].numpy())} for values in logprobs]
        return SimpleNamespace(loss_fn_outputs=found)


class SamplingClient:
    def __init__(self, model: Transformer) -> None:
        self._model = model

    def sample(self, prompt: _ModelInput, num_samples: int, sampling_params: _SamplingParams) -> _APIFuture:
        assert num_samples == 1
        return _APIFuture(lambda: SimpleNamespace(sequences=[self._sample(prompt.ints, sampling_params)]))

    def compute_logprobs(self, prompt: _ModelInput) -> _APIFuture:
        scorer = Scorer(self._model, head_size=self._model.config.head_size, token_budget=64)
        return _APIFuture(lambda: [None, *scorer.logprobs([torch.tensor(prompt.ints)])[0][1:].tolist()])

    def _sample(self, prompt: list[int], p: _SamplingParams) -> _Sequence:
        assert p.stop is not None
        assert p.max_tokens is not None
        sampler = Sampler(self._model, p.stop, slots=1, cache_bytes=1 << 20)
        settings = SampleSettings(p.max_tokens, p.temperature, p.top_p, max(0, p.top_k), stream=False)
        keys = np.array([p.seed], np.uint32)
        sampler.add(0, [SamplePrompt(np.array(prompt, np.int32), 0, keys)], settings)
        found = _Sequence()
        while sampler.busy:
            for piece in (piece for progress in sampler.step() for piece in progress.pieces):
                found.tokens += piece.tokens.tolist()
                found.logprobs += piece.logprobs.tolist()
                found.stop_reason = piece.finish_reason or found.stop_reason
        return found


def _sequence(datum: _Datum) -> TrainingSequence:
    inputs = {name: torch.from_numpy(one.values) for name, one in datum.loss_fn_inputs.items()}
    ints = torch.tensor(datum.model_input.ints)
    # No later token reads the last target.
    tokens = torch.cat([ints, inputs["target_tokens"][-1:]])
    targets = torch.cat([ints[:1], inputs["target_tokens"]])
    weights = torch.cat([torch.zeros(1), inputs["weights"]])
    if os.environ.get("FAKE_TINKER") == "normalised":
        weights = weights / weights.sum().clamp_min(1e-9)
    nothing = torch.zeros(len(tokens))
    return TrainingSequence(tokens, weights, nothing, nothing, targets=targets)
