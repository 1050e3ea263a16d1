"""A rollout written in several calls has the same tokens and log-probabilities as in a single call."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_client import local_client, sampling
from reference_sampler import (
    ENDS,
    PLAIN,
    SETTINGS,
    SHAPES,
    Written,
    assert_same,
    joined,
    prompts,
    reference_sample,
    run,
    sample,
)

from gradus_worker.model.transformer import Transformer
from gradus_worker.sampling.completion import SamplePrompt, SampleSettings
from gradus_worker.sampling.sampler import Sampler


def sample_in_calls(
    model: Transformer, settings: SampleSettings, splits: list[int], options: dict[str, Any]
) -> Written:
    """Writes the rollouts of `SHAPES` in calls that end at these positions; later calls continue single rollouts."""
    asked = prompts(*SHAPES)
    names = [(place, index) for place, one in enumerate(asked) for index in range(2, 2 + len(one.random_keys))]
    written: Written = {name: ([], [], "") for name in names}
    start = 0
    for end in [*splits, settings.max_tokens]:
        open_names = [name for name in names if written[name][2] != "stop"]
        continued = []
        for place, index in open_names:
            prompt = asked[place]
            tokens = np.array([*prompt.tokens, *written[place, index][0]], np.int32)
            continued.append(SamplePrompt(tokens, index, prompt.random_keys[index - 2 : index - 1], start))
        found = sample(Sampler(model, ENDS, **options), continued, replace(settings, max_tokens=end - start))
        for at, name in enumerate(open_names):
            tokens, logprobs, reason = found[at, name[1]]
            written[name] = written[name][0] + tokens, written[name][1] + logprobs, reason
        start = end
    return written


@pytest.mark.parametrize(
    ("splits", "options"),
    [([1], {}), ([23], {"slots": 1}), ([2, 3, 11], {"slots": 3, "steps": 1}), ([7, 16], {"slots": 5, "steps": 7})],
)
@pytest.mark.parametrize("name", ["plain", "cool", "top-k", "greedy"])
def test_tokens_written_in_several_calls_equal_those_of_one(
    model: Transformer, name: str, splits: list[int], options: dict[str, Any]
) -> None:
    settings = {**SETTINGS, "top-k": replace(PLAIN, top_k=5, temperature=1.5)}[name]
    settings = replace(settings, max_tokens=24)
    whole = sample(Sampler(model, ENDS), prompts(*SHAPES), settings)
    assert_same(sample_in_calls(model, settings, splits, options), whole)


def test_one_token_per_call_is_bit_equal_to_a_loop_that_reads_everything_again(model: Transformer) -> None:
    """With calls of equal shapes, neither tokens nor log-probabilities differ in a single bit."""
    settings = replace(SETTINGS["cool"], max_tokens=6)
    written = sample_in_calls(model, settings, [1, 2, 3, 4, 5], {"slots": 1})
    assert written == reference_sample(model, prompts(*SHAPES), settings)


def test_a_continuation_without_first_position_draws_other_tokens(model: Transformer) -> None:
    """Tokens depend on the position; otherwise the tests above would pass for any position."""
    settings = replace(PLAIN, temperature=2.0)
    (prompt,) = prompts((5, 8))
    at_0 = sample(Sampler(model, []), [prompt], settings)
    at_3 = sample(Sampler(model, []), [replace(prompt, first_position=3)], settings)
    assert all(at_0[name][0] != at_3[name][0] for name in at_0)


INSERTED = [5, 9, 13]


def stop_and_continue(
    model: Transformer, is_continued: bool, aborts: bool = False, **options: Any
) -> tuple[Written, float, Sampler]:
    """Continues the completions that stopped, or that were aborted after a few tokens, after inserted tokens.

    Returns what the continuations wrote, the number of tokens that they read, and the sampler.
    """
    sampler = Sampler(model, [] if aborts else ENDS, **options)
    asked = prompts(*SHAPES)
    names = [(place, index) for place, one in enumerate(asked) for index in range(2, 2 + len(one.random_keys))]
    settings = replace(PLAIN, stream=aborts, is_continued=is_continued)
    sampler.add(1, asked, settings)
    ((pieces, _),) = run(sampler, lambda count: sampler.abort(1, names) if aborts and count == 3 else None).values()
    continued = []
    for name, (tokens, _, reason) in sorted(joined(pieces).items()):
        if not aborts and reason != "stop":
            continue
        prompt, kept = asked[name[0]], tokens[: len(tokens) - 2 * aborts]
        whole = np.array([*prompt.tokens, *kept, *INSERTED], np.int32)
        keys = prompt.random_keys[name[1] - 2 : name[1] - 1]
        continued.append(SamplePrompt(whole, name[1], keys, len(kept)))
    assert len(continued) > 2
    before = sampler.stats()["sampler/promptTokens"]
    sampler.add(2, continued, replace(PLAIN, max_tokens=8))
    ((pieces, _),) = run(sampler).values()
    return joined(pieces), sampler.stats()["sampler/promptTokens"] - before, sampler


@pytest.mark.parametrize("aborts", [False, True])
@pytest.mark.parametrize("options", [{}, {"slots": 3, "steps": 2}, {"slots": 5, "cache_bytes": 60_000}])
def test_a_continuation_writes_the_same_whether_its_keys_and_values_were_kept(
    model: Transformer, aborts: bool, options: dict[str, Any]
) -> None:
    expected, read_all, _ = stop_and_continue(model, False, aborts, **options)
    found, read, sampler = stop_and_continue(model, True, aborts, **options)
    assert_same(found, expected)
    if not options:
        assert 2 * read < read_all
    sampler.policy_version = 1
    stats = sampler.stats()
    assert stats["sampler/freeCacheBlocks"] == stats["sampler/cacheBlocks"]


def test_keys_and_values_are_not_kept_across_a_change_of_the_weights(model: Transformer) -> None:
    sampler = Sampler(model, ENDS)
    for is_continued in (True, False):
        sampler.add(1, prompts(*SHAPES), replace(PLAIN, is_continued=is_continued))
        run(sampler)
        stats = sampler.stats()
        assert (stats["sampler/freeCacheBlocks"] < stats["sampler/cacheBlocks"]) == is_continued
        sampler.policy_version += 1


def test_the_protocol_carries_first_position_and_its_absence_means_0(tiny_folder: Path) -> None:
    request = sampling([[1, 2, 3]], 1, 12, temperature=2)
    with local_client(tiny_folder, endTokens=[60]) as client:
        whole = client.ask("sample", **request).completions[0, 0]
        assert len(whole) == 12
        assert client.ask("sample", **positioned(request, 0)).completions[0, 0] == whole
        first = client.ask("sample", **{**request, "maxTokens": 4}).completions[0, 0]
        assert first == whole[:4]
        rest = sampling([[1, 2, 3, *first]], 1, 8, temperature=2)
        assert client.ask("sample", **positioned(rest, 4)).completions[0, 0] == whole[4:]
        refused = client.ask("sample", **positioned(request, -1))
        assert refused.code == "bad-request"


def positioned(request: dict[str, Any], position: int) -> dict[str, Any]:
    return {**request, "prompts": [{**one, "firstPosition": position} for one in request["prompts"]]}
