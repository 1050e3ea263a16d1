"""A complete GRPO step, 64 problems x 8 rollouts x 800 tokens, with the time of each part."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from setting import DAPO, Row, Setting
from workload import Workload, workload

from gradus_worker.device.peak_rates import synchronise
from gradus_worker.learning.batch_loss import TrainingSequence
from gradus_worker.learning.flops import training_flops
from gradus_worker.learning.optimizer import OptimSettings
from gradus_worker.learning.trainer import Trainer
from gradus_worker.model.model_folder import random_model
from gradus_worker.sampling.completion import Piece, SamplePrompt, SampleSettings
from gradus_worker.sampling.sampler import Sampler

Result = TypeVar("Result")


def bench_grpo_step(setting: Setting) -> list[Row]:
    """Times the second step, because the first compiles kernels. All rollouts have full length, because a random
    model never ends one."""
    work = workload(setting)
    model = random_model(setting.config, setting.device, setting.dtype, seed=0)
    trainer = Trainer(model, model.weights, head_size=setting.config.head_size, token_budget=16_384)
    sampler = Sampler(model, [], slots=min(512, work.rollouts))
    for _ in range(2):
        seconds, pieces = _step(setting, work, trainer, sampler)
    total = sum(seconds.values())
    length = work.prompt + work.completion
    operations = training_flops(setting.config, [length] * work.rollouts)
    of_learning = operations / seconds["gradient"] / setting.peak_rates.product_flops
    rows: list[Row] = [{"part": name, "seconds": value, "share": value / total} for name, value in seconds.items()]
    assert sum(len(piece.tokens) for piece in pieces) == work.rollouts * work.completion
    return [
        *rows,
        {"part": "whole step", "seconds": total, "share": 1.0, "tokens/s": work.rollouts * length / total},
        {"part": "MFU of the gradient", "share": of_learning},
    ]


def _step(setting: Setting, work: Workload, trainer: Trainer, sampler: Sampler) -> tuple[dict[str, float], list[Piece]]:
    before = sampler.stats()
    seconds: dict[str, float] = {}

    def timed(name: str, action: Callable[[], Result]) -> Result:
        synchronise(setting.device)
        began = time.perf_counter()
        result = action()
        synchronise(setting.device)
        seconds[name] = time.perf_counter() - began
        return result

    pieces = timed("sampling", lambda: _sample(work, sampler))
    spent = {name: value - before[name] for name, value in sampler.stats().items()}
    read, written = spent["sampler/readSeconds"], spent["sampler/decodeSeconds"]
    seconds = {"reading prompts": read, "writing": written, "rest of sampling": seconds["sampling"] - read - written}
    batch = timed("packing", lambda: _batch(work, pieces))
    timed("gradient", lambda: trainer.forward_backward(batch, DAPO))
    timed("update", lambda: trainer.optim_step(OptimSettings(1e-6)))
    return seconds, pieces


def _sample(work: Workload, sampler: Sampler) -> list[Piece]:
    keys = np.arange(work.rollouts, dtype=np.uint32).reshape(work.problems, work.group)
    prompts = [SamplePrompt(tokens, 0, key) for tokens, key in zip(work.prompts, keys, strict=True)]
    settings = SampleSettings(max_tokens=work.completion, temperature=1.0, top_p=1.0, top_k=0, stream=False)
    sampler.add(sampler.policy_version + 1, prompts, settings)
    pieces: list[Piece] = []
    while sampler.busy:
        pieces += [piece for progress in sampler.step() for piece in progress.pieces]
    return pieces


def _batch(work: Workload, pieces: list[Piece]) -> list[TrainingSequence]:
    """Builds sequences with advantages as if every second rollout were correct."""
    length = work.prompt + work.completion
    weights = (torch.arange(length) >= work.prompt).float() / (work.rollouts * work.completion)
    before = torch.zeros(work.prompt)
    return [
        TrainingSequence(
            tokens=torch.from_numpy(np.concatenate([work.prompts[piece.prompt], piece.tokens])),
            weights=weights,
            advantages=torch.full((length,), 1.0 if piece.index % 2 else -1.0),
            rollout_logprobs=torch.cat([before, torch.from_numpy(piece.logprobs)]),
        )
        for piece in pieces
    ]
