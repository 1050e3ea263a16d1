"""Compares losses with values from TRL and verl (test/golden/golden-losses.json), in float64."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gradus_worker.learning.losses import LossTokens, loss_terms

GOLDEN = json.loads((Path(__file__).parents[3] / "test/golden/golden-losses.json").read_text())
LENGTHS = [6, 4, 5, 2]
OFF: dict[str, Any] = {"kl": None, "entropy": None, "importance": None, "temperature": 1}


def clipped(low: float, high: float, dual: float | None = None, ratio: str = "token") -> dict[str, Any]:
    policy = {"type": "clipped", "ratio": ratio, "clipLow": low, "clipHigh": high, "dualClip": dual}
    return {**OFF, "policy": policy}


def gspo(low: float, high: float) -> dict[str, Any]:
    return clipped(low, high, ratio="sequence")


def cispo(low: float, high: float) -> dict[str, Any]:
    return {**OFF, "policy": {"type": "cispo", "minRatio": low, "maxRatio": high}}


def tis(level: str, mode: str, cap: float) -> dict[str, Any]:
    return {**clipped(0.2, 0.2), "importance": {"level": level, "mode": mode, "cap": cap}}


def kl(estimator: str, coefficient: float) -> dict[str, Any]:
    return {**clipped(0.2, 0.2), "kl": {"estimator": estimator, "coefficient": coefficient}}


TOKEN_MEAN = [1 / 17] * 4
SEQUENCE_MEAN = [1 / (4 * n) for n in LENGTHS]
TRL = [
    ("grpo eps0.2/0.2 (dr_grpo max_completion_length=8)", clipped(0.2, 0.2), SEQUENCE_MEAN),
    ("dr_grpo eps0.2/0.2 (dr_grpo max_completion_length=8)", clipped(0.2, 0.2), [1 / 32] * 4),
    ("dapo clip-higher 0.2/0.28", clipped(0.2, 0.28), TOKEN_MEAN),
    ("grpo two-sided delta=3.0", clipped(0.2, 0.2, 3), SEQUENCE_MEAN),
    ("gspo: grpo + sequence level, eps 3e-4/4e-4", gspo(3e-4, 4e-4), SEQUENCE_MEAN),
    ("gspo: grpo + sequence level, eps 0.2/0.2", gspo(0.2, 0.2), SEQUENCE_MEAN),
    ("cispo epsilon_high=5.0", cispo(0, 5), TOKEN_MEAN),
    ("cispo epsilon_high=1.2", cispo(0, 1.2), TOKEN_MEAN),
    ("grpo beta=0.04 k3", kl("k3", 0.04), SEQUENCE_MEAN),
    ("dapo + IS token_truncate max3", tis("token", "truncate", 3), TOKEN_MEAN),
    ("dapo + IS token_mask max1.5", tis("token", "mask", 1.5), TOKEN_MEAN),
    ("dapo + IS sequence_truncate max3", tis("sequence", "truncate", 3), TOKEN_MEAN),
    ("dapo + IS sequence_mask max3", tis("sequence", "mask", 3), TOKEN_MEAN),
]
VERL = [
    ("vanilla eps0.2 c3 token-mean", clipped(0.2, 0.2, 3), TOKEN_MEAN),
    ("vanilla eps0.2 c3 token-sum", clipped(0.2, 0.2, 3), [1.0] * 4),
    ("gspo 3e-4/4e-4", gspo(3e-4, 4e-4), SEQUENCE_MEAN),
    ("cispo 0.2/0.2 token-mean", cispo(0.8, 1.2), TOKEN_MEAN),
    ("gpg token-mean", {**OFF, "policy": {"type": "reinforce"}}, TOKEN_MEAN),
]


def golden_tokens(weight: list[float], advantages: list[float] | None = None) -> LossTokens:
    inputs = GOLDEN["inputs"]

    def flat(name: str) -> torch.Tensor:
        return torch.tensor(inputs[name], dtype=torch.float64).flatten()

    columns = len(inputs["mask"][0])

    def spread(values: list[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64).repeat_interleave(columns)

    return LossTokens(
        logprobs=flat("logp").requires_grad_(),
        weights=flat("mask") * spread(weight),
        advantages=spread(inputs["advantages_for_losses"] if advantages is None else advantages),
        rollout_logprobs=flat("rollout_logp"),
        policy_logprobs=flat("old_logp"),
        has_policy_logprobs=torch.ones(4 * columns, dtype=torch.bool),
        reference_logprobs=flat("ref_logp"),
        segments=torch.arange(4).repeat_interleave(columns),
        sequences=4,
    )


def worst_gap(spec: dict[str, Any], tokens: LossTokens, loss: float, grad: list[list[float]]) -> float:
    terms = loss_terms(spec, tokens)
    total = terms.loss.sum()
    (gradient,) = torch.autograd.grad(total, tokens.logprobs)
    theirs = torch.tensor(grad, dtype=torch.float64).flatten()
    return max(abs(total.item() - loss), (gradient - theirs).abs().max().item())


@pytest.mark.parametrize(("name", "spec", "weight"), TRL)
def test_value_and_gradient_equal_trl(name: str, spec: dict[str, Any], weight: list[float]) -> None:
    theirs = GOLDEN["trl"]["loss"][name]
    assert worst_gap(spec, golden_tokens(weight), theirs["loss"], theirs["loss_grad"]) < 1e-6


@pytest.mark.parametrize(("name", "spec", "weight"), VERL)
def test_value_and_gradient_equal_verl(name: str, spec: dict[str, Any], weight: list[float]) -> None:
    theirs = GOLDEN["verl"]["policy_loss"][name]
    assert worst_gap(spec, golden_tokens(weight), theirs["loss"], theirs["loss_grad"]) < 1e-6


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_kl_and_gradient_equal_verl(estimator: str) -> None:
    theirs = GOLDEN["verl"]["kl_vs_ref"][estimator]
    tokens = golden_tokens(TOKEN_MEAN, advantages=[0.0] * 4)
    assert worst_gap(kl(estimator, 1), tokens, theirs["token_mean"], theirs["grad"]) < 1e-6


def test_on_policy_the_ratio_is_1_and_has_a_gradient() -> None:
    tokens = golden_tokens(TOKEN_MEAN)
    on_policy = LossTokens(**{**tokens.__dict__, "policy_logprobs": None})
    total = loss_terms(clipped(0.2, 0.2), on_policy).loss.sum()
    assert total.item() == pytest.approx(-(tokens.weights * tokens.advantages).sum().item())
    (gradient,) = torch.autograd.grad(total, tokens.logprobs)
    assert torch.allclose(gradient, -tokens.weights * tokens.advantages)


def test_tokens_with_weight_0_are_ignored() -> None:
    tokens = golden_tokens(TOKEN_MEAN)
    silent = tokens.weights == 0
    names = ("advantages", "rollout_logprobs", "policy_logprobs", "reference_logprobs")
    poisoned = {name: getattr(tokens, name).masked_fill(silent, float("nan")) for name in names}
    logprobs = tokens.logprobs.detach().masked_fill(silent, float("-inf")).requires_grad_()
    spec = {**kl("k3", 0.1), "importance": {"level": "sequence", "mode": "truncate", "cap": 2}}
    clean = loss_terms(spec, tokens).loss
    dirty = loss_terms(spec, LossTokens(**{**tokens.__dict__, **poisoned, "logprobs": logprobs})).loss
    assert torch.equal(clean, dirty)
    (gradient,) = torch.autograd.grad(dirty.sum(), logprobs)
    assert torch.isfinite(gradient).all()
    assert (gradient[silent] == 0).all()


def test_a_term_without_its_arrays_is_rejected() -> None:
    tokens = golden_tokens(TOKEN_MEAN)
    with pytest.raises(ValueError, match="referenceLogprobs"):
        loss_terms(kl("k3", 1), LossTokens(**{**tokens.__dict__, "reference_logprobs": None}))
    with pytest.raises(ValueError, match="entropies"):
        loss_terms({**clipped(0.2, 0.2), "entropy": {"coefficient": 0.1}}, tokens)
