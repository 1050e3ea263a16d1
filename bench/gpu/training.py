"""Training speed, as a fraction of the peak rate of a large matrix product."""

from __future__ import annotations

from itertools import product

import torch
from setting import DAPO, Row, Setting, free_memory_of, random_sequences

from gradus_worker.device.peak_rates import fastest
from gradus_worker.learning.flops import training_flops
from gradus_worker.learning.optimizer import OptimSettings
from gradus_worker.learning.trainer import Trainer
from gradus_worker.model.lora import TARGETS, Adapters, LoraSettings, LoraTransformer
from gradus_worker.model.model_folder import random_model


def bench_training(setting: Setting) -> list[Row]:
    """Times the gradient of a batch of equal sequences, and the update. MFU: required operations per second over the
    peak rate, without recomputation by checkpointing. Adapters have rank 16, on every matrix."""
    lengths = [64] if setting.is_toy else [2048, 8192, 16_384]
    rows = []
    for is_low_rank, is_checkpointed, length in product((False, True), (False, True), lengths):
        try:
            rows.append(_measure(setting, length, is_low_rank, is_checkpointed))
        except torch.OutOfMemoryError:
            rows.append({**_about(length, is_low_rank, is_checkpointed), "note": "does not fit"})
        free_memory_of(setting)
    return rows


def _about(length: int, is_low_rank: bool, is_checkpointed: bool) -> Row:
    learned = "low rank" if is_low_rank else "all weights"
    return {"sequence": length, "learned": learned, "checkpointing": "yes" if is_checkpointed else "no"}


def _measure(setting: Setting, length: int, is_low_rank: bool, is_checkpointed: bool) -> Row:
    model = random_model(setting.config, setting.device, setting.dtype, seed=0)
    weights = model.weights
    if is_low_rank:
        for weight in model.weights.values():
            weight.requires_grad_(False)
        adapters = Adapters(model, LoraSettings(16, 32, TARGETS))
        model, weights = LoraTransformer(adapters), adapters.weights
    model.activation_checkpointing = is_checkpointed
    budget = max(length, 256 if setting.is_toy else 16_384)
    trainer = Trainer(model, weights, head_size=setting.config.head_size, token_budget=budget)
    count = 2 * budget // length
    batch = random_sequences(setting, count, length)
    stats = trainer.forward_backward(batch, DAPO)
    learning = fastest(lambda: trainer.forward_backward(batch, DAPO), setting.device, rounds=3)
    update = fastest(lambda: trainer.optim_step(OptimSettings(1e-6)), setting.device, rounds=3)
    operations = training_flops(setting.config, [length] * count, is_low_rank=is_low_rank)
    return {
        **_about(length, is_low_rank, is_checkpointed),
        "microbatch": stats.token_budget,
        "tokens/s": count * length / learning,
        "MFU": operations / learning / setting.peak_rates.product_flops,
        "update s": update,
        "peak GB": torch.cuda.max_memory_allocated() / 1e9 if setting.device.type == "cuda" else None,
    }
