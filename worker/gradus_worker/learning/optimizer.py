"""AdamW with float32 master weights and PyTorch's semantics (Loshchilov & Hutter 2019)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..ranks.group import SINGLE, Group
from ..ranks.shard import is_sharded, local


@dataclass(frozen=True)
class OptimSettings:
    """`OptimStep` of `src/engines/engine.ts`."""

    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    max_grad_norm: float | None = None


@dataclass(frozen=True)
class StepResult:
    grad_norm: float
    """Global L2 norm before clipping."""
    applied: bool
    """False: the gradient was not finite and nothing changed."""


class AdamW:
    """Updates named parameters in place. float32 parameters are their own masters; others get a float32 copy.

    Each rank updates its own rows of sharded parameters.
    """

    def __init__(self, parameters: Mapping[str, Tensor], group: Group = SINGLE) -> None:
        self.parameters, self._group = dict(parameters), group
        self.is_sharded = any(map(is_sharded, self.parameters.values()))
        self.masters = {name: _master(value) for name, value in self.parameters.items()}
        self.first = {name: torch.zeros_like(value) for name, value in self.masters.items()}
        self.second = {name: torch.zeros_like(value) for name, value in self.masters.items()}
        self.steps = 0

    @torch.no_grad()
    def step(self, gradients: Mapping[str, Tensor], settings: OptimSettings) -> StepResult:
        """Applies one update from the gradients of all parameters. Biases and norms (one axis) have no weight decay."""
        norm = self.norm(gradients)
        if not math.isfinite(norm):
            return StepResult(norm, applied=False)
        limit = settings.max_grad_norm
        scale = 1.0 if limit is None else min(1.0, limit / (norm + 1e-6))
        self.steps += 1
        for name, master in self.masters.items():
            self._update(name, local(master), gradients[name], scale, settings)
            if self.parameters[name] is not master:
                self.parameters[name].copy_(master)
        return StepResult(norm, applied=True)

    def norm(self, gradients: Mapping[str, Tensor]) -> float:
        """Returns the L2 norm of the gradient of all parameters; `gradients` contains the rows of this rank."""
        own = gradient_norm(gradients.values())
        return self._group.norm(own) if self.is_sharded else own

    def _update(self, name: str, master: Tensor, gradient: Tensor, scale: float, s: OptimSettings) -> None:
        slope = gradient.to(master.dtype) * scale
        first = local(self.first[name]).lerp_(slope, 1 - s.beta1)
        second = local(self.second[name]).mul_(s.beta2).addcmul_(slope, slope, value=1 - s.beta2)
        if master.dim() > 1 and s.weight_decay != 0:
            master.mul_(1 - s.learning_rate * s.weight_decay)
        correction = math.sqrt(1 - s.beta2**self.steps)
        rate = s.learning_rate / (1 - s.beta1**self.steps)
        master.addcdiv_(first, second.sqrt().div_(correction).add_(s.epsilon), value=-rate)


def gradient_norm(gradients: Iterable[Tensor]) -> float:
    """Returns the L2 norm over all gradients, summed over tensors in float64. Waits for the device once."""
    norms = [torch.linalg.vector_norm(value.detach(), dtype=torch.float32) for value in gradients]
    if not norms:
        return 0.0
    return float(torch.linalg.vector_norm(torch.stack(norms).double()))


def _master(value: Tensor) -> Tensor:
    return value if value.dtype == torch.float32 else value.detach().float()
