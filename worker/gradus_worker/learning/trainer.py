"""Learning on one set of weights: log-probabilities, accumulated gradients, AdamW. `Trainer` of the embedded engine."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..pause import Pause, no_pause
from .losses import LossTerms, LossTokens, Spec, loss_terms
from .optimizer import AdamW, OptimSettings, StepResult, gradient_norm
from .scorer import PackedModel, Scorer, cut


@dataclass(frozen=True)
class TrainingSequence:
    """As in `src/core/batch.ts`: index t of every array, [T], speaks of token t; weight 0 on token 0."""

    tokens: Tensor
    weights: Tensor
    advantages: Tensor
    rollout: Tensor
    policy: Tensor | None = None
    """NaN, or None for all of them: the current policy's own, without gradient."""
    reference: Tensor | None = None


@dataclass(frozen=True)
class LossStats:
    """`LossStats` of `src/engines/engine.ts`; None: not measured."""

    loss: float
    tokens: int
    processed_tokens: int
    sequences: int
    entropy: float | None
    kl: float | None
    clip_low: float | None
    clip_high: float | None
    mismatch_kl: float | None
    max_probability_gap: float | None
    logprobs: list[Tensor]
    seconds: float
    microbatches: int
    token_budget: int
    """Tokens a microbatch may hold after this call: halved each time the memory did not suffice."""


_HALF_SCALE = 2.0**16


class Trainer:
    """Gradients are taken per microbatch and added once it is done: one that runs out of memory leaves no trace.

    `pause` is called before every microbatch and may end the work by raising.
    """

    def __init__(
        self,
        model: PackedModel,
        parameters: Mapping[str, Tensor],
        *,
        head_size: int,
        token_budget: int,
        pause: Pause = no_pause,
    ) -> None:
        self.parameters = dict(parameters)
        self.scorer = Scorer(model, head_size=head_size, token_budget=token_budget, pause=pause)
        self.optimizer = AdamW(parameters)
        self.gradients: dict[str, Tensor] | None = None
        is_half = model.head_weight.dtype == torch.float16
        self._loss_scale = torch.tensor(_HALF_SCALE) if is_half else None
        self.learned_tokens, self.learning_seconds = 0, 0.0

    @property
    def gradient_bytes(self) -> int:
        """Held from the first microbatch of a step on: the sum so far, and what autograd hands over of another."""
        return sum(
            master.nbytes + parameter.nbytes
            for master, parameter in zip(self.optimizer.masters.values(), self.parameters.values(), strict=True)
        )

    @property
    def policy_version(self) -> int:
        return self.optimizer.steps

    def logprobs(self, sequences: Sequence[Tensor], temperature: float = 1.0) -> list[Tensor]:
        """Per sequence float32 [T] on the CPU; entry 0 is 0."""
        return self.scorer.logprobs(sequences, temperature)

    def forward_backward(self, sequences: Sequence[TrainingSequence], spec: Spec) -> LossStats:
        """Adds the gradient of the loss to what waits for `optim_step`. When it fails, what waited is dropped."""
        check_sequences(sequences)
        sums: dict[str, float] = {}
        logprobs: dict[int, Tensor] = {}

        def run(indices: list[int]) -> None:
            chosen = [sequences[i] for i in indices]
            tokens, terms, found = self._differentiate(chosen, spec)
            measured, values = _measure(tokens, terms), tokens.logprobs.detach().float().cpu()
            self._accumulate(found)
            logprobs.update(zip(indices, cut(values, [s.tokens for s in chosen]), strict=True))
            for name, value in measured.items():
                sums[name] = max(sums.get(name, 0), value) if name == "gap" else sums.get(name, 0) + value

        began = time.perf_counter()
        try:
            microbatches = self.scorer.distribute([len(s.tokens) for s in sequences], run)
        except BaseException:
            self.gradients = None
            raise
        seconds = time.perf_counter() - began
        ordered = [logprobs[i] for i in range(len(sequences))]
        stats = self._stats(sequences, sums, ordered, seconds=seconds, microbatches=microbatches)
        self.learned_tokens += stats.processed_tokens
        self.learning_seconds += seconds
        return stats

    def optim_step(self, settings: OptimSettings) -> StepResult:
        """AdamW on the waiting gradient, then clears it."""
        gradients = self.gradients or {name: torch.zeros_like(p) for name, p in self.optimizer.masters.items()}
        self.gradients = None
        return self.optimizer.step(gradients, settings)

    def state(self) -> dict[str, Tensor]:
        """Everything to continue bit for bit besides `policy_version`; not while a gradient waits."""
        if self.gradients is not None:
            raise ValueError("save: expected no gradient to be waiting, call optim_step first")
        parts = {"weights": self.optimizer.masters, "first": self.optimizer.first, "second": self.optimizer.second}
        found = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
        return found if self._loss_scale is None else {**found, "loss/scale": self._loss_scale}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor], policy_version: int) -> None:
        """Takes over what `state` gave; a waiting gradient is dropped. ValueError, no change, if it does not fit."""
        self.gradients = None
        _take_over(self.state(), tensors)
        for name, parameter in self.parameters.items():
            parameter.copy_(self.optimizer.masters[name])
        self.optimizer.steps = policy_version

    def _differentiate(
        self, chosen: Sequence[TrainingSequence], spec: Spec
    ) -> tuple[LossTokens, LossTerms, dict[str, Tensor | None]]:
        """The loss of a microbatch and its gradient, in float16 of a multiple of the loss: small slopes would become 0.

        The multiple is halved for good, and the microbatch taken again, when a slope is too large for float16 instead.
        Where none helps it stays as it was: the range is not at fault, and one such batch must not cost those after it.
        """
        before = 1.0 if self._loss_scale is None else float(self._loss_scale)
        while True:
            tokens = self._tokens(chosen, spec)
            terms = loss_terms(spec, tokens)
            scale = 1.0 if self._loss_scale is None else float(self._loss_scale)
            grads = torch.autograd.grad(terms.loss.sum() * scale, list(self.parameters.values()), allow_unused=True)
            if self._loss_scale is None:
                break
            grads = tuple(None if slope is None else slope.float().div_(scale) for slope in grads)
            if math.isfinite(gradient_norm([slope for slope in grads if slope is not None])):
                break
            if scale <= 1:
                self._loss_scale.fill_(before)
                break
            self._loss_scale.div_(2)
        return tokens, terms, dict(zip(self.parameters, grads, strict=True))

    def _tokens(self, sequences: Sequence[TrainingSequence], spec: Spec) -> LossTokens:
        logprobs, entropy = self.scorer.forward([s.tokens for s in sequences], spec["temperature"])
        lengths = torch.tensor([len(s.tokens) for s in sequences])

        def flat(values: list[Tensor]) -> Tensor:
            return torch.cat(values).to(logprobs.device, logprobs.dtype)

        own = [s.policy if s.policy is not None else torch.full(s.weights.shape, torch.nan) for s in sequences]
        policy = flat(own)
        references = [s.reference for s in sequences if s.reference is not None]
        return LossTokens(
            logprobs=logprobs,
            entropy=entropy if spec["entropy"] is not None else entropy.detach(),
            weights=flat([s.weights for s in sequences]),
            advantages=flat([s.advantages for s in sequences]),
            rollout=flat([s.rollout for s in sequences]),
            policy=policy,
            has_policy=~policy.isnan(),
            reference=flat(references) if len(references) == len(sequences) else None,
            segments=torch.arange(len(sequences)).repeat_interleave(lengths).to(logprobs.device),
            sequences=len(sequences),
        )

    def _accumulate(self, found: dict[str, Tensor | None]) -> None:
        if self.gradients is None:
            masters = self.optimizer.masters
            self.gradients = {name: _owned(found[name], master) for name, master in masters.items()}
            return
        for name, gradient in found.items():
            if gradient is not None:
                self.gradients[name] += gradient

    def _stats(
        self,
        sequences: Sequence[TrainingSequence],
        sums: dict[str, float],
        logprobs: list[Tensor],
        *,
        seconds: float,
        microbatches: int,
    ) -> LossStats:
        tokens = int(sums.get("tokens", 0))

        def mean(name: str) -> float | None:
            return sums[name] / tokens if tokens > 0 and name in sums else None

        return LossStats(
            loss=sums.get("loss", 0.0),
            tokens=tokens,
            processed_tokens=sum(len(s.tokens) for s in sequences),
            sequences=len(sequences),
            entropy=mean("entropy"),
            kl=mean("kl"),
            clip_low=mean("clip_low"),
            clip_high=mean("clip_high"),
            mismatch_kl=mean("mismatch"),
            max_probability_gap=sums["gap"] if tokens > 0 else None,
            logprobs=logprobs,
            seconds=seconds,
            microbatches=microbatches,
            token_budget=self.scorer.token_budget,
        )


