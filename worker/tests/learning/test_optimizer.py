"""AdamW compared with PyTorch."""

import pytest
import torch

from gradus_worker.learning.optimizer import AdamW, OptimSettings

SETTINGS = OptimSettings(learning_rate=0.01, beta2=0.95, weight_decay=0.1, max_grad_norm=0.5)


def parameters() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {"w": torch.randn(5, 3), "b": torch.randn(5)}


def gradients(step: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(100 + step)
    return {"w": torch.randn(5, 3), "b": torch.randn(5)}


def test_ten_steps_equal_pytorch() -> None:
    ours, theirs = parameters(), parameters()
    optimizer = AdamW(ours)
    groups = [{"params": [theirs["w"]], "weight_decay": 0.1}, {"params": [theirs["b"]], "weight_decay": 0.0}]
    reference = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95))
    for step in range(10):
        result = optimizer.step(gradients(step), SETTINGS)
        for name, gradient in gradients(step).items():
            theirs[name].grad = gradient
        norm = torch.nn.utils.clip_grad_norm_(theirs.values(), 0.5)
        reference.step()
        assert result.applied
        assert result.grad_norm == pytest.approx(norm.item(), rel=1e-6)
    for name in ours:
        assert torch.allclose(ours[name], theirs[name], atol=1e-6)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_non_finite_gradient_changes_nothing(bad: float) -> None:
    ours = parameters()
    optimizer = AdamW(ours)
    poisoned = gradients(0)
    poisoned["b"][2] = bad
    assert not optimizer.step(poisoned, SETTINGS).applied
    assert optimizer.steps == 0
    for name, value in parameters().items():
        assert torch.equal(ours[name], value)
        assert not optimizer.first[name].any()
        assert not optimizer.second[name].any()


def test_updates_below_half_precision_accumulate_in_the_masters() -> None:
    weight = torch.ones(2, 2, dtype=torch.bfloat16)
    optimizer = AdamW({"w": weight})
    for _ in range(100):
        optimizer.step({"w": torch.ones(2, 2)}, OptimSettings(learning_rate=1e-4))
    assert optimizer.masters["w"][0, 0].item() == pytest.approx(0.99, abs=1e-4)
    assert torch.equal(weight, optimizer.masters["w"].bfloat16())
