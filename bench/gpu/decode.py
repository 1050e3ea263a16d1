"""Decode speed, as a fraction of the limit set by reading weights, keys and values once per token."""

from __future__ import annotations

import numpy as np
import torch
from setting import Row, Setting, free_memory_of

from gradus_worker.model.model_folder import random_model
from gradus_worker.model.transformer import Transformer
from gradus_worker.sampling.completion import SamplePrompt, SampleSettings
from gradus_worker.sampling.sampler import Sampler


def bench_decode(setting: Setting) -> list[Row]:
    """Decodes batches of distinct prompts, so that no two rows share keys and values. `context`: their final length."""
    sizes = [(4, 64), (8, 64)] if setting.is_toy else [(b, c) for c in (2048, 8192) for b in (64, 256, 512)]
    model = random_model(setting.config, setting.device, setting.dtype, seed=0)
    rows = []
    for batch, context in sizes:
        try:
            rows.append(_measure(setting, model, batch, context))
        except (torch.OutOfMemoryError, ValueError) as error:
            rows.append({"batch": batch, "context": context, "note": f"does not fit: {error}"[:60]})
        free_memory_of(setting)
    return rows


def _measure(setting: Setting, model: Transformer, batch: int, context: int) -> Row:
    written = context // 8
    sampler = Sampler(model, [], slots=batch, cache_bytes=_cache_bytes(setting, batch, context))
    settings = SampleSettings(max_tokens=written, temperature=1.0, top_p=1.0, top_k=0, stream=False)
    random = np.random.default_rng(0)

    def prompts(length: int) -> list[SamplePrompt]:
        drawn = random.integers(0, setting.config.vocab_size, (batch, length), dtype=np.int32)
        keys = random.integers(0, 2**32, (batch, 1), dtype=np.uint32)
        return [SamplePrompt(tokens, 0, key) for tokens, key in zip(drawn, keys, strict=True)]

    # Compile kernels and capture graphs before timing.
    sampler.add(1, prompts(16), SampleSettings(max_tokens=40, temperature=1.0, top_p=1.0, top_k=0, stream=False))
    while sampler.busy:
        sampler.step()
    before = sampler.stats()
    sampler.add(2, prompts(context - written), settings)
    while sampler.busy:
        sampler.step()
    spent = {name: value - before[name] for name, value in sampler.stats().items()}
    seconds, bytes_read = spent["sampler/decodeSeconds"], spent["sampler/decodeBytes"]
    roof = spent["sampler/rowSteps"] * setting.peak_rates.copy_bytes / bytes_read
    rate = spent["sampler/rowSteps"] / seconds
    return {
        "batch": batch,
        "context": context,
        "tokens/s": rate,
        "roof tokens/s": roof,
        "of the roof": rate / roof,
        "prompt tokens/s": spent["sampler/promptTokens"] / spent["sampler/readSeconds"],
        "slots": spent["sampler/slots"] + before["sampler/slots"],
    }


def _cache_bytes(setting: Setting, batch: int, context: int) -> int | None:
    """Returns the bytes of cache for the complete batch, None without CUDA. Raises OutOfMemoryError if
    it does not fit."""
    if setting.device.type != "cuda":
        return None
    config = setting.config
    a_position = 2 * config.layers * config.key_value_heads * config.head_size * setting.dtype.itemsize
    wanted = batch * (context + 128) * a_position
    free, _ = torch.cuda.mem_get_info(setting.device)
    if wanted > free * 0.9:
        raise torch.OutOfMemoryError(f"{wanted / 1e9:.0f} GB of keys and values, {free / 1e9:.0f} GB free")
    return wanted