def restore_weights(parameters: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Takes over no more than the weights of what `Trainer.state` gave. ValueError, no change, if it does not fit."""
    weights = {name: value for name, value in tensors.items() if name.startswith("weights/")}
    _take_over({f"weights/{name}": value for name, value in parameters.items()}, weights)


@torch.no_grad()
def _take_over(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in given.items()}:
        raise ValueError("restore: expected the tensors of this model's state, got others")
    for name, value in own.items():
        value.copy_(given[name])


def _owned(gradient: Tensor | None, master: Tensor) -> Tensor:
    """The first gradient of a step as what the others are added to."""
    return torch.zeros_like(master) if gradient is None else gradient.to(master.dtype, copy=True)


def _measure(tokens: LossTokens, terms: LossTerms) -> dict[str, float]:
    """Sums over tokens with weight, in float64; `gap` is a maximum. One wait for the device."""
    active = tokens.weights != 0
    current, rollout = tokens.logprobs.detach()[active].double(), tokens.rollout[active].double()
    found = {"loss": terms.loss.detach()[active], "mismatch": rollout - current}
    if tokens.entropy is not None:
        found["entropy"] = tokens.entropy.detach()[active]
    optional = {"kl": terms.kl, "clip_low": terms.clip_low, "clip_high": terms.clip_high}
    found |= {name: values[active] for name, values in optional.items() if values is not None}
    gap = torch.cat([(current.exp() - rollout.exp()).abs(), current.new_zeros(1)]).max()
    sums = torch.stack([*(values.double().sum() for values in found.values()), gap]).tolist()
    return dict(zip([*found, "gap"], sums, strict=True)) | {"tokens": float(len(current))}


def check_sequences(sequences: Sequence[TrainingSequence]) -> None:
    """ValueError naming the first sequence that cannot be learned from."""
    for index, sequence in enumerate(sequences):
        if len(sequence.tokens) == 0 or float(sequence.weights[:1].abs().sum()) != 0:
            raise ValueError(f"batch, sequence {index}: expected at least one token, and weight 0 on token 0")
        for field in fields(sequence):
            values = getattr(sequence, field.name)
            if values is not None and len(values) != len(sequence.tokens):
                raise ValueError(
                    f"batch, sequence {index}: expected {len(sequence.tokens)} {field.name}, got {len(values)}"
                )
