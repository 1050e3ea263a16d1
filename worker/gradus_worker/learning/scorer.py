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
from ..model.logprobs import chunked_logprobs
from ..model.packed_attention import Attend, causal_attention, choose_attention, split
from ..pause import Pause, no_pause
from .microbatches import plan_microbatches


class PackedModel(Protocol):
    @property
    def head_weight(self) -> Tensor: ...
    def hidden(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor: ...


class Scorer:
    """`pause` is called before every microbatch and ends the work by raising. `logit_cap`: see `soft_cap`."""

    def __init__(
        self,
        model: PackedModel,
        *,
        head_size: int,
        token_budget: int,
        rules: AttentionRules = PLAIN,
        logit_cap: float | None = None,
        pause: Pause = no_pause,
    ) -> None:
        self.model, self.token_budget, self._pause = model, token_budget, pause
        self.device = model.head_weight.device
        self._rules, self._logit_cap = rules, logit_cap
        self.attention = choose_attention(self.device, model.head_weight.dtype, head_size, rules)

    @torch.no_grad()
    def logprobs(self, sequences: Sequence[Tensor], temperature: float = 1.0) -> list[Tensor]:
        """Returns float32 [T] per sequence, on the CPU; entry 0 is 0."""
        results: dict[int, Tensor] = {}

        def run(indices: list[int]) -> None:
            chosen = [sequences[i] for i in indices]
            values = self.forward(chosen, temperature)[0].float().cpu()
            results.update(zip(indices, cut(values, chosen), strict=True))

        self.distribute([len(tokens) for tokens in sequences], run)
        return [results[i] for i in range(len(sequences))]

    def forward(self, sequences: Sequence[Tensor], temperature: float) -> tuple[Tensor, Tensor]:
        """Returns log-probabilities and entropies [T] over all tokens; 0 at the first token of each sequence."""
        lengths = [len(tokens) for tokens in sequences]
        tokens = torch.cat(list(sequences)).to(self.device, torch.int64)
        places = np.concatenate([np.arange(n) for n in lengths])
        # Computed on the CPU, to avoid waiting for the device.
        positions, predicted = (torch.from_numpy(one).to(self.device) for one in (places, places.nonzero()[0]))
        attend = causal_attention(self.attention, lengths, self.device, rules=self._rules)
        hidden = self.model.hidden(tokens, positions, attend)
        head, targets = self.model.head_weight, tokens[predicted]
        values = chunked_logprobs(hidden[predicted - 1], head, targets, temperature=temperature, cap=self._logit_cap)
        whole = (v.new_zeros(len(tokens)).index_copy(0, predicted, v) for v in values)
        logprobs, entropy = whole
        return logprobs, entropy

    def distribute(self, lengths: list[int], run: Callable[[list[int]], None]) -> int:
        """Runs every microbatch and returns their number; halves the token budget when one runs out of memory."""
        waiting, done = plan_microbatches(lengths, self.token_budget), 0
        while waiting:
            batch = waiting.pop(0)
            self._pause()
            try:
                run(batch)
                done += 1
                continue
            except (RuntimeError, MemoryError) as error:
                if len(batch) == 1 or not is_out_of_memory(error):
                    raise
            # Outside the handler, which would keep the tensors of the failed pass alive.
            self._halve(sum(lengths[i] for i in batch))
            left = sorted(i for one in [batch, *waiting] for i in one)
            plans = plan_microbatches([lengths[i] for i in left], self.token_budget)
            waiting = [[left[i] for i in plan] for plan in plans]
        return done

    def _halve(self, tokens: int) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.token_budget = max(1, min(self.token_budget, tokens) // 2)
        log_line(f"{tokens} tokens did not fit the memory: microbatches now have at most {self.token_budget}")


def cut(values: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Splits a flat array into one per sequence."""
    return list(split(values, [len(tokens) for tokens in like]))
