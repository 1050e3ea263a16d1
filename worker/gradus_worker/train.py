"""Learning on one set of weights: log-probabilities, accumulated gradients, AdamW. `Trainer` of the embedded engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor

from .logprobs import chunked_logprobs
from .losses import LossTerms, LossTokens, Spec, loss_terms
from .optimizer import AdamW, OptimSettings, StepResult
from .packing import Attend, causal_attention, choose_attention, plan_microbatches


class PackedModel(Protocol):
    """What is trained; `named_parameters` lists each weight once."""

    @property
    def head_weight(self) -> Tensor: ...
    def hidden(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor: ...


@dataclass(frozen=True)
class TrainingSequence:
    """As in `src/core/batch.ts`: index t of every array, [T], speaks of token t; weight 0 on token 0."""

    tokens: Tensor
    weights: Tensor
    advantages: Tensor
    rollout: Tensor
    policy: Tensor | None = None
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
    token_budget: int
    """Tokens a microbatch may hold after this call: halved each time the memory did not suffice."""


class Trainer:
    """Gradients are taken per microbatch and added once it is done: one that runs out of memory leaves no trace."""

    def __init__(self, model: PackedModel, parameters: dict[str, Tensor], *, head_size: int, token_budget: int) -> None:
        first = next(iter(parameters.values()))
        if first.dtype == torch.float16:
            raise ValueError("trainer: expected float32 or bfloat16 weights, got float16: its gradients underflow")
        self.model, self.parameters, self.token_budget = model, parameters, token_budget
        self.device = first.device
        self.attention = choose_attention(first.device, first.dtype, head_size)
        self.optimizer = AdamW(parameters)
        self.gradients: dict[str, Tensor] | None = None

    @property
    def policy_version(self) -> int:
        return self.optimizer.steps

    @torch.no_grad()
    def logprobs(self, sequences: Sequence[Tensor], temperature: float = 1.0) -> list[Tensor]:
        """Per sequence float32 [T] on the CPU; entry 0 is 0."""
        results: dict[int, Tensor] = {}

        def run(indices: list[int]) -> None:
            chosen = [sequences[i] for i in indices]
            values = self._forward(chosen, temperature)[0].float().cpu()
            results.update(zip(indices, _cut(values, chosen), strict=True))

        self._distribute([len(tokens) for tokens in sequences], run)
        return [results[i] for i in range(len(sequences))]

    def forward_backward(self, sequences: Sequence[TrainingSequence], spec: Spec) -> LossStats:
        """Adds the gradient of the loss to what waits for `optim_step`. When it fails, what waited is dropped."""
        _check(sequences)
        sums: dict[str, float] = {}
        logprobs: dict[int, Tensor] = {}

        def run(indices: list[int]) -> None:
            chosen = [sequences[i] for i in indices]
            tokens = self._tokens(chosen, spec)
            terms = loss_terms(spec, tokens)
            names = list(self.parameters)
            found = torch.autograd.grad(terms.loss.sum(), list(self.parameters.values()), allow_unused=True)
            measured, values = _measure(tokens, terms), tokens.logprobs.detach().float().cpu()
            self._accumulate(dict(zip(names, found, strict=True)))
            logprobs.update(zip(indices, _cut(values, [s.tokens for s in chosen]), strict=True))
            for name, value in measured.items():
                sums[name] = max(sums.get(name, 0), value) if name == "gap" else sums.get(name, 0) + value

        try:
            self._distribute([len(s.tokens) for s in sequences], run)
        except BaseException:
            self.gradients = None
            raise
        return self._stats(sequences, sums, [logprobs[i] for i in range(len(sequences))])

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
        return {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor], policy_version: int) -> None:
        """Takes over what `state` gave; a waiting gradient is dropped. ValueError, no change, if it does not fit."""
        self.gradients = None
        own = self.state()
        if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in tensors.items()}:
            raise ValueError("restore: expected the tensors of this model's state, got others")
        for name, value in own.items():
            value.copy_(tensors[name])
        for name, parameter in self.parameters.items():
            parameter.copy_(self.optimizer.masters[name])
        self.optimizer.steps = policy_version

    def _distribute(self, lengths: list[int], run: Callable[[list[int]], None]) -> None:
        """Runs every microbatch; one that does not fit the memory is planned again with half the budget."""
        waiting = plan_microbatches(lengths, self.token_budget)
        while waiting:
            batch = waiting.pop(0)
            try:
                run(batch)
                continue
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
            # Out of the handler, so that the failed pass's tensors are free by now.
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            self.token_budget = max(1, min(self.token_budget, sum(lengths[i] for i in batch)) // 2)
            left = sorted(i for one in [batch, *waiting] for i in one)
            plans = plan_microbatches([lengths[i] for i in left], self.token_budget)
            waiting = [[left[i] for i in plan] for plan in plans]

    def _forward(self, sequences: Sequence[Tensor], temperature: float) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies [T] over all tokens, 0 at the first of each sequence."""
        lengths = [len(tokens) for tokens in sequences]
        tokens = torch.cat(list(sequences)).to(self.device, torch.int64)
        positions = torch.cat([torch.arange(n) for n in lengths]).to(self.device)
        hidden = self.model.hidden(tokens, positions, causal_attention(self.attention, lengths, self.device))
        predicted = (positions > 0).nonzero()[:, 0]
        head = self.model.head_weight
        values = chunked_logprobs(hidden[predicted - 1], head, tokens[predicted], temperature=temperature)
        whole = (v.new_zeros(len(tokens)).index_copy(0, predicted, v) for v in values)
        logprobs, entropy = whole
        return logprobs, entropy

    def _tokens(self, sequences: Sequence[TrainingSequence], spec: Spec) -> LossTokens:
        logprobs, entropy = self._forward([s.tokens for s in sequences], spec["temperature"])
        lengths = torch.tensor([len(s.tokens) for s in sequences])

        def flat(values: list[Tensor]) -> Tensor:
            return torch.cat(values).to(self.device, logprobs.dtype)

        has_policy = torch.tensor([s.policy is not None for s in sequences])
        references = [s.reference for s in sequences if s.reference is not None]
        return LossTokens(
            logprobs=logprobs,
            entropy=entropy if spec["entropy"] is not None else entropy.detach(),
            weights=flat([s.weights for s in sequences]),
            advantages=flat([s.advantages for s in sequences]),
            rollout=flat([s.rollout for s in sequences]),
            policy=flat([torch.zeros_like(s.weights) if s.policy is None else s.policy for s in sequences]),
            has_policy=has_policy.repeat_interleave(lengths).to(self.device),
            reference=flat(references) if len(references) == len(sequences) else None,
            segments=torch.arange(len(sequences)).repeat_interleave(lengths).to(self.device),
            sequences=len(sequences),
        )

    def _accumulate(self, found: dict[str, Tensor | None]) -> None:
        if self.gradients is None:
            self.gradients = {name: torch.zeros_like(value) for name, value in self.optimizer.masters.items()}
        for name, gradient in found.items():
            if gradient is not None:
                self.gradients[name] += gradient

    def _stats(
        self, sequences: Sequence[TrainingSequence], sums: dict[str, float], logprobs: list[Tensor]
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
            token_budget=self.token_budget,
        )


