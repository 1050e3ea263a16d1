"""Probe of a Tinker service: its cross-entropy must be a plain sum over weighted tokens.

Losses of reinforcement learning have weights of both signs. SkyRL's JAX backend (0.3.0, 0.4.0) divides each sequence by
the sum of its weights, so that a gradient of order 1 becomes one of 1e11.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..learning.optimizer import OptimSettings
from ..protocol.messages import bad_request
from .model import TinkerModel, Weighted

_STEP = OptimSettings(learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1.0, weight_decay=0.0, max_grad_norm=None)
"""Epsilon 1 makes the update proportional to gradients below 1; AdamW would otherwise amplify rounding errors."""
_NOISE = 1e-3
"""Largest change of the mean log-probability due to rounding to bfloat16, in nats."""


def check_contract(model: TinkerModel, tokens: Sequence[int]) -> None:
    """Raises bad-request unless weights +w and -w cancel and a weight w alone raises the log-probabilities.

    Changes the model, so pass a temporary one.
    """
    sequence = torch.tensor(tokens, dtype=torch.int64)
    before = _mean_logprob(model, sequence)
    weight = torch.full((len(tokens),), 1 / (len(tokens) - 1))
    rise, fall = (Weighted(sequence, sequence, sign * weight) for sign in (1, -1))
    model.step([rise, fall], _STEP)
    cancelled = _mean_logprob(model, sequence) - before
    model.step([rise], _STEP)
    learnt = _mean_logprob(model, sequence) - before - cancelled
    if not learnt > 0:
        raise bad_request(
            f"the Tinker service does not learn: after an update towards a sequence, its mean log-probability changed "
            f"by {learnt:.3g}, expected an increase"
        )
    if not abs(cancelled) <= 0.25 * learnt + _NOISE:
        raise bad_request(
            "the Tinker service does not compute the documented loss -sum(weights * logprobs): a sequence with "
            f"weights +w and -w moved its mean log-probability by {cancelled:.3g}, expected 0. Servers that divide by "
            "the sum of the weights, such as SkyRL's JAX backend, cannot train with weights of both signs; use "
            "Thinking Machines' service or another backend"
        )


def _mean_logprob(model: TinkerModel, sequence: Tensor) -> float:
    (found,) = model.logprobs([sequence])
    return float(found[1:].mean())
