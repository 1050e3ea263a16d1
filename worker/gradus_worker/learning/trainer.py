"""Training on one set of weights: log-probabilities, accumulated gradients, AdamW."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..model.config import PLAIN, AttentionRules
from ..pause import Pause, no_pause
from ..ranks.group import SINGLE, Group
from ..ranks.shard import local
from .batch_loss import LossStats, TrainingSequence, check_sequences, loss_stats, loss_tokens, measure
from .checkpoint import SavedState, UpdateCounts
from .losses import LossTerms, LossTokens, Spec, loss_terms
from .optimizer import AdamW, OptimSettings, StepResult, gradient_norm
from .scorer import PackedModel, Scorer, cut

_HALF_SCALE = 2.0**16
"""Initial loss scale for float16, as in `torch.amp.GradScaler`."""


class Trainer:
    """Adds the gradient of a microbatch once it is complete, so that running out of memory leaves no partial sum.

    `pause` is called before every microbatch and ends the work by raising. Ranks of a group share the microbatches and
    get the same results; every method but `state` is a collective.
    """

    def __init__(
        self,
        model: PackedModel,
        parameters: Mapping[str, Tensor],
        *,
        head_size: int,
        token_budget: int,
        rules: AttentionRules = PLAIN,
        pause: Pause = no_pause,
        group: Group = SINGLE,
    ) -> None:
        self.parameters, self._group = dict(parameters), group
        self.scorer = Scorer(
            model, head_size=head_size, token_budget=token_budget, rules=rules, pause=pause, group=group
        )
        self.optimizer = AdamW(parameters, group)
        self.gradients: dict[str, Tensor] | None = None
        """Rows of this rank; for parameters that are not sharded, the sum over the microbatches of this rank."""
        is_half = model.dtype == torch.float16
        self._loss_scale = torch.tensor(_HALF_SCALE) if is_half else None
        self.policy_version = 0
        self.learned_tokens, self.learning_seconds = 0, 0.0

    @property
    def gradient_bytes(self) -> int:
        """Bytes that a step needs from its first microbatch on: the sum so far and the gradient of another
        microbatch."""
        return sum(
            local(master).nbytes + local(parameter).nbytes
            for master, parameter in zip(self.optimizer.masters.values(), self.parameters.values(), strict=True)
        )

    @property
    def updates(self) -> UpdateCounts:
        return UpdateCounts(self.policy_version, self.optimizer.steps)

    def logprobs(self, sequences: Sequence[Tensor], temperature: float = 1.0) -> list[Tensor]:
        """Returns float32 [T] per sequence, on the CPU; entry 0 is 0."""
        return self.scorer.logprobs(sequences, temperature)

    def forward_backward(self, sequences: Sequence[TrainingSequence], spec: Spec) -> LossStats:
        """Adds the gradient of the loss to the accumulated gradient, which is dropped if this fails."""
        check_sequences(sequences)
        sums: dict[str, float] = {}
        logprobs: dict[int, Tensor] = {}

        def run(indices: list[int], is_idle: bool) -> None:
            chosen = [sequences[i] for i in indices]
            if is_idle:
                chosen = [replace(one, weights=torch.zeros_like(one.weights)) for one in chosen]
            tokens, terms, found = self._differentiate(chosen, spec)
            measured, values = measure(tokens, terms), tokens.logprobs.detach().float().cpu()
            self._accumulate(found)
            if not is_idle:
                logprobs.update(zip(indices, cut(values, [s.tokens for s in chosen]), strict=True))
                _add(sums, measured)

        began = time.perf_counter()
        try:
            microbatches = self.scorer.distribute([len(s.tokens) for s in sequences], run)
        except BaseException:
            self.gradients = None
            raise
        seconds = time.perf_counter() - began
        sums, logprobs = _merged(self._group.gather((sums, logprobs)))
        ordered = [logprobs[i] for i in range(len(sequences))]
        stats = loss_stats(
            sequences, sums, ordered, seconds=seconds, microbatches=microbatches, token_budget=self.scorer.token_budget
        )
        self.learned_tokens += stats.processed_tokens
        self.learning_seconds += seconds
        return stats

    def gradient_norm(self, sequences: Sequence[TrainingSequence], spec: Spec) -> float:
        """Returns the L2 norm of the gradient and drops it. Raises ValueError if there is an open gradient."""
        if self.gradients is not None:
            raise ValueError("gradient_norm: expected no accumulated gradient; call optim_step first")
        scale = None if self._loss_scale is None else self._loss_scale.clone()
        try:
            self.forward_backward(sequences, spec)
            return self.optimizer.norm(self._take_gradients())
        finally:
            self.gradients = None
            # Restore the loss scale, because a halved one would change the rounding of the next update.
            if scale is not None and self._loss_scale is not None:
                self._loss_scale.copy_(scale)

    def optim_step(self, settings: OptimSettings) -> StepResult:
        """Applies AdamW to the accumulated gradient, then clears it."""
        result = self.optimizer.step(self._take_gradients(), settings)
        self.policy_version += result.applied
        return result

    def _take_gradients(self) -> dict[str, Tensor]:
        """Returns the accumulated gradient, summed over the ranks, and clears it."""
        gradients, self.gradients = self.gradients, None
        if gradients is None:
            return {name: torch.zeros_like(local(master)) for name, master in self.optimizer.masters.items()}
        if not self.optimizer.is_sharded:
            self._group.add_up(gradients.values())
        return gradients

    def state(self) -> dict[str, Tensor]:
        """Returns the tensors that, with `updates`, resume bit for bit. Raises ValueError if there is an open
        gradient."""
        if self.gradients is not None:
            raise ValueError("save: expected no accumulated gradient; call optim_step first")
        parts = {"weights": self.optimizer.masters, "first": self.optimizer.first, "second": self.optimizer.second}
        found = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
        return found if self._loss_scale is None else {**found, "loss/scale": self._loss_scale}

    @torch.no_grad()
    def restore(self, saved: SavedState) -> None:
        """Restores a saved `state` and drops an accumulated gradient. Raises StateError, without a change, on a
        mismatch."""
        self.gradients = None
        saved.copy_into(self.state())
        for name, parameter in self.parameters.items():
            parameter.copy_(self.optimizer.masters[name])
        self.policy_version, self.optimizer.steps = saved.updates.policy, saved.updates.optimizer

    @torch.no_grad()
    def renew_optimizer(self) -> None:
        """Resets the moments and the step count, as in a new optimizer on these weights."""
        for moments in (self.optimizer.first, self.optimizer.second):
            for value in moments.values():
                value.zero_()
        self.optimizer.steps = 0

    def _differentiate(
        self, chosen: Sequence[TrainingSequence], spec: Spec
    ) -> tuple[LossTokens, LossTerms, dict[str, Tensor | None]]:
        """Computes the loss of a microbatch and its gradient. float16 scales the loss, since small slopes underflow.

        An overflow halves the scale permanently and repeats the microbatch. If no scale helps, the range is not the
        cause, and the old scale is restored, because one bad batch must not lower the precision of later batches.
        """
        before = 1.0 if self._loss_scale is None else float(self._loss_scale)
        while True:
            targets = [s.tokens if s.targets is None else s.targets for s in chosen]
            scored = self.scorer.forward([s.tokens for s in chosen], spec["temperature"], targets)
            tokens = loss_tokens(chosen, *scored, spec)
            terms = loss_terms(spec, tokens)
            scale = 1.0 if self._loss_scale is None else float(self._loss_scale)
            found = self._slopes(terms.loss.sum() * scale)
            if self._loss_scale is None:
                break
            found = {name: None if slope is None else slope.float().div_(scale) for name, slope in found.items()}
            norm = gradient_norm([slope for slope in found.values() if slope is not None])
            # Ranks must agree to repeat the pass.
            if all(self._group.gather(math.isfinite(norm))):
                break
            if scale <= 1:
                self._loss_scale.fill_(before)
                break
            self._loss_scale.div_(2)
        return tokens, terms, found

    def _slopes(self, loss: Tensor) -> dict[str, Tensor | None]:
        """Returns the gradient of a loss by parameter. Sharded weights sum it over the ranks during `backward`."""
        try:
            loss.backward()  # type: ignore[no-untyped-call]
            return {name: None if p.grad is None else local(p.grad) for name, p in self.parameters.items()}
        finally:
            for parameter in self.parameters.values():
                parameter.grad = None

    def _accumulate(self, found: dict[str, Tensor | None]) -> None:
        if self.gradients is None:
            masters = self.optimizer.masters
            self.gradients = {name: _owned(found[name], local(master)) for name, master in masters.items()}
            return
        for name, gradient in found.items():
            if gradient is not None:
                self.gradients[name] += gradient


def weights_of(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the weights among the tensors of `Trainer.state`."""
    return {name: value for name, value in tensors.items() if name.startswith("weights/")}


def _add(sums: dict[str, float], measured: Mapping[str, float]) -> None:
    for name, value in measured.items():
        sums[name] = max(sums.get(name, 0), value) if name == "gap" else sums.get(name, 0) + value


Measured = tuple[dict[str, float], dict[int, Tensor]]
"""Sums over tokens, and log-probabilities by sequence."""


def _merged(of_ranks: Sequence[Measured]) -> Measured:
    """Adds up the statistics of the ranks, in rank order, and joins their log-probabilities."""
    sums, logprobs = of_ranks[0]
    for other_sums, other_logprobs in of_ranks[1:]:
        _add(sums, other_sums)
        logprobs.update(other_logprobs)
    return sums, logprobs


def _owned(gradient: Tensor | None, master: Tensor) -> Tensor:
    """Copies the first gradient of a step, to which later ones are added."""
    return torch.zeros_like(master) if gradient is None else gradient.to(master.dtype, copy=True)
