"""What `stats` says of memory and speed, by name. What has not been measured yet is not there."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping

import torch

from .train import Trainer


def memory_stats(device: torch.device) -> dict[str, float]:
    """Bytes. On CUDA what torch holds; on the CPU the whole process."""
    if device.type != "cuda":
        # The kernel counts in kibibytes, that of macOS in bytes.
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
    """Tokens of `forward_backward` and its seconds since the start, and the most tokens of a microbatch now."""
    counted = {"tokens": float(trainer.learned_tokens), "seconds": trainer.learning_seconds}
    found = {**counted, "tokensPerMicrobatch": float(trainer.scorer.token_budget)}
    return {
        f"trainer/{name}": value for name, value in {**found, **_rate(counted["tokens"], counted["seconds"])}.items()
    }


def sampler_stats(counts: Mapping[str, float]) -> dict[str, float]:
    """The sampler's own counts, how fast it writes, and the mean number of completions written at a time."""
    seconds = counts["sampler/decodeSeconds"] + counts["sampler/readSeconds"]
    found = {f"sampler/{name}": value for name, value in _rate(counts["sampler/tokens"], seconds).items()}
    steps = counts["sampler/steps"]
    batch = {} if steps == 0 else {"sampler/batch": counts["sampler/rowSteps"] / steps}
    return {**counts, **found, **batch}


def _rate(tokens: float, seconds: float) -> dict[str, float]:
    return {} if seconds == 0 else {"tokensPerSecond": tokens / seconds}
