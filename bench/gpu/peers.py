"""The same step with other libraries, in the same process and at the same size: transformers' `generate`, TRL's
GRPOTrainer."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from grpo_step import bench_grpo_step
from setting import Row, Setting, free_memory_of, root
from transformers import AutoModelForCausalLM, AutoTokenizer
from workload import Workload, workload

from gradus_worker.device.peak_rates import synchronise
from gradus_worker.model.model_folder import export_model, random_model


def bench_peers(setting: Setting) -> list[Row]:
    """Measures the seconds per step of each peer and their ratio to ours; for a peer that fails, gives the reason."""
    ours = next(row["seconds"] for row in bench_grpo_step(setting) if row.get("part") == "whole step")
    assert isinstance(ours, float)
    free_memory_of(setting)
    with tempfile.TemporaryDirectory() as folder:
        export_model(random_model(setting.config, torch.device("cpu"), torch.bfloat16, 0), Path(folder), "bf16", [0])
        ways: dict[str, Callable[[], float]] = {
            "transformers generate (sampling alone)": lambda: _generate(setting, folder),
            "TRL, generate": lambda: _trl(setting, folder),
            "TRL, continuous batching": lambda: _trl(setting, folder, use_transformers_continuous_batching=True),
            "TRL, vLLM in its process": lambda: _trl(setting, folder, use_vllm=True, vllm_mode="colocate"),
        }
        rows: list[Row] = [{"step by": "Gradus", "seconds": ours, "times ours": 1.0}]
        for name, run in ways.items():
            try:
                seconds = run()
                rows.append({"step by": name, "seconds": seconds, "times ours": seconds / ours})
            except Exception as error:  # A failing peer must not discard the results of the others.
                rows.append({"step by": name, "note": f"{type(error).__name__}: {error}".replace("\n", " ")[:100]})
            free_memory_of(setting)
    return rows


def _generate(setting: Setting, folder: str) -> float:
    """Samples all rollouts in batches of 64 with plain `generate` and its cache."""
    work = workload(setting)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=setting.dtype).to(setting.device)
    prompts = torch.tensor([prompt.tolist() for prompt in work.prompts for _ in range(work.group)])
    limits: dict[str, Any] = {"do_sample": True, "max_new_tokens": work.completion, "min_new_tokens": work.completion}

    def run(rows: torch.Tensor) -> None:
        rows = rows.to(setting.device)
        model.generate(rows, attention_mask=torch.ones_like(rows), pad_token_id=0, **limits)

    run(prompts[:2])
    synchronise(setting.device)
    began = time.perf_counter()
    for rows in prompts.split(64):
        run(rows)
    synchronise(setting.device)
    return time.perf_counter() - began


def _trl(setting: Setting, folder: str, **ways: Any) -> float:
    """Times the second of two optimizer steps: one generation per step, on-policy, no KL, the same loss."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    work = workload(setting)
    tokenizer = AutoTokenizer.from_pretrained(root / "models" / "gradus-tiny")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    rows_a_microbatch = 8 if setting.is_toy else 16
    marks: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            synchronise(setting.device)
            marks.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as output:
        trainer = GRPOTrainer(
            model=folder,
            processing_class=tokenizer,
            reward_funcs=lambda completions, **_: [float(i % 2) for i in range(len(completions))],
            train_dataset=Dataset.from_list([{"prompt": _prompt_text(work, i)} for i in range(4 * work.problems)]),
            callbacks=[Clock()],
            args=GRPOConfig(
                output_dir=output,
                per_device_train_batch_size=rows_a_microbatch,
                gradient_accumulation_steps=work.rollouts // rows_a_microbatch,
                num_generations=work.group,
                max_completion_length=work.completion,
                generation_kwargs={"min_new_tokens": work.completion},
                max_steps=2,
                beta=0.0,
                loss_type="dapo",
                learning_rate=1e-6,
                bf16=setting.dtype == torch.bfloat16,
                gradient_checkpointing=False,
                model_init_kwargs={"dtype": setting.dtype},
                report_to=[],
                save_strategy="no",
                disable_tqdm=True,
                **ways,
            ),
        )
        trainer.train()
    return marks[1] - marks[0]


def _prompt_text(work: Workload, index: int) -> str:
    """Builds a prompt of `work.prompt` tokens; the bundled tokenizer has one token per digit."""
    return "".join(str((index + place) % 10) for place in range(work.prompt))
