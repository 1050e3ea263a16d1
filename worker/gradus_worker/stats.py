"""Metrics of memory and speed, by name. A metric that has not been measured is absent."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from .device.peak_rates import PeakRates
from .learning.batch_loss import LossStats, TrainingSequence
from .learning.trainer import Trainer


def memory_stats(device: torch.device) -> dict[str, float]:
    """Returns memory in bytes: on CUDA the memory allocated by torch, on the CPU the peak of the whole process."""
    if device.type != "cuda":
        # Linux counts in KiB, macOS in bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        return {"memory/peak": float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)}
    free, total = torch.cuda.mem_get_info(device)
    return {
        "memory/allocated": float(torch.cuda.memory_allocated(device)),
        "memory/reserved": float(torch.cuda.memory_reserved(device)),
        "memory/peak": float(torch.cuda.max_memory_allocated(device)),
        "memory/free": float(free),
        "memory/total": float(total),
    }


def trainer_stats(trainer: Trainer) -> dict[str, float]:
    """Returns tokens and seconds of `forward_backward` since the start, and the current token budget of a
    microbatch."""
    counted = {"tokens": float(trainer.learned_tokens), "seconds": trainer.learning_seconds}
    found = {**counted, "tokensPerMicrobatch": float(trainer.scorer.token_budget)}
    return {
        f"trainer/{name}": value for name, value in {**found, **_rate(counted["tokens"], counted["seconds"])}.items()
    }


def sampler_stats(counts: Mapping[str, float], peak_rates: PeakRates | None) -> dict[str, float]:
    """Returns the sampler's counts, speed and mean batch size, and the share of the memory bandwidth that decoding
    reaches."""
    seconds = counts["sampler/decodeSeconds"] + counts["sampler/readSeconds"]
    found = {f"sampler/{name}": value for name, value in _rate(counts["sampler/tokens"], seconds).items()}
    steps = counts["sampler/steps"]
    batch = {} if steps == 0 else {"sampler/batch": counts["sampler/rowSteps"] / steps}
    written = counts["sampler/decodeSeconds"]
    reached = {}
    if peak_rates is not None and written > 0:
        reached["sampler/bandwidth"] = counts["sampler/decodeBytes"] / written / peak_rates.copy_bytes
    return {**counts, **found, **batch, **reached}


def learning_metrics(
    stats: LossStats, sequences: Sequence[TrainingSequence], operations: float, peak_rates: PeakRates | None
) -> dict[str, float]:
    """Returns metrics of one `forward_backward` besides its loss. `mfu`: operations per second over the device's peak
    rate."""
    found = {"microbatches": float(stats.microbatches), "tokensPerMicrobatch": float(stats.token_budget)}
    if peak_rates is not None and stats.seconds > 0:
        found["mfu"] = operations / stats.seconds / peak_rates.product_flops
    return found | ratio_percentiles(stats.logprobs, sequences)


def ratio_percentiles(logprobs: Sequence[Tensor], sequences: Sequence[TrainingSequence]) -> dict[str, float]:
    """Returns percentiles `ratio/p01` to `ratio/p99`, over tokens with nonzero weight, of the trainer's probability
    divided by the sampler's. Values far from 1 mean that the two disagree or that the rollouts are stale.
    """
    pairs = zip(logprobs, sequences, strict=True)
    ratios = np.concatenate(
        [(values - s.rollout_logprobs)[s.weights != 0].double().exp().numpy() for values, s in pairs]
    )
    if len(ratios) == 0 or not np.isfinite(ratios).all():
        return {}
    shares = {"p01": 0.01, "p50": 0.5, "p99": 0.99}
    values = np.quantile(ratios, list(shares.values())).tolist()
    return {f"ratio/{name}": value for name, value in zip(shares, values, strict=True)}


def _rate(tokens: float, seconds: float) -> dict[str, float]:
    return {} if seconds == 0 else {"tokensPerSecond": tokens / seconds}
