"""A reference sampler without a cache or batches, and the requests used to compare both samplers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gradus_worker.model.packed_attention import causal_attention
from gradus_worker.model.transformer import Transformer
from gradus_worker.sampling.choose_token import ChoiceRules, choose_tokens, uniform_at
from gradus_worker.sampling.completion import Ended, Piece, SamplePrompt, SampleSettings
from gradus_worker.sampling.sampler import Sampler

GOLDEN = Path(__file__).parents[2] / "test" / "golden"
CPU = torch.device("cpu")
ENDS = [0, 7, 30]
PLAIN = SampleSettings(max_tokens=24, temperature=1.0, top_p=1.0, top_k=0, stream=False)

Written = dict[tuple[int, int], tuple[list[int], list[float], str]]


def prompts(*shapes: tuple[int, int], seed: int = 1) -> list[SamplePrompt]:
    """Makes random prompts with the given numbers of tokens and completions."""
    random = np.random.default_rng(seed)
    return [
        SamplePrompt(
            random.integers(0, 60, length).astype(np.int32), 2, random.integers(0, 2**32, count).astype(np.uint32)
        )
        for length, count in shapes
    ]


SHAPES = [(3, 4), (40, 5), (16, 3), (1, 2), (32, 1), (17, 2)]


def run(sampler: Sampler, wait: Callable[[int], None] = lambda _: None) -> dict[int, tuple[list[Piece], Any]]:
    """Steps until the sampler is idle; calls `wait` before each step."""
    found: dict[int, tuple[list[Piece], Any]] = {}
    for count in range(10_000):
        if not sampler.busy:
            return found
        wait(count)
        for progress in sampler.step():
            pieces, end = found.setdefault(progress.request, ([], None))
            assert end is None
            found[progress.request] = (pieces + progress.pieces, progress.end)
    raise AssertionError("expected the sampler to become idle")


def joined(pieces: list[Piece]) -> Written:
    result: Written = {}
    for piece in pieces:
        tokens, logprobs, reason = result.get((piece.prompt, piece.index), ([], [], ""))
        assert not reason, "expected no piece after the end"
        assert len(piece.tokens) == len(piece.logprobs) == len(piece.entropies) > 0
        name = piece.prompt, piece.index
        result[name] = tokens + piece.tokens.tolist(), logprobs + piece.logprobs.tolist(), piece.finish_reason or ""
    return result


def assert_same(found: Written, expected: Written, tolerance: float = 1e-5) -> None:
    assert found.keys() == expected.keys()
    for name, (tokens, logprobs, reason) in expected.items():
        assert found[name][0] == tokens
        assert found[name][2] == reason
        assert found[name][1] == pytest.approx(logprobs, abs=tolerance)


def sample(sampler: Sampler, asked: list[SamplePrompt], settings: SampleSettings = PLAIN) -> Written:
    sampler.add(9, asked, settings)
    ((pieces, end),) = run(sampler).values()
    written = joined(pieces)
    assert end == Ended(len(written), 0)
    assert_idle(sampler)
    return written


def assert_idle(sampler: Sampler) -> None:
    stats = sampler.stats()
    assert stats["sampler/freeCacheBlocks"] == stats["sampler/cacheBlocks"]
    assert not sampler.busy
    assert sampler.step() == []


def logits_after(model: Transformer, tokens: list[int]) -> Tensor:
    attend = causal_attention("per-sequence", [len(tokens)], CPU)
    with torch.no_grad():
        return model.hidden(torch.tensor(tokens), torch.arange(len(tokens)), attend)[-1:] @ model.head_weight.T


def reference_sample(model: Transformer, asked: list[SamplePrompt], s: SampleSettings) -> Written:
    """Writes one token at a time and reads the complete sequence again for each."""
    rules = ChoiceRules(
        torch.tensor([1 / (s.temperature or 1)]),
        torch.tensor([s.temperature == 0]),
        torch.tensor([s.top_p], dtype=torch.float64),
        torch.tensor([s.top_k]),
    )
    found: Written = {}
    for place, prompt in enumerate(asked):
        for index, key in enumerate(prompt.random_keys.tolist(), prompt.first_index):
            tokens, logprobs, reason = prompt.tokens.tolist(), [], ""
            while not reason:
                uniform = uniform_at(torch.tensor([key]), torch.tensor([len(logprobs)]))
                token, scores = choose_tokens(logits_after(model, tokens), uniform, rules, filtered=True)
                tokens.append(int(token))
                logprobs.append(float(scores[0]))
                if tokens[-1] in ENDS:
                    reason = "stop"
                elif len(logprobs) == s.max_tokens or len(tokens) == model.config.max_positions:
                    reason = "length"
            found[place, index] = (tokens[len(prompt.tokens) :], logprobs, reason)
    return found


SETTINGS = {
    "plain": PLAIN,
    "greedy": replace(PLAIN, temperature=0.0, max_tokens=9),
    "cool": replace(PLAIN, temperature=0.6, top_p=0.9),
    "few": replace(PLAIN, temperature=1.5, top_k=4, max_tokens=5),
    "one": replace(PLAIN, max_tokens=1),
    "streamed": replace(PLAIN, stream=True),
}
