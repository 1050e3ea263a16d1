"""Engine of a session whose weights are on a Tinker service. Computes losses here, from the log-probabilities."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tinker
import torch
from torch import Tensor

from ..atomic import atomic_file
from ..learning.batch_loss import LossStats, TrainingSequence, loss_stats, loss_tokens, measure
from ..learning.batch_requests import (
    check_ids,
    flat_array,
    loss_result,
    target_sequences,
    token_sequences,
    training_sequences,
)
from ..learning.losses import Spec, loss_terms
from ..learning.optimizer import OptimSettings
from ..learning.scorer import cut
from ..learning.shard_files import StateError
from ..model.config_file import class_name, parse_config
from ..model.json_file import read_json
from ..model.weight_layout import weight_shapes
from ..pause import Pause
from ..protocol.messages import Reply, Request, bad_request
from ..sampling.remote import Question, RemoteSampler, Written
from ..stats import ratio_percentiles
from .contract import check_contract
from .model import TinkerModel, TinkerSampler, Weighted

if TYPE_CHECKING:
    from ..server.server import OpenEngine

_FORMAT = "gradus-tinker-state@1"
_MANIFEST = "engine-state.json"
_PROBE_TOKENS = 32


@contextmanager
def tinker_engines(base_model: str, rank: int) -> Iterator[OpenEngine]:
    """Opens engines on the service at `TINKER_BASE_URL`, by default Thinking Machines', with `TINKER_API_KEY`."""

    def open_engine(request: Request, pause: Pause) -> TinkerEngine:
        try:
            return TinkerEngine(request, pause, tinker.ServiceClient(), base_model, rank)
        except tinker.TinkerError as error:
            raise bad_request(
                f"cannot open the Tinker service ({type(error).__name__}: {error}); "
                "check TINKER_BASE_URL and TINKER_API_KEY"
            ) from error

    yield open_engine


