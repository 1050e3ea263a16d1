"""Failures leave no requests, blocks or NaN behind."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from reference_sampler import (
    ENDS,
    PLAIN,
    SHAPES,
    Written,
    assert_idle,
    assert_same,
    joined,
    prompts,
    reference_sample,
    run,
    sample,
)
from torch import Tensor

from gradus_worker.model.packed_attention import Attend
from gradus_worker.model.transformer import Transformer
from gradus_worker.sampling.completion import Ended, Failed
from gradus_worker.sampling.sampler import Sampler


class Faulty(Transformer):
    """A model with injected failures."""

    fault: Callable[[Tensor], Tensor] | None = None

    def hidden(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        found = super().hidden(tokens, positions, attend)
        return found if self.fault is None else self.fault(found)

    def project(self, name: str, x: Tensor) -> Tensor:
        return super().project(name, x) if name != self.broken else super().project(name, x) * float("nan")

    broken = ""


@pytest.mark.parametrize("when", [0, 2, 4])
def test_non_finite_logits_end_their_requests_and_leave_no_nan(
    model: Transformer, expected: dict[str, Written], when: int
) -> None:
    faulty = Faulty(model.config, model.weights)
    sampler = Sampler(faulty, ENDS, slots=8, steps=3)
    sampler.add(1, prompts(*SHAPES), PLAIN)
    sampler.add(2, prompts((5, 1)), PLAIN)

    def turn(step: int) -> None:
        # Every key and value of the second layer in the cache is NaN.
        faulty.broken = "layers.1.qkv" if step == when else ""

    found = run(sampler, turn)
    pieces, end = found[1]
    assert isinstance(end, Failed)
    assert end.code == "non-finite"
    assert "expected finite logits" in end.message
    assert joined(pieces).items() <= expected["plain"].items() or when > 0
    assert isinstance(found[2][1], Ended)
    assert_idle(sampler)
    assert_same(sample(sampler, prompts(*SHAPES)), expected["plain"])


def test_a_non_finite_request_does_not_affect_others(model: Transformer, expected: dict[str, Written]) -> None:
    weights = {name: w.detach().clone() for name, w in model.weights.items()}
    weights["embed.weight"][59] = float("inf")
    sampler = Sampler(Transformer(model.config, weights), ENDS, slots=8)
    asked = [replace(p, tokens=np.minimum(p.tokens, 58)) for p in prompts(*SHAPES)]
    poison = replace(asked[0], tokens=np.array([1, 59, 3], np.int32))
    sampler.add(1, asked, replace(PLAIN, max_tokens=3))
    sampler.add(2, [asked[1], poison], PLAIN)
    sampler.add(3, asked, replace(PLAIN, max_tokens=3))
    found = run(sampler)
    assert isinstance(found[2][1], Failed)
    assert_same(joined(found[1][0]), joined(found[3][0]))
    assert_same(joined(found[1][0]), reference_sample(sampler._model, asked, replace(PLAIN, max_tokens=3)))
    assert_idle(sampler)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("injected"), RuntimeError("CUDA error: out of memory")])
def test_running_out_of_memory_shrinks_batches_and_loses_nothing(
    model: Transformer, expected: dict[str, Written], error: RuntimeError, capfd: pytest.CaptureFixture[str]
) -> None:
    faulty = Faulty(model.config, model.weights)

    calls = iter(range(10_000))

    def scarce(hidden: Tensor) -> Tensor:
        if next(calls) in (0, 4, 17):
            raise error
        return hidden

    faulty.fault = scarce
    sampler = Sampler(faulty, ENDS, slots=24, read_positions=300)
    assert_same(sample(sampler, prompts(*SHAPES)), expected["plain"])
    assert sampler.slots == 3
    assert "at most 3 completions at a time" in capfd.readouterr().err
    # Memory is available again.
    slots = []
    for _ in range(40):
        sample(sampler, prompts((5, 1)), replace(PLAIN, max_tokens=2))
        slots.append(sampler.slots)
    assert slots[:7] == [3] * 7
    assert sorted(set(slots)) == [3, 6, 12, 24]
    assert_same(sample(sampler, prompts(*SHAPES)), expected["plain"])


def test_too_little_memory_for_one_completion_is_an_error_and_the_sampler_continues(
    model: Transformer, expected: dict[str, Written]
) -> None:
    faulty = Faulty(model.config, model.weights)

    def never(hidden: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("injected")

    faulty.fault = never
    sampler = Sampler(faulty, ENDS, slots=4)
    sampler.add(1, prompts((5, 3)), PLAIN)
    ((_, end),) = run(sampler).values()
    assert isinstance(end, Failed)
    assert end.code == "oom"
    faulty.fault = None
    assert_same(sample(sampler, prompts(*SHAPES)), expected["plain"])


def test_an_unexpected_error_drops_all_requests(model: Transformer, expected: dict[str, Written]) -> None:
    faulty = Faulty(model.config, model.weights)
    sampler = Sampler(faulty, ENDS)
    sampler.add(1, prompts(*SHAPES), PLAIN)
    sampler.step()

    def broken(hidden: Tensor) -> Tensor:
        raise RuntimeError("injected")

    faulty.fault = broken
    with pytest.raises(RuntimeError, match="injected"):
        sampler.step()
    faulty.fault = None
    assert_idle(sampler)
    assert_same(sample(sampler, prompts(*SHAPES)), expected["plain"])
