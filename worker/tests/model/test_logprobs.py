"""Chunked log-probabilities compared with plain autograd over all logits."""

import pytest
import torch

from gradus_worker.model.logprobs import chunked_logprobs


def inputs(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    hidden = torch.randn(13, 8, dtype=torch.float64).to(dtype).requires_grad_()
    weight = torch.randn(31, 8, dtype=torch.float64).to(dtype).requires_grad_()
    return hidden, weight, torch.randint(0, 31, (13,))


def plain(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    logs = ((hidden @ weight.T) / temperature).log_softmax(1)
    return logs.gather(1, targets[:, None])[:, 0], -(logs.exp() * logs).sum(1)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 5e-6)])
@pytest.mark.parametrize("rows", [1, 4, 64])
def test_values_and_gradients_equal_plain_autograd(dtype: torch.dtype, tolerance: float, rows: int) -> None:
    hidden, weight, targets = inputs(dtype)
    coefficients = torch.randn(2, 13, dtype=dtype)
    ours = chunked_logprobs(hidden, weight, targets, temperature=0.7, rows=rows)
    theirs = plain(hidden, weight, targets, 0.7)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, atol=tolerance, rtol=0)
    gradients = [
        torch.autograd.grad((coefficients[0] * lp + coefficients[1] * h).sum(), [hidden, weight])
        for lp, h in (ours, theirs)
    ]
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b, atol=10 * tolerance, rtol=tolerance)


def test_gradients_equal_finite_differences() -> None:
    hidden, weight, targets = inputs(torch.float64)
    assert torch.autograd.gradcheck(lambda h, w: chunked_logprobs(h, w, targets, rows=5), (hidden, weight))
    capped = {"rows": 5, "cap": 0.8, "temperature": 0.7}
    assert torch.autograd.gradcheck(lambda h, w: chunked_logprobs(h, w, targets, **capped), (hidden, weight))


def test_the_gradient_of_half_precision_weights_is_rounded_once() -> None:
    hidden, weight, targets = inputs(torch.bfloat16)
    torch.autograd.backward(chunked_logprobs(hidden, weight, targets, rows=4)[0].sum())
    assert weight.grad is not None
    exact_hidden, exact_weight = (value.detach().float().requires_grad_() for value in (hidden, weight))
    torch.autograd.backward(plain(exact_hidden, exact_weight, targets, 1.0)[0].sum())
    # Slopes are rounded to bfloat16 (8 bits) once, before the product; the sum over rows is not.
    assert exact_weight.grad is not None
    assert torch.allclose(weight.grad.float(), exact_weight.grad, atol=0.03, rtol=2**-8)


def test_an_impossible_word_causes_no_nan() -> None:
    hidden = torch.ones(2, 1, requires_grad=True)
    weight = torch.tensor([[0.0], [1.0], [float("-inf")]])
    logprobs, entropy = chunked_logprobs(hidden, weight, torch.tensor([0, 1]))
    assert torch.isfinite(logprobs).all()
    assert torch.isfinite(entropy).all()


def test_empty_input_gives_empty_output() -> None:
    hidden, weight, targets = inputs(torch.float32)
    logprobs, entropy = chunked_logprobs(hidden[:0], weight, targets[:0])
    assert logprobs.shape == entropy.shape == (0,)


def test_settings_out_of_range_are_rejected() -> None:
    hidden, weight, targets = inputs(torch.float32)
    with pytest.raises(ValueError, match="temperature"):
        chunked_logprobs(hidden, weight, targets, temperature=0)
    with pytest.raises(ValueError, match="rows"):
        chunked_logprobs(hidden, weight, targets, rows=0)