class TinkerEngine:
    """Created by `createModel`, whose folder has the tokenizer and `config.json` of the base model.

    The gradient of a step is kept locally as weights per token, and sent with the update. Therefore a failed or
    non-finite step leaves no gradient on the service.
    """

    def __init__(
        self, request: Request, pause: Pause, service: tinker.ServiceClient, base_model: str, rank: int
    ) -> None:
        folder = Path(request["model"])
        self._config = parse_config(read_json(folder / "config.json"), str(folder / "config.json"))
        self._end_tokens = request["endTokens"]
        check_ids(np.array(self._end_tokens), "endTokens", self._config)
        if request["lora"] is not None:
            raise bad_request("lora: expected null with --tinker; set the rank with --lora-rank")
        self._service, self._base_model, self._rank, self._pause = service, base_model, rank, pause
        self._model: TinkerModel | None = None
        if request["train"]:
            check_contract(TinkerModel(service, base_model, rank, pause), self._probe())
            self._model = TinkerModel(service, base_model, rank, pause)
        self._reference: TinkerSampler | None = None
        self._written_by: TinkerSampler | None = None
        self._policy_version = 0
        self._gradient: list[Weighted] = []
        """The gradient of the step so far."""
        self._counts = {"trainer/tokens": 0.0, "trainer/seconds": 0.0}
        self._measured: dict[str, float] = {}
        self.sampler = RemoteSampler(self, self._config.vocab_size, self._config.max_positions)
        host = os.environ.get("TINKER_BASE_URL", "Tinker")
        self.created = Reply(
            {
                "modelHash": self._hash(),
                "architecture": class_name(self._config),
                "parameters": sum(math.prod(shape) for shape in weight_shapes(self._config).values()),
                "vocabSize": self._config.vocab_size,
                "maxSequenceTokens": self._config.max_positions,
                "device": f"{host}: {base_model}",
                "dtype": f"LoRA rank {rank}",
                "policyVersion": 0,
            }
        )

    def carry_out(self, request: Request) -> Reply:
        """Carries out any ordered request except `createModel` and `sample`."""
        match request.type:
            case "logprobs":
                return self._logprobs(request)
            case "forwardBackward":
                return self._forward_backward(request)
            case "gradientNorm":
                raise bad_request("gradientNorm: a Tinker service does not report the norm of a gradient")
            case "optimStep":
                return self._optim_step(request)
            case "saveState":
                return self._save_state(request)
            case "loadState":
                return self._load_state(request)
            case "exportModel":
                address = self._learner(request).save(weights_only=True)["sampler"]
                self._write(Path(request["dir"]), "tinker.json", {"baseModel": self._base_model, "path": address})
                return Reply()
        raise AssertionError(request.type)

    def drop_gradient(self) -> None:
        self._gradient = []

    def stats(self) -> dict[str, float]:
        """Returns metrics by name: of the sampler, of the trainer, and of the service for the last update."""
        return {**self.sampler.stats(), **self._counts, **self._measured}

    def close(self) -> None:
        """Does nothing: the service ends idle sessions."""

    def publish(self) -> None:
        """Opens a snapshot of the current weights to sample from."""
        if self._model is not None:
            self._written_by = self._model.sampler()
        elif self._written_by is None:
            self._written_by = self._base()

    def ask(self, question: Question) -> Future[Written]:
        """Starts a completion."""
        assert self._written_by is not None
        return self._written_by.ask(question, self._end_tokens)

    def finish(self, question: Question, written: Written) -> Written:
        """Returns the completion unchanged."""
        return written

    def figures(self) -> Mapping[str, float]:
        return {}

    def _logprobs(self, request: Request) -> Reply:
        sequences = token_sequences(request, self._config)
        _check_temperature(request["temperature"])
        targets = target_sequences(request, self._config)
        if request["which"] == "policy" and self._model is not None:
            return Reply(tensors={"logprobs": flat_array(self._model.logprobs(sequences, targets))})
        if targets is not None:
            raise bad_request("targets: a Tinker service scores other targets only with the policy that it trains")
        scored = self._base()
        if request["which"] == "policy":
            self.publish()
            assert self._written_by is not None
            scored = self._written_by
        return Reply(tensors={"logprobs": flat_array(scored.logprobs(sequences, self._pause))})

    def _forward_backward(self, request: Request) -> Reply:
        model, sequences = self._learner(request), training_sequences(request, self._config)
        spec = request["loss"]
        _check_temperature(spec["temperature"])
        if spec["entropy"] is not None:
            raise bad_request("entropy: a Tinker service returns no entropies; use a loss without the entropy term")
        began = time.perf_counter()
        tokens = [one.tokens for one in sequences]
        targets = [one.tokens if one.targets is None else one.targets for one in sequences]
        stats, weights = differentiate(sequences, model.logprobs(tokens, targets), spec)
        self._gradient += map(Weighted, tokens, targets, weights)
        self._counts["trainer/tokens"] += stats.processed_tokens
        self._counts["trainer/seconds"] += time.perf_counter() - began
        metrics = ratio_percentiles(stats.logprobs, sequences)
        return Reply({**loss_result(stats), "metrics": metrics}, {"logprobs": flat_array(stats.logprobs)})

    def _optim_step(self, request: Request) -> Reply:
        model = self._learner(request)
        gradient, self._gradient = self._gradient, []
        if not all(bool(one.weights.isfinite().all()) for one in gradient):
            return Reply({"policyVersion": self._policy_version, "gradNorm": None, "applied": False})
        settings = OptimSettings(
            learning_rate=request["learningRate"],
            beta1=request["beta1"],
            beta2=request["beta2"],
            epsilon=request["epsilon"],
            weight_decay=request["weightDecay"],
            max_grad_norm=request["maxGradNorm"],
        )
        began = time.perf_counter()
        measured = model.step(gradient, settings)
        self._counts["trainer/seconds"] += time.perf_counter() - began
        self._measured = {f"service/{name}": float(value) for name, value in measured.items()}
        changed = self._changed(self._policy_version + 1)
        return Reply({**changed.result, "gradNorm": None, "applied": True})

    def _save_state(self, request: Request) -> Reply:
        if self._gradient:
            raise bad_request("saveState: expected no accumulated gradient; call optimStep first")
        addresses = self._learner(request).save(weights_only=request.fields.get("weightsOnly", False))
        manifest = {"format": _FORMAT, **self._owner(), "policyVersion": self._policy_version, **addresses}
        self._write(Path(request["dir"]), _MANIFEST, manifest)
        return Reply({"policyVersion": self._policy_version})

    def _load_state(self, request: Request) -> Reply:
        path = Path(request["dir"]) / _MANIFEST
        try:
            manifest = json.loads(path.read_text())
            known, version = manifest["format"], int(manifest["policyVersion"])
            owner = {name: manifest[name] for name in self._owner()}
            address = manifest["sampler" if self._model is None else "training"]
        except (OSError, ValueError, KeyError, TypeError) as cause:
            raise StateError(f"{path}: expected the manifest of a state on a Tinker service ({cause!r})") from cause
        if (known, owner) != (_FORMAT, self._owner()):
            raise StateError(f"{path}: expected {_FORMAT} of {self._owner()}, got {known} of {owner}")
        self.drop_gradient()
        if self._model is None:
            self._written_by = TinkerSampler.open(self._service, self._pause, model_path=address)
            return self._changed(version)
        self._model.load(address, new_optimizer=request.fields.get("newOptimizer", False))
        return self._changed(version)

    def _changed(self, policy_version: int) -> Reply:
        self._policy_version = self.sampler.policy_version = policy_version
        self.sampler.is_stale = True
        return Reply({"policyVersion": policy_version})

    def _base(self) -> TinkerSampler:
        if self._reference is None:
            self._reference = TinkerSampler.open(self._service, self._pause, base_model=self._base_model)
        return self._reference

    def _learner(self, request: Request) -> TinkerModel:
        if self._model is None:
            raise bad_request(f"{request.type}: expected a session created with train: true, got one with train: false")
        return self._model

    def _probe(self) -> list[int]:
        """Returns tokens spread over the vocabulary."""
        return [int(at * self._config.vocab_size / _PROBE_TOKENS) for at in range(_PROBE_TOKENS)]

    def _owner(self) -> dict[str, Any]:
        """Returns the settings that must match for a state to be loaded."""
        return {"baseModel": self._base_model, "rank": self._rank}

    def _hash(self) -> str:
        """Identifies the base model, whose weights the service does not publish."""
        return hashlib.sha256(f"tinker {self._base_model}".encode()).hexdigest()

    @staticmethod
    def _write(folder: Path, name: str, content: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(folder / name) as draft:
            draft.write_text(f"{json.dumps(content)}\n")


def differentiate(
    sequences: list[TrainingSequence], logprobs: list[Tensor], spec: Spec
) -> tuple[LossStats, list[Tensor]]:
    """Returns the statistics of the loss, and -dL/dlogprob [T] per sequence: the weights of a cross-entropy."""
    current = torch.cat(logprobs).requires_grad_()
    tokens = loss_tokens(sequences, current, None, spec)
    terms = loss_terms(spec, tokens)
    (slopes,) = torch.autograd.grad(terms.loss.sum(), current)
    sums = measure(tokens, terms)
    stats = loss_stats(sequences, sums, logprobs, seconds=0.0, microbatches=1, token_budget=len(current))
    return stats, cut(-slopes, [one.tokens for one in sequences])


def _check_temperature(temperature: float) -> None:
    if temperature != 1:
        raise bad_request(
            f"temperature: a Tinker service computes log-probabilities at temperature 1, got {temperature}; "
            "set sampling.temperature to 1"
        )
