"""Trainer: independence of microbatches, running out of memory, states, float16."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gradus_worker.learning.batch_loss import TrainingSequence
from gradus_worker.learning.checkpoint import StateOwner, load_state, save_state
from gradus_worker.learning.microbatches import plan_microbatches
from gradus_worker.learning.optimizer import OptimSettings
from gradus_worker.learning.trainer import Trainer
from gradus_worker.model.logprobs import chunked_logprobs
from gradus_worker.model.packed_attention import Attend, causal_attention

POLICY = {"type": "clipped", "ratio": "sequence", "clipLow": 0.2, "clipHigh": 0.2, "dualClip": 3}
SPEC: dict[str, Any] = {
    "policy": POLICY,
    "kl": {"estimator": "k3", "coefficient": 0.1},
    "entropy": {"coefficient": 0.01},
    "importance": {"level": "token", "mode": "truncate", "cap": 2},
    "temperature": 0.8,
}
STEP = OptimSettings(learning_rate=0.01, weight_decay=0.1, max_grad_norm=1)


class TinyModel(nn.Module):
    """One attention layer over embeddings with positions; 4 query heads on 2 key heads of size 4."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.embed = nn.Embedding(17, 16, dtype=dtype)
        self.place = nn.Embedding(32, 16, dtype=dtype)
        self.mix = nn.Linear(16, 32, dtype=dtype)
        with torch.no_grad():
            for table in (self.embed, self.place):
                table.weight.mul_(0.3)

    device = torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        return self.embed.weight.dtype

    def logprobs(
        self, tokens: Tensor, positions: Tensor, predicted: Tensor, targets: Tensor, attend: Attend, temperature: float
    ) -> tuple[Tensor, Tensor]:
        hidden = self.hidden(tokens, positions, attend)[predicted - 1]
        return chunked_logprobs(hidden, self.embed.weight, targets, temperature=temperature)

    def hidden(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        x = self.embed(tokens) + self.place(positions)
        q, k, v = self.mix(x).split([16, 8, 8], 1)
        mixed = attend(0, q.view(-1, 4, 4), k.view(-1, 2, 4), v.view(-1, 2, 4))
        result: Tensor = x + mixed.reshape(-1, 16)
        return result


def trainer(budget: int = 1000, model: TinyModel | None = None) -> Trainer:
    used = TinyModel() if model is None else model
    return Trainer(used, dict(used.named_parameters()), head_size=4, token_budget=budget)


def batch() -> list[TrainingSequence]:
    torch.manual_seed(5)
    found = []
    for index, length in enumerate([9, 2, 14, 5, 1, 7]):
        weights = torch.rand(length) * (torch.rand(length) > 0.3)
        weights[0] = 0
        logs = [-torch.rand(length) * 4 for _ in range(3)]
        tokens = torch.randint(0, 17, (length,))
        found.append(
            TrainingSequence(tokens, weights, torch.randn(length), logs[0], logs[1] if index % 2 else None, logs[2])
        )
    return found


def gradients(of: Trainer) -> dict[str, Tensor]:
    assert of.gradients is not None
    return of.gradients


def assert_same(a: Trainer, b: Trainer, tolerance: float = 1e-5) -> None:
    for name, value in gradients(a).items():
        assert torch.allclose(value, gradients(b)[name], atol=tolerance)
        assert value.abs().max() > 1e-3


@pytest.mark.parametrize("budget", [1, 10, 20])
def test_microbatches_change_neither_gradients_nor_statistics(budget: int) -> None:
    whole, parts = trainer(), trainer(budget)
    a, b = whole.forward_backward(batch(), SPEC), parts.forward_backward(batch(), SPEC)
    assert_same(whole, parts)
    names = ["loss", "entropy", "kl", "clip_low", "clip_high", "mismatch_kl", "max_probability_gap", "tokens"]
    for name in names:
        assert getattr(a, name) == pytest.approx(getattr(b, name), abs=1e-5)
    assert all(torch.allclose(x, y, atol=1e-5) for x, y in zip(a.logprobs, b.logprobs, strict=True))


def test_the_order_of_sequences_does_not_change_gradients() -> None:
    forward, backward = trainer(20), trainer(20)
    forward.forward_backward(batch(), SPEC)
    backward.forward_backward(batch()[::-1], SPEC)
    assert_same(forward, backward)


def test_logprobs_of_a_batch_equal_those_of_each_sequence_alone() -> None:
    model, one = TinyModel(), trainer()
    for sequence, ours in zip(batch(), one.logprobs([s.tokens for s in batch()], 0.8), strict=True):
        length = len(sequence.tokens)
        hidden = model.hidden(
            sequence.tokens, torch.arange(length), causal_attention("per-sequence", [length], one.scorer.device)
        )
        logs = (hidden @ model.embed.weight.T / 0.8).log_softmax(1)
        theirs = logs[:-1].gather(1, sequence.tokens[1:, None])[:, 0]
        assert ours[0] == 0
        assert torch.allclose(ours[1:], theirs, atol=1e-5)


class Scarce(TinyModel):
    """A model that runs out of memory above a number of tokens."""

    room = 12

    def hidden(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        if len(tokens) > self.room:
            raise torch.OutOfMemoryError("injected")
        return super().hidden(tokens, positions, attend)


def test_out_of_memory_halves_the_budget_and_loses_nothing() -> None:
    plenty, scarce = trainer(), trainer(model=Scarce())
    small = [s for s in batch() if len(s.tokens) < 10]
    for one in (plenty, scarce):
        one.forward_backward(small[:1], SPEC)
    stats = scarce.forward_backward(small, SPEC)
    plenty.forward_backward(small, SPEC)
    assert stats.token_budget <= 12
    assert_same(plenty, scarce)


def test_a_sequence_that_does_not_fit_is_an_error_and_leaves_no_gradient() -> None:
    scarce = trainer(model=Scarce())
    with pytest.raises(torch.OutOfMemoryError):
        scarce.forward_backward(batch(), SPEC)
    assert scarce.gradients is None


def test_a_saved_state_resumes_bit_for_bit(tmp_path: Path) -> None:
    first, second = trainer(), trainer()
    first.forward_backward(batch(), SPEC)
    with pytest.raises(ValueError, match="no accumulated gradient"):
        first.state()
    assert first.optim_step(STEP).applied
    save_state(tmp_path, first.state(), first.updates, StateOwner("m"))
    second.restore(load_state(tmp_path, StateOwner("m")))
    for one in (first, second):
        one.forward_backward(batch(), SPEC)
        one.optim_step(STEP)
    assert first.policy_version == second.policy_version == 2
    for name, value in first.state().items():
        assert torch.equal(value, second.state()[name])


def test_a_non_finite_gradient_is_cleared_and_changes_nothing() -> None:
    one = trainer()
    before = {name: value.clone() for name, value in one.state().items()}
    one.forward_backward(batch(), SPEC)
    gradients(one)["mix.bias"][0] = float("nan")
    assert not one.optim_step(STEP).applied
    assert one.policy_version == 0
    assert all(torch.equal(value, before[name]) for name, value in one.state().items())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_training_lowers_the_loss_in_half_precision(dtype: torch.dtype) -> None:
    one = trainer(20, TinyModel(dtype))
    spec = {**SPEC, "policy": {"type": "cross-entropy"}, "kl": None, "entropy": None, "importance": None}
    losses = []
    for _ in range(20):
        losses.append(one.forward_backward(batch(), spec).loss)
        one.optim_step(STEP)
    assert losses[-1] < losses[0] / 2


def scaled(factor: float) -> list[TrainingSequence]:
    return [TrainingSequence(**{**s.__dict__, "weights": s.weights * factor}) for s in batch()]


@pytest.mark.parametrize("factor", [1e-6, 1, 1e4])
def test_float16_keeps_small_gradients_and_survives_overflow(factor: float, tmp_path: Path) -> None:
    half, exact = trainer(20, TinyModel(torch.float16)), trainer(20)
    for one in (half, exact):
        one.forward_backward(scaled(factor), SPEC)
    for name, value in gradients(exact).items():
        assert torch.allclose(gradients(half)[name], value, atol=float(value.abs().max()) * 0.02)
    half.optim_step(STEP)
    again = trainer(20, TinyModel(torch.float16))
    save_state(tmp_path, half.state(), half.updates, StateOwner("m"))
    again.restore(load_state(tmp_path, StateOwner("m")))
    for one in (half, again):
        one.forward_backward(scaled(factor), SPEC)
    assert all(torch.equal(value, gradients(again)[name]) for name, value in gradients(half).items())


def test_a_gradient_that_no_scale_makes_finite_keeps_the_loss_scale() -> None:
    half = trainer(20, TinyModel(torch.float16))
    half.forward_backward(batch(), SPEC)
    half.optim_step(STEP)
    scale = float(half.state()["loss/scale"])
    broken = [TrainingSequence(**{**s.__dict__, "advantages": s.advantages * torch.nan}) for s in batch()]
    half.forward_backward(broken, SPEC)
    assert not half.optim_step(STEP).applied
    assert float(half.state()["loss/scale"]) == scale > 1


def test_invalid_sequences_are_rejected() -> None:
    sequence = batch()[0]
    with pytest.raises(ValueError, match="sequence 0: expected 9 weights, got 8"):
        trainer().forward_backward([TrainingSequence(**{**sequence.__dict__, "weights": sequence.weights[:-1]})], SPEC)
    with pytest.raises(ValueError, match="weight 0 on token 0"):
        trainer().forward_backward([TrainingSequence(**{**sequence.__dict__, "weights": torch.ones(9)})], SPEC)


def test_microbatches_contain_every_sequence_once_within_the_budget() -> None:
    lengths = [5, 30, 7, 1, 12, 9, 3]
    plan = plan_microbatches(lengths, 16)
    assert sorted(i for one in plan for i in one) == list(range(7))
    assert all(len(one) == 1 or sum(lengths[i] for i in one) <= 16 for one in plan)
    with pytest.raises(ValueError, match="token_budget"):
        plan_microbatches(lengths, 0)


def test_a_gradient_norm_leaves_no_gradient_and_changes_no_update() -> None:
    one, two = trainer(30), trainer(30)
    norm = one.gradient_norm(batch(), SPEC)
    assert one.gradients is None
    for either in (one, two):
        either.forward_backward(batch(), SPEC)
    with pytest.raises(ValueError, match="optim_step"):
        one.gradient_norm(batch(), SPEC)
    steps = [either.optim_step(STEP) for either in (one, two)]
    assert steps[0] == steps[1]
    assert steps[0].grad_norm == norm
    for name, value in one.state().items():
        assert torch.equal(value, two.state()[name])


def test_a_gradient_norm_keeps_the_loss_scale_of_float16() -> None:
    half = trainer(model=TinyModel(torch.float16))
    huge = [
        TrainingSequence(s.tokens, s.weights * 1e6, s.advantages, s.rollout_logprobs, None, s.reference_logprobs)
        for s in batch()
    ]
    scale = half.state()["loss/scale"].clone()
    half.gradient_norm(huge, SPEC)
    assert torch.equal(half.state()["loss/scale"], scale)
