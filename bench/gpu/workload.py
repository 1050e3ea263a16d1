"""The workload of all timed steps: number of problems, rollouts and tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from setting import Setting


@dataclass(frozen=True)
class Workload:
    problems: int
    group: int
    """Rollouts per problem."""
    prompt: int
    """Tokens of each prompt."""
    completion: int
    """Tokens of each rollout."""
    prompts: list[NDArray[np.int32]]

    @property
    def rollouts(self) -> int:
        return self.problems * self.group


def workload(setting: Setting) -> Workload:
    """Returns 64 problems x 8 rollouts x 800 tokens after prompts of 200 tokens; a toy size for
    CPUs."""
    problems, group, prompt, completion = (2, 4, 16, 24) if setting.is_toy else (64, 8, 200, 800)
    random = np.random.default_rng(2)
    prompts = [random.integers(0, setting.config.vocab_size, prompt, dtype=np.int32) for _ in range(problems)]
    return Workload(problems, group, prompt, completion, prompts)
