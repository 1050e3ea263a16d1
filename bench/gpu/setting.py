"""The device, the model shape and the formatting of results, which all benches share."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch

root = Path(__file__).parents[2]
sys.path.insert(0, str(root / "worker"))

from gradus_worker.device.peak_rates import PeakRates, measure_peak_rates  # noqa: E402
from gradus_worker.learning.batch_loss import TrainingSequence  # noqa: E402
from gradus_worker.model.config import ModelConfig  # noqa: E402

R1_DISTILL_QWEN_1_5B = ModelConfig(
    architecture="qwen2",
    vocab_size=151_936,
    hidden_size=1536,
    layers=28,
    heads=12,
    key_value_heads=2,
    head_size=128,
    intermediate_size=8960,
    norm_epsilon=1e-6,
    rope_theta=10_000,
    rope_scaling=None,
    max_positions=131_072,
    tie_embeddings=False,
    attention_bias=True,
)
"""The shape of DeepSeek-R1-Distill-Qwen-1.5B: 1.78 billion weights."""

TOY = replace(
    R1_DISTILL_QWEN_1_5B, vocab_size=512, hidden_size=64, layers=2, heads=4, head_size=16, intermediate_size=128
)


@dataclass(frozen=True)
class Setting:
    """Device, dtype and model of a bench. `is_toy`: sizes for a smoke test on a CPU."""

    device: torch.device
    dtype: torch.dtype
    config: ModelConfig
    peak_rates: PeakRates
    is_toy: bool

    @property
    def machine(self) -> str:
        is_cuda = self.device.type == "cuda"
        name = torch.cuda.get_device_name(self.device) if is_cuda else "processor"
        return f"{name}, torch {torch.__version__}"


def open_setting(is_toy: bool) -> Setting:
    """Opens CUDA in bfloat16 if available, else the CPU in float32."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    if device.type == "cpu":
        # On tensors as small as those of the toy sizes, threads mostly wait for each other.
        torch.set_num_threads(1)
    return Setting(device, dtype, TOY if is_toy else R1_DISTILL_QWEN_1_5B, measure_peak_rates(device, dtype), is_toy)


Row = dict[str, str | float | None]
"""A row of a table: values by column. None means not available; another column gives the
reason."""


def show_table(title: str, rows: list[Row]) -> None:
    """Prints a table with three significant digits."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_shown(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    print(f"\n{title}")
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    sys.stdout.flush()


def _shown(value: str | float | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def free_memory_of(setting: Setting) -> None:
    """Frees the memory of the previous model."""
    if setting.device.type == "cuda":
        torch.cuda.empty_cache()


DAPO: dict[str, object] = {
    "policy": {"type": "clipped", "ratio": "token", "clipLow": 0.2, "clipHigh": 0.28, "dualClip": None},
    "kl": None,
    "entropy": None,
    "importance": None,
    "temperature": 1,
}
"""The loss of the recipes, as data (`src/core/loss-spec.ts`)."""


def random_sequences(setting: Setting, count: int, length: int) -> list[TrainingSequence]:
    """Builds training sequences whose first fifth is a prompt. Advantages are ± 1."""
    generator = torch.Generator().manual_seed(1)
    weights = (torch.arange(length) >= max(1, length // 5)).float() / (count * length)
    return [
        TrainingSequence(
            tokens=torch.randint(setting.config.vocab_size, (length,), generator=generator, dtype=torch.int32),
            weights=weights,
            advantages=torch.full((length,), 1.0 if index % 2 else -1.0),
            rollout_logprobs=torch.full((length,), -10.0),
        )
        for index in range(count)
    ]
