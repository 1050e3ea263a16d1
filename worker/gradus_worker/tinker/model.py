"""A model on a Tinker service, in terms of tensors. The only file that uses the SDK.

One primitive carries every loss: `forward_backward` with `cross_entropy` adds the gradient of -sum(weights * logprobs),
for weights of any sign.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any

import numpy as np
import tinker
import torch
from tinker import types
from torch import Tensor

from ..learning.optimizer import OptimSettings
from ..log import log_line
from ..pause import Pause
from ..protocol.messages import RequestError
from ..sampling.remote import Question, Written, relay

_PAUSE_SECONDS = 0.05
_SEED = 0
"""Seed of new adapters, so that a run can be repeated."""


@dataclass(frozen=True)
class Weighted:
    """A sequence with the weights of its log-probabilities; all arrays [T]."""

    tokens: Tensor
    targets: Tensor
    """Tokens to predict: `tokens`, unless the loss has other targets."""
    weights: Tensor


class TinkerModel:
    """Adapters of a base model. `pause` is called while the service works, and ends the wait by raising."""

    def __init__(self, service: tinker.ServiceClient, base_model: str, rank: int, pause: Pause) -> None:
        self._service, self._base_model, self._pause = service, base_model, pause
        self._client = self._wait(service.create_lora_training_client(base_model=base_model, rank=rank, seed=_SEED))

    def logprobs(self, sequences: Sequence[Tensor], targets: Sequence[Tensor] | None = None) -> list[Tensor]:
        """Returns float32 [T] per sequence, for its tokens or for the targets in their places; entry 0 is 0."""
        pairs = zip(sequences, sequences if targets is None else targets, strict=True)
        data, places = _data([Weighted(*pair, torch.zeros(len(pair[0]))) for pair in pairs])
        found = [torch.zeros(len(tokens)) for tokens in sequences]
        if data:
            outputs = self._wait(self._client.forward(data, "cross_entropy")).loss_fn_outputs
            for place, output in zip(places, outputs, strict=True):
                found[place][1:] = torch.from_numpy(output["logprobs"].to_numpy().astype(np.float32))
        return found

    def step(self, batch: Sequence[Weighted], settings: OptimSettings) -> dict[str, float]:
        """Applies AdamW to the gradient of -sum(weights * logprobs); returns the metrics of the service."""
        data, _ = _data(batch)
        gradient = self._client.forward_backward(data, "cross_entropy") if data else None
        # Submitted before the gradient is available, so that the service carries out both in one cycle.
        update = self._client.optim_step(
            types.AdamParams(
                learning_rate=settings.learning_rate,
                beta1=settings.beta1,
                beta2=settings.beta2,
                eps=settings.epsilon,
                weight_decay=settings.weight_decay,
                grad_clip_norm=settings.max_grad_norm or 0.0,
            )
        )
        if gradient is not None:
            self._wait(gradient)
        return dict(self._wait(update).metrics or {})

    def save(self, *, weights_only: bool) -> dict[str, str]:
        """Saves the adapters on the service; returns addresses: `sampler`, and `training` with the optimizer."""
        name = f"gradus-{secrets.token_hex(8)}"
        sampler = self._client.save_weights_for_sampler(name)
        training = None if weights_only else self._client.save_state(name)
        found = {"sampler": self._wait(sampler).path}
        return found if training is None else {**found, "training": self._wait(training).path}

    def load(self, address: str, *, new_optimizer: bool) -> None:
        """Continues from a saved state, in a new training run of the service."""
        create = self._service.create_training_client_from_state
        if not new_optimizer:
            create = self._service.create_training_client_from_state_with_optimizer
        self._client = self._wait(create(address))

    def sampler(self) -> TinkerSampler:
        """Returns a sampler with the current weights, which later updates do not change."""
        return TinkerSampler(self._wait(self._client.save_weights_and_get_sampling_client()))

    def _wait(self, future: Any) -> Any:
        return wait_for(future, self._pause)


class TinkerSampler:
    """A snapshot of a model that samples and scores."""

    def __init__(self, client: tinker.SamplingClient) -> None:
        self._client = client

    @classmethod
    def open(cls, service: tinker.ServiceClient, pause: Pause, **of: str) -> TinkerSampler:
        """Opens the base model (`base_model`) or saved sampler weights (`model_path`)."""
        return cls(wait_for(service.create_sampling_client(**of), pause))

    def logprobs(self, sequences: Sequence[Tensor], pause: Pause) -> list[Tensor]:
        """Returns float32 [T] per sequence; entry 0 is 0."""
        prompts = [types.ModelInput.from_ints(tokens.tolist()) for tokens in sequences]
        futures = [self._client.compute_logprobs(prompt) if prompt.length > 1 else None for prompt in prompts]
        found = [[0.0] if future is None else wait_for(future, pause) for future in futures]
        return [torch.tensor([0.0, *values[1:]], dtype=torch.float32) for values in found]

    def ask(self, question: Question, end_tokens: Sequence[int]) -> Future[Written]:
        """Starts a completion. The service reports log-probabilities at temperature 1, regardless of the sampling
        temperature."""
        settings = question.settings
        parameters = types.SamplingParams(
            max_tokens=question.max_tokens,
            seed=question.seed,
            stop=list(end_tokens),
            temperature=settings.temperature,
            top_k=settings.top_k or -1,
            top_p=settings.top_p,
        )
        prompt = types.ModelInput.from_ints(question.tokens.tolist())
        answered = self._client.sample(prompt=prompt, num_samples=1, sampling_params=parameters).future()
        return relay(answered, _written, answered.cancel)


def wait_for(future: Any, pause: Pause) -> Any:
    """Waits for a future of the SDK. Raises RequestError for an error of the service."""
    while True:
        try:
            return future.result(timeout=_PAUSE_SECONDS)
        except (TimeoutError, FutureTimeout):
            pause()
        except tinker.TinkerError as error:
            log_line(f"the Tinker service failed: {error}")
            raise RequestError("internal", f"the Tinker service failed ({type(error).__name__}: {error})") from error


def _data(batch: Sequence[Weighted]) -> tuple[list[types.Datum], list[int]]:
    """Returns a datum with its place for each sequence of at least two tokens: target t follows the tokens before t."""
    places = [place for place, one in enumerate(batch) if len(one.tokens) > 1]
    data = [
        types.Datum(
            model_input=types.ModelInput.from_ints(one.tokens[:-1].tolist()),
            loss_fn_inputs={
                "target_tokens": types.TensorData.from_numpy(one.targets[1:].numpy().astype(np.int64)),
                "weights": types.TensorData.from_numpy(one.weights[1:].numpy().astype(np.float32)),
            },
        )
        for one in map(batch.__getitem__, places)
    ]
    return data, places


def _written(response: types.SampleResponse) -> Written:
    (sequence,) = response.sequences
    if sequence.logprobs is None or len(sequence.logprobs) != len(sequence.tokens):
        raise RequestError("internal", "the Tinker service returned tokens without log-probabilities")
    tokens, logprobs = np.array(sequence.tokens, np.int32), np.array(sequence.logprobs, np.float32)
    return Written(tokens, logprobs, "stop" if sequence.stop_reason == "stop" else "length")