def _cut(values: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """One flat array into one per sequence."""
    ends = torch.tensor([len(tokens) for tokens in like]).cumsum(0).tolist()
    return [values[end - len(tokens) : end] for tokens, end in zip(like, ends, strict=True)]


def _measure(tokens: LossTokens, terms: LossTerms) -> dict[str, float]:
    """Sums over tokens with weight, in float64; `gap` is a maximum. One wait for the device each."""
    active = tokens.weights != 0
    current, rollout = tokens.logprobs.detach()[active].double(), tokens.rollout[active].double()
    found = {"loss": terms.loss.detach()[active], "mismatch": rollout - current}
    if tokens.entropy is not None:
        found["entropy"] = tokens.entropy.detach()[active]
    optional = {"kl": terms.kl, "clip_low": terms.clip_low, "clip_high": terms.clip_high}
    found |= {name: values[active] for name, values in optional.items() if values is not None}
    sums = {name: math.fsum(values.double().cpu().tolist()) for name, values in found.items()}
    gap = (current.exp() - rollout.exp()).abs()
    return {**sums, "tokens": float(len(current)), "gap": float(gap.max()) if len(gap) > 0 else 0.0}


def _check(sequences: Sequence[TrainingSequence]) -> None:
    for index, sequence in enumerate(sequences):
        if len(sequence.tokens) == 0 or float(sequence.weights[:1].abs().sum()) != 0:
            raise ValueError(f"batch, sequence {index}: expected at least one token, and weight 0 on token 0")
        for field in fields(sequence):
            values = getattr(sequence, field.name)
            if values is not None and len(values) != len(sequence.tokens):
                raise ValueError(
                    f"batch, sequence {index}: expected {len(sequence.tokens)} {field.name}, got {len(values)}"
                )
