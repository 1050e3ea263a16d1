"""Completions depend only on prompt, key and settings."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from reference_sampler import (
    ENDS,
    PLAIN,
    SETTINGS,
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

from gradus_worker.learning.trainer import Trainer
from gradus_worker.model.transformer import Transformer
from gradus_worker.sampling.completion import Ended
from gradus_worker.sampling.decoder import batch_sizes
from gradus_worker.sampling.sampler import Sampler


@pytest.mark.parametrize("name", SETTINGS)
def test_tokens_equal_those_of_the_reference_sampler(
    model: Transformer, expected: dict[str, Written], name: str
) -> None:
    written = sample(Sampler(model, ENDS), prompts(*SHAPES), SETTINGS[name])
    assert_same(written, expected[name])
    if name in ("plain", "cool"):
        assert {reason for _, _, reason in written.values()} == {"stop", "length"}


# Bytes of the keys and values per position: 2 layers, 2 heads, 8 elements of 4 bytes.
POSITION = 2 * 2 * 2 * 8 * 4


@pytest.mark.parametrize(
    "options",
    [
        {"slots": 1},
        {"slots": 3, "steps": 1},
        {"slots": 5, "steps": 7, "read_positions": 5},
        {"steps": 16, "block_size": 32},
        {"steps": 3, "block_size": 1, "read_positions": 33},
        # Memory for only the longest completion, then for slightly more: rows lose their blocks and are read again.
        {"cache_bytes": 64 * POSITION},
        {"cache_bytes": 64 * POSITION, "block_size": 8, "read_positions": 7},
        {"cache_bytes": 96 * POSITION, "steps": 9},
        {"cache_bytes": 200 * POSITION, "block_size": 4, "steps": 2},
    ],
)
def test_batch_size_block_size_and_order_do_not_change_tokens(
    model: Transformer, expected: dict[str, Written], options: dict[str, Any]
) -> None:
    sampler = Sampler(model, ENDS, **options)
    assert_same(sample(sampler, prompts(*SHAPES)), expected["plain"])
    # Reversed, with split groups, with one request per prompt, and together with two requests with other settings.
    sampler.add(1, prompts(*SHAPES), SETTINGS["cool"])
    for place, prompt in reversed(list(enumerate(prompts(*SHAPES)))):
        half = len(prompt.random_keys) // 2
        second = replace(prompt, first_index=2 + half, random_keys=prompt.random_keys[half:])
        sampler.add(100 + place, [replace(prompt, random_keys=prompt.random_keys[:half]), second], PLAIN)
    sampler.add(2, prompts(*SHAPES), SETTINGS["streamed"])
    found = {request: joined(pieces) for request, (pieces, _) in run(sampler).items()}
    assert_same(found.pop(1), expected["cool"])
    assert_same(found.pop(2), expected["streamed"])
    parts = {(request - 100, index): text for request, one in found.items() for (_, index), text in one.items()}
    assert_same(parts, expected["plain"])
    assert_idle(sampler)
    if options.get("cache_bytes") == 96 * POSITION:
        assert sampler.stats()["sampler/rereads"] > 0


def test_prompts_are_read_once_and_no_step_is_wasted(model: Transformer) -> None:
    sampler = Sampler(model, ENDS, steps=1)
    written = sample(sampler, prompts(*SHAPES))
    stats = sampler.stats()
    assert stats["sampler/promptTokens"] == sum(length for length, _ in SHAPES)
    assert stats["sampler/tokens"] == sum(len(tokens) for tokens, _, _ in written.values())
    assert stats["sampler/rowSteps"] == stats["sampler/tokens"] - len(written)
    assert stats["sampler/rereads"] == 0


@pytest.mark.parametrize("name", ["plain", "cool", "greedy"])
def test_logprobs_equal_those_of_the_trainer(model: Transformer, name: str) -> None:
    asked = prompts(*SHAPES)
    settings = replace(SETTINGS[name], max_tokens=60)
    written = sample(Sampler(model, [0]), asked, settings)
    trainer = Trainer(model, model.weights, head_size=8, token_budget=300)
    whole = [torch.tensor(asked[place].tokens.tolist() + tokens) for (place, _), (tokens, _, _) in written.items()]
    theirs = trainer.logprobs(whole, settings.temperature or 1.0)
    for values, (tokens, logprobs, _) in zip(theirs, written.values(), strict=True):
        assert values[-len(tokens) :].tolist() == pytest.approx(logprobs, abs=1e-5)


def test_a_completion_ends_at_the_last_position_of_the_model(model: Transformer) -> None:
    written = sample(Sampler(model, []), prompts((120, 2), (127, 2)), replace(PLAIN, max_tokens=500))
    assert [(len(tokens), reason) for _, (tokens, _, reason) in sorted(written.items())] == [(8, "length")] * 2 + [
        (1, "length")
    ] * 2


def test_weights_are_read_at_every_step(model: Transformer) -> None:
    changed = Transformer(model.config, {name: w.detach().clone() for name, w in model.weights.items()})
    sampler = Sampler(changed, ENDS)
    before = sample(sampler, prompts(*SHAPES))
    for name, weight in changed.weights.items():
        weight.copy_(model.weights[name] * 0.9)
    after = sample(sampler, prompts(*SHAPES))
    assert after != before
    assert_same(after, reference_sample(changed, prompts(*SHAPES), PLAIN))


def test_pieces_name_the_policy_of_their_first_and_last_token(model: Transformer) -> None:
    sampler = Sampler(model, [], slots=1, steps=2)
    sampler.add(1, prompts((3, 2)), replace(PLAIN, max_tokens=9))
    sampler.policy_version = 5

    def count_up(_: int) -> None:
        sampler.policy_version += 1

    ((pieces, _),) = run(sampler, count_up).values()
    versions = [(piece.policy_version_start, piece.policy_version_end) for piece in pieces]
    assert versions == [(6, 9), (10, 13)]


def test_aborts_end_only_the_named_completions(model: Transformer, expected: dict[str, Written]) -> None:
    sampler = Sampler(model, ENDS, slots=6, steps=2)
    for request in (1, 2, 3):
        sampler.add(request, prompts(*SHAPES), PLAIN)
    gone = [(1, 2), (1, 6), (2, 3), (5, 3), (4, 2)]

    def abort(step: int) -> None:
        if step == 3:
            sampler.abort(1, [*gone, (0, 99), (77, 2)])
            sampler.abort(3)
            sampler.abort(12345)

    found = run(sampler, abort)
    whole = {request: joined(pieces) for request, (pieces, _) in found.items()}
    assert_same(whole[2], expected["plain"])
    assert_same(whole[1], {name: text for name, text in expected["plain"].items() if name in whole[1]})
    for request, left in ((1, 17 - len(gone)), (3, 0)):
        end = found[request][1]
        assert end.finished == len(whole[request]) >= left
        assert end.finished + end.aborted == 17
    assert found[1][1].aborted > 0
    assert_idle(sampler)


def test_a_request_aborted_before_its_first_step_ends_in_the_next_step(model: Transformer) -> None:
    sampler = Sampler(model, ENDS)
    sampler.add(1, prompts((5, 3)), PLAIN)
    sampler.abort(1, None)
    assert [(p.request, p.pieces, p.end) for p in sampler.step()] == [(1, [], Ended(0, 3))]
    sampler.add(2, [], PLAIN)
    sampler.add(3, prompts((5, 0)), PLAIN)
    assert [p.end for p in sampler.step()] == [Ended(0, 0)] * 2
    assert_idle(sampler)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_tokens": 0}, "maxTokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0.0}, "topP"),
        ({"top_p": 1.1}, "topP"),
        ({"top_k": -1}, "topK"),
    ],
)
def test_invalid_settings_are_rejected(model: Transformer, change: dict[str, Any], message: str) -> None:
    sampler = Sampler(model, ENDS)
    with pytest.raises(ValueError, match=message):
        sampler.add(1, prompts((3, 1)), replace(PLAIN, **change))
    assert_idle(sampler)


BAD_PROMPTS = [
    ([], "at least one token"),
    ([1] * 128, "shorter than 128"),
    ([3, 60], r"below 60, got \[60\]"),
    ([-1], "below 60"),
    ([1] * 64, "fit the 64 positions"),
]


def test_invalid_prompts_are_rejected(model: Transformer) -> None:
    sampler = Sampler(model, ENDS, cache_bytes=64 * POSITION)
    (good,) = prompts((3, 1))
    for tokens, message in BAD_PROMPTS:
        with pytest.raises(ValueError, match=message):
            sampler.add(1, [good, replace(good, tokens=np.array(tokens, np.int32))], PLAIN)
        assert_idle(sampler)
    sampler.add(1, [good], PLAIN)
    with pytest.raises(ValueError, match="a new request, got 1"):
        sampler.add(1, [good], PLAIN)
    assert len(run(sampler)) == 1


def test_padded_batches_and_captures_do_not_change_tokens(model: Transformer, expected: dict[str, Written]) -> None:
    """As on CUDA, with plain calls instead of graphs."""
    sampler = Sampler(model, ENDS, steps=5)
    decoder: Any = sampler._batch._decoder
    decoder._sizes = batch_sizes(sampler.slots)
    seen = set()

    class Rehearsed:
        count = 0

        def is_ready(self, rows: int, filtered: bool) -> bool:
            return False

        def prepare(self, rows: int, filtered: bool) -> None:
            seen.add(rows)
            for _ in range(3):
                decoder._step(rows, filtered)

        def run(self, rows: int, filtered: bool) -> None:
            decoder._step(rows, filtered)

    decoder._graphs = Rehearsed()
    assert_same(sample(sampler, prompts(*SHAPES)), expected["plain"])
    assert seen <= set(batch_sizes(sampler.slots))
    assert 16 in seen


def test_batch_sizes_pad_by_at_most_half() -> None:
    assert batch_sizes(1) == [1]
    assert batch_sizes(5) == [1, 2, 4, 5]
    assert batch_sizes(64) == [1, 2, 4, 8, 12, 16, 24, 32, 48, 64]
    sizes = batch_sizes(500)
    assert sizes[-1] == 500
    assert all(b <= 2 * a for a, b in pairwise(sizes))


def test_the_sampler_runs_on_the_triton_kernel(
    model: Transformer, expected: dict[str, Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("triton")
    monkeypatch.setattr("gradus_worker.sampling.paged_attention_triton._PROGRAMS", 4)
    sampler = Sampler(model, ENDS)
    decoder: Any = sampler._batch._decoder
    decoder._attention = "triton"
    short = [p for p in prompts(*SHAPES) if len(p.tokens) < 4]
    written = sample(sampler, short[:1], SETTINGS["few"])
    assert_same(written, {name: text for name, text in expected["few"].items() if name[0] == 0})
