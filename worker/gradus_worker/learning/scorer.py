"""Log-probabilities of given sequences under one set of weights, in microbatches that fit the memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..device.memory import is_out_of_memory
from ..log import log_line
from ..model.config import PLAIN, AttentionRules
from ..model.packed_attention import Attend, causal_attention, choose_attention, split
from ..pause import Pause, no_pause
from ..ranks.group import SINGLE, Group
from .microbatches import deal_microbatches, plan_microbatches


class PackedModel(Protocol):
    @property
    def device(self) -> torch.device: ...
    @property
    def dtype(self) -> torch.dtype: ...
    def logprobs(
        self, tokens: Tensor, positions: Tensor, predicted: Tensor, targets: Tensor, attend: Attend, temperature: float
    ) -> tuple[Tensor, Tensor]: ...


Run = Callable[[list[int], bool], None]
"""(sequences of a microbatch, is_idle). An idle pass only takes part in collectives; its results are ignored."""


class Scorer:
    """`pause` is called before every microbatch and ends the work by raising. Ranks share the microbatches."""

    def __init__(
        self,
        model: PackedModel,
        *,
        head_size: int,
        token_budget: int,
        rules: AttentionRules = PLAIN,
        pause: Pause = no_pause,
        group: Group = SINGLE,
    ) -> None:
        self.model, self.token_budget, self._pause, self._group = model, token_budget, pause, group
        self.device = model.device
        self._rules = rules
        self.attention = choose_attention(self.device, model.dtype, head_size, rules)

    @torch.no_grad()
    def logprobs(
        self, sequences: Sequence[Tensor], temperature: float = 1.0, targets: Sequence[Tensor] | None = None
    ) -> list[Tensor]:
        """Returns float32 [T] per sequence, on the CPU; entry 0 is 0."""
        predicted = sequences if targets is None else targets
        results: dict[int, Tensor] = {}

        def run(indices: list[int], is_idle: bool) -> None:
            chosen = [sequences[i] for i in indices]
            values = self.forward(chosen, temperature, [predicted[i] for i in indices])[0].float().cpu()
            if not is_idle:
                results.update(zip(indices, cut(values, chosen), strict=True))

        self.distribute([len(tokens) for tokens in sequences], run)
        for others in self._group.gather(results):
            results.update(others)
        return [results[i] for i in range(len(sequences))]

    def forward(
        self, sequences: Sequence[Tensor], temperature: float, targets: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns log-probabilities and entropies [T] over all tokens; 0 at the first token of each sequence.

        `targets` replaces the tokens to predict, but not those that are read.
        """
        lengths = [len(tokens) for tokens in sequences]
        tokens = torch.cat(list(sequences)).to(self.device, torch.int64)
        places = np.concatenate([np.arange(n) for n in lengths])
        # Computed on the CPU, to avoid waiting for the device.
        positions, predicted = (torch.from_numpy(one).to(self.device) for one in (places, places.nonzero()[0]))
        attend = causal_attention(self.attention, lengths, self.device, rules=self._rules)
        wanted = tokens if targets is None else torch.cat(list(targets)).to(self.device, torch.int64)
        values = self.model.logprobs(tokens, positions, predicted, wanted[predicted], attend, temperature)
        whole = (v.new_zeros(len(tokens)).index_copy(0, predicted, v) for v in values)
        logprobs, entropy = whole
        return logprobs, entropy

    def distribute(self, lengths: list[int], run: Run) -> int:
        """Runs every microbatch, on one of the ranks, and returns their number.

        A single rank halves the token budget when a microbatch runs out of memory. Several ranks cannot, because the
        others wait in a collective.
        """
        if self._group.size == 1:
            return self._run_all(lengths, run)
        batches = plan_microbatches(lengths, self.token_budget)
        for batch in deal_microbatches(batches, lengths, self._group.rank, self._group.size):
            self._group.together(self._pause)
            # The other ranks still have a microbatch and this rank has none: run the shortest sequence.
            run(batch or [min(range(len(lengths)), key=lambda i: lengths[i])], batch is None)
        return len(batches)

    def _run_all(self, lengths: list[int], run: Run) -> int:
        waiting, done = plan_microbatches(lengths, self.token_budget), 0
        while waiting:
            batch = waiting.pop(0)
            self._pause()
            try:
                run(batch, False)
                done += 1
                continue
            except (RuntimeError, MemoryError) as error:
                if len(batch) == 1 or not is_out_of_memory(error):
                    raise
            # Retry outside the handler, which would keep the tensors of the failed pass alive.
            self._halve(sum(lengths[i] for i in batch))
            left = sorted(i for one in [batch, *waiting] for i in one)
            plans = plan_microbatches([lengths[i] for i in left], self.token_budget)
            waiting = [[left[i] for i in plan] for plan in plans]
        return done

    def _halve(self, tokens: int) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.token_budget = max(1, min(self.token_budget, tokens) // 2)
        log_line(f"{tokens} tokens did not fit in memory: microbatches now have at most {self.token_budget}")


def cut(values: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Splits a flat array into one per sequence."""
    return list(split(values, [len(tokens) for tokens in like]))
