"""Engine of a session: carries out the ordered requests of the protocol on one model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .device.memory import is_out_of_memory, is_shared
from .device.peak_rates import PeakRates, measure_peak_rates
from .learning.batch_requests import (
    check_ids,
    flat_array,
    loss_result,
    target_sequences,
    token_sequences,
    training_sequences,
)
from .learning.checkpoint import StateOwner, load_state, save_state
from .learning.flops import training_flops
from .learning.optimizer import OptimSettings
from .learning.scorer import Scorer
from .learning.trainer import Trainer, weights_of
from .log import log_line, log_traceback
from .model.config_file import class_name
from .pause import Pause
from .policy import open_policy
from .protocol.messages import Reply, Request, bad_request
from .ranks.group import SINGLE, Group
from .sampling.sampler import Sampler
from .stats import learning_metrics, memory_stats, sampler_stats, trainer_stats
from .worker_exit import BROKEN, WorkerExit


def devices() -> list[str]:
    """Lists the devices that `createModel` accepts."""
    return ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]


class Engine:
    """Created by `createModel`. `pause` is called between pieces of work and ends them by raising.

    Each rank of a group has an engine that carries out the same requests; only the replies of rank 0 are used.
    """

    def __init__(self, request: Request, pause: Pause, group: Group = SINGLE) -> None:
        self._end_tokens, self._pause, self._group = request["endTokens"], pause, group
        settings = (Path(request["model"]), request["device"], request["dtype"], request["lora"])
        self._policy = open_policy(*settings, pause, group, train=request["train"])
        model = self._policy.trained
        self._config = model.config
        check_ids(np.array(self._end_tokens), "endTokens", self._config)
        model.activation_checkpointing = request["activationCheckpointing"]
        self._settings: dict[str, Any] = {
            "head_size": self._config.head_size,
            "rules": self._config.attention,
            "pause": pause,
            "group": group,
        }
        sizes = {**self._settings, "token_budget": request["tokensPerMicrobatch"]}
        self._trainer = Trainer(model, self._policy.parameters, **sizes) if request["train"] else None
        self._scorer = Scorer(model, **sizes) if self._trainer is None else self._trainer.scorer
        self._reference: Scorer | None = None
        # Measure before creating the sampler, which takes a share of the free memory.
        self._peak_rates = _peak_rates(model.device, model.dtype) if model.device.type == "cuda" else None
        self._is_low_rank = request["lora"] is not None
        self.sampler = Sampler(
            self._policy.sampled,
            end_tokens=self._end_tokens,
            slots=request["slots"],
            sharers=group.size if model.device.type == "cpu" else 1,
            reserved_bytes=0 if self._trainer is None else self._trainer.gradient_bytes,
            shares_device=self._trainer is not None or is_shared(model.device),
        )
        self.created = Reply(
            {
                "modelHash": self._policy.model_hash,
                "architecture": class_name(self._config),
                "parameters": sum(value.numel() for value in self._policy.sampled.weights.values()),
                "vocabSize": self._config.vocab_size,
                "maxSequenceTokens": self.sampler.max_sequence_tokens,
                "device": str(model.device) if group.size == 1 else f"{group.size} x {model.device.type}",
                "dtype": str(model.dtype).removeprefix("torch."),
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
                return self._gradient_norm(request)
            case "optimStep":
                return self._optim_step(request)
            case "saveState":
                return self._save_state(request)
            case "loadState":
                return self._load_state(request)
            case "exportModel":
                masters = self._policy.parameters if self._trainer is None else self._trainer.optimizer.masters
                self._policy.export(Path(request["dir"]), request["dtype"], self._end_tokens, masters)
                return Reply()
        raise AssertionError(request.type)

    def drop_gradient(self) -> None:
        if self._trainer is not None:
            self._trainer.gradients = None

    def close(self) -> None:
        """Does nothing: the model is freed with the engine."""

    def stats(self, sampled: Mapping[str, float] | None = None) -> dict[str, float]:
        """Returns metrics by name, counted since the session began. `sampled`: counts of the samplers of all ranks."""
        return {
            **memory_stats(self._scorer.device),
            **({} if self._trainer is None else trainer_stats(self._trainer)),
            **sampler_stats(self.sampler.stats() if sampled is None else sampled, self._peak_rates),
        }

    def _logprobs(self, request: Request) -> Reply:
        scorer = self._scorer if request["which"] == "policy" else self._reference_scorer()
        tokens, targets = token_sequences(request, self._config), target_sequences(request, self._config)
        values = scorer.logprobs(tokens, request["temperature"], targets)
        return Reply(tensors={"logprobs": flat_array(values)})

    def _reference_scorer(self) -> Scorer:
        if self._reference is None:
            self._reference = Scorer(self._policy.reference(), token_budget=self._scorer.token_budget, **self._settings)
        return self._reference

    def _forward_backward(self, request: Request) -> Reply:
        trainer, sequences = self._learner(request), training_sequences(request, self._config)
        stats = trainer.forward_backward(sequences, request["loss"])
        operations = training_flops(self._config, request["lengths"], is_low_rank=self._is_low_rank)
        operations /= self._group.size
        metrics = learning_metrics(stats, sequences, operations, self._peak_rates)
        return Reply({**loss_result(stats), "metrics": metrics}, {"logprobs": flat_array(stats.logprobs)})

    def _gradient_norm(self, request: Request) -> Reply:
        trainer, sequences = self._learner(request), training_sequences(request, self._config)
        if trainer.gradients is not None:
            raise bad_request("gradientNorm: expected no accumulated gradient; call optimStep first")
        return Reply({"norm": trainer.gradient_norm(sequences, request["loss"])})

    def _optim_step(self, request: Request) -> Reply:
        settings = OptimSettings(
            learning_rate=request["learningRate"],
            beta1=request["beta1"],
            beta2=request["beta2"],
            epsilon=request["epsilon"],
            weight_decay=request["weightDecay"],
            max_grad_norm=request["maxGradNorm"],
        )
        trainer = self._learner(request)
        try:
            result = trainer.optim_step(settings)
        except Exception as error:
            # Some weights have changed and others have not, so every later answer would be wrong.
            log_traceback(error)
            raise WorkerExit(
                BROKEN, f"an update of the weights failed halfway ({type(error).__name__}: {error})"
            ) from error
        changed = self._changed(trainer.policy_version)
        return Reply({**changed.result, "gradNorm": result.grad_norm, "applied": result.applied})

    def _save_state(self, request: Request) -> Reply:
        trainer = self._learner(request)
        if trainer.gradients is not None:
            raise bad_request("saveState: expected no accumulated gradient; call optimStep first")
        state = trainer.state()
        if request.fields.get("weightsOnly", False):
            state = weights_of(state)
        save_state(Path(request["dir"]), state, trainer.updates, self._owner, self._pause, self._group)
        return Reply({"policyVersion": trainer.policy_version})

    @property
    def _owner(self) -> StateOwner:
        return StateOwner(self._policy.model_hash, self._policy.settings)

    def _load_state(self, request: Request) -> Reply:
        state = load_state(Path(request["dir"]), self._owner, self._group)
        self.drop_gradient()
        if self._trainer is None:
            parameters = {f"weights/{name}": value for name, value in self._policy.parameters.items()}
            state.copy_into(parameters, prefix="weights/")
        else:
            self._trainer.restore(state)
            if request.fields.get("newOptimizer", False):
                self._trainer.renew_optimizer()
        return self._changed(state.updates.policy if self._trainer is None else self._trainer.policy_version)

    def _changed(self, policy_version: int) -> Reply:
        """Updates the sampler after a change of the weights."""
        self._policy.refresh()
        self.sampler.policy_version = policy_version
        return Reply({"policyVersion": policy_version})

    def _learner(self, request: Request) -> Trainer:
        if self._trainer is None:
            raise bad_request(f"{request.type}: expected a session created with train: true, got one with train: false")
        return self._trainer


def _peak_rates(device: torch.device, dtype: torch.dtype) -> PeakRates | None:
    """Measures the device; returns None if the model leaves too little memory, because `createModel` must not fail for
    this."""
    try:
        return measure_peak_rates(device, dtype)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        log_line(f"too little free memory to measure the peak rates of {device}: mfu and bandwidth will be missing")
        return None
