"""Tokens are chosen by the rules of the embedded engine, independently of other rows."""

import math
import random

import pytest
import torch
from torch import Tensor

from gradus_worker.sampling.choose_token import ChoiceRules, choose_tokens, uniform_at

# 2^32 times `uniformAt(key, t)` of src/core/rng.ts for t = 0, 1, 2, 31, 32767, 1048576.
COUNTERS = [0, 1, 2, 31, 32767, 1048576]
UNIFORMS = {
    0: [3904846235, 1647345219, 1322483500, 3197940505, 1024019484, 2349827536],
    1: [3892387674, 3985793203, 3040954674, 1695321478, 3917644217, 3338289782],
    12345: [1824253783, 246696836, 1692041720, 2164113596, 2650622178, 1710556449],
    2147483647: [3652424060, 1504029982, 3847650771, 596438951, 467405129, 1906217898],
    2147483648: [1626615151, 365866392, 3027361718, 2120205818, 3846512431, 855718319],
    4294967295: [4105091231, 2853728789, 3267148743, 1614243675, 839808773, 3025928433],
    1571330357: [1312669125, 2987794499, 2474723341, 3612287680, 374941728, 1529683751],
}


def test_uniform_numbers_equal_the_typescript_side() -> None:
    for key, expected in UNIFORMS.items():
        found = uniform_at(torch.full((6,), key), torch.tensor(COUNTERS)) * 4294967296
        assert found.tolist() == expected


def rules(temperature: list[float], top_p: list[float], top_k: list[int]) -> ChoiceRules:
    greedy = torch.tensor(temperature) == 0
    inverse = torch.tensor([1 / (t or 1) for t in temperature])
    return ChoiceRules(inverse, greedy, torch.tensor(top_p, dtype=torch.float64), torch.tensor(top_k))


def choose_slowly(
    logits: list[float], uniform: float, temperature: float, top_p: float, top_k: int
) -> tuple[int, float]:
    """Chooses tokens as src/engines/embedded/sampling/choose-token.ts does, of which it is a line-by-line port."""
    largest = max(logits)
    best = logits.index(largest)
    inverse = 1 / (temperature or 1)
    powers = [math.exp((x - largest) * inverse) for x in logits]
    total = 0.0
    for power in powers:
        total += power
    token, words = best, len(logits)
    if temperature > 0 and (top_p < 1 or 0 < top_k < words):
        order = sorted(range(words), key=lambda i: (-powers[i], i))
        most = min(top_k, words) if top_k > 0 else words
        mass, kept = 0.0, 0
        while kept < most and (kept == 0 or mass < top_p * total):
            mass += powers[order[kept]]
            kept += 1
        token = first_past([powers[i] for i in order[:kept]], uniform * mass)
        token = order[token]
    elif temperature > 0:
        token = first_past(powers, uniform * total)
    return token, (logits[token] - largest) * inverse - math.log(total)


def first_past(powers: list[float], target: float) -> int:
    last, total = 0, 0.0
    for i, power in enumerate(powers):
        if power == 0:
            continue
        last = i
        total += power
        if total > target:
            break
    return last


SETTINGS = [
    (1.0, 1.0, 0), (0.6, 1.0, 0), (0.0, 1.0, 0), (0.0, 0.5, 3), (1.0, 0.9, 0), (0.6, 0.95, 20), (1.3, 1.0, 5),
    (1.0, 1e-9, 0), (2.0, 1.0, 1), (0.7, 0.3, 10**6), (1.0, 0.999999, 0),
]  # fmt: skip


@pytest.mark.parametrize("words", [2, 60, 511, 512, 513, 3000])
def test_tokens_and_logprobs_equal_a_plain_implementation(words: int) -> None:
    generator = random.Random(words)
    torch.manual_seed(words)
    rows = [SETTINGS[i % len(SETTINGS)] for i in range(99)]
    # Few distinct values, so that ties are common. Some words are impossible.
    logits = (torch.randn(99, words) * 6).round() / 2
    logits[torch.rand(99, words) < 0.1] = -math.inf
    logits[:, 1] = 0.5
    numbers = [generator.choice([0.0, 1 - 2**-32, generator.random()]) for _ in rows]
    uniforms = torch.tensor(numbers, dtype=torch.float64)
    settings = rules(*map(list, zip(*rows, strict=True)))
    tokens, (logprobs, entropies) = choose_tokens(logits.clone(), uniforms, settings, filtered=True)
    for row, setting in enumerate(rows):
        # Powers are float32, so a number close to a boundary may fall on either side.
        near = [choose_slowly(logits[row].tolist(), numbers[row] + d, *setting) for d in (0, -1e-7, 1e-7)]
        logprob = dict(near)[int(tokens[row])]
        assert float(logprobs[row]) == pytest.approx(logprob, abs=1e-5)
        whole = torch.distributions.Categorical(logits=(logits[row] * settings.inverse_temperature[row]).double())
        assert float(entropies[row]) == pytest.approx(float(whole.entropy()), abs=1e-4)


def draw_all(logits: Tensor, uniforms: Tensor) -> Tensor:
    count = len(uniforms)
    rows = rules([1.0] * count, [1.0] * count, [0] * count)
    return choose_tokens(logits.expand(count, -1).clone(), uniforms, rows, filtered=False)[0]


def test_token_frequencies_match_their_probabilities() -> None:
    torch.manual_seed(2)
    logits = torch.randn(700)
    tokens = draw_all(logits, (torch.arange(20_000).double() + 0.5) / 20_000)
    counts = torch.bincount(tokens, minlength=700) / 20_000
    # Each interval of [0, 1) contains its share of the 20,000 points, give or take one.
    assert (counts - logits.softmax(0)).abs().max() <= 1.01 / 20_000


def test_rows_are_independent_and_non_finite_rows_get_nan_scores() -> None:
    torch.manual_seed(3)
    logits = torch.randn(6, 600)
    uniforms = torch.rand(6).double()
    setting = rules([1.0] * 6, [1.0, 0.9] * 3, [0] * 6)
    alone = choose_tokens(logits.clone(), uniforms, setting, filtered=True)
    logits[0, 17], logits[1, 599], logits[2] = math.nan, math.inf, -math.inf
    together = choose_tokens(logits.clone(), uniforms, setting, filtered=True)
    assert together[1].isnan().tolist() == [[True, True, True, False, False, False]] * 2
    assert all(0 <= token < 600 for token in together[0].tolist())
    for before, after in zip(alone, together, strict=True):
        assert torch.equal(before[..., 3:], after[..., 3:])
