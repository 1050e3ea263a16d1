"""Metrics, compared with values computed by hand."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from gradus_worker.device.peak_rates import PeakRates
from gradus_worker.learning.batch_loss import LossStats, TrainingSequence
from gradus_worker.stats import learning_metrics, sampler_stats

STATS = LossStats(
    **dict.fromkeys(("loss", "entropy", "kl", "clip_low", "clip_high", "mismatch_kl", "max_probability_gap"), 0.0),
    **dict.fromkeys(("tokens", "processed_tokens", "sequences"), 1),
    logprobs=[],
    seconds=2.0,
    microbatches=3,
    token_budget=64,
)
PEAK_RATES = PeakRates(product_flops=100.0, copy_bytes=1000.0)


def sequence(rollout: list[float], weights: list[float]) -> TrainingSequence:
    tokens = torch.zeros(len(rollout), dtype=torch.int32)
    values: dict[str, Any] = {"weights": torch.tensor(weights), "rollout_logprobs": torch.tensor(rollout)}
    return TrainingSequence(tokens, advantages=torch.zeros(len(rollout)), **values)


def test_mfu_and_ratio_percentiles_equal_values_by_hand() -> None:
    ratios = torch.linspace(0.5, 1.5, 101)
    # The first token has weight 0 and is ignored.
    sequences = [sequence([99.0, *[-1.0] * 101], [0.0, *[1.0] * 101])]
    stats = replace(STATS, logprobs=[torch.cat([torch.zeros(1), ratios.log() - 1])])
    found = learning_metrics(stats, sequences, 50.0, PEAK_RATES)
    assert found["mfu"] == 0.25
    assert [found[f"ratio/p{at}"] for at in ("01", "50", "99")] == pytest.approx([0.51, 1.0, 1.49], abs=1e-5)


def test_unmeasured_metrics_are_absent() -> None:
    stats = replace(STATS, logprobs=[torch.zeros(2)])
    found = learning_metrics(stats, [sequence([0.0, 0.0], [0.0, 0.0])], 50.0, None)
    assert found == {"microbatches": 3.0, "tokensPerMicrobatch": 64.0}


def test_bandwidth_is_a_share_of_the_peak_rate() -> None:
    names = ("tokens", "steps", "rowSteps", "decodeBytes", "readSeconds", "decodeSeconds")
    counts = {f"sampler/{name}": 4.0 for name in names} | {"sampler/decodeBytes": 800.0}
    assert sampler_stats(counts, PEAK_RATES)["sampler/bandwidth"] == 0.2
    assert "sampler/bandwidth" not in sampler_stats(counts, None)
