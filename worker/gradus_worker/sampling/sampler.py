"""Writes completions with continuous batching: whatever ends makes room for the next at once.

    add ──▶ waiting groups ──▶ what they begin with is read once ──▶ rows of the batch ──▶ pieces, the end
                  ▲                                                        │
                  └──────────── blocks have run out: read again ◀──────────┘

What is written depends on the prompt, the random key and the settings alone, never on what else is being written; but
that libraries round products of matrices in other ways for other numbers of rows, on a GPU most of all.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import torch

from ..device.memory import free_memory, is_out_of_memory
from ..log import log_line
from ..model.transformer import Transformer
from .admission import AdmissionQueue, Group
from .batch import Batch
from .choose_token import ChoiceRules
from .completion import Completion, Ended, Failed, Progress, Request, SamplePrompt, SampleSettings, check_request
from .decoder import Integers, Scores, choose_first
from .kv_cache import KeyValueCache, bytes_per_position

_MOST_SLOTS = 512
_LEAST_READ = 256
"""Positions read at a time below which memory lacks for anything."""
_REQUESTS_UNTIL_MORE = 8
"""That end without memory lacking, before twice as much is tried again."""


class Sampler:
    """One thread calls `add`, `abort` and, as long as it is `busy`, `step`."""

    def __init__(
        self,
        model: Transformer,
        end_tokens: Collection[int],
        *,
        slots: int | None = None,
        cache_bytes: int | None = None,
        spared_bytes: int = 0,
        has_company: bool = True,
        block_size: int | None = None,
        steps: int | None = None,
        read_positions: int | None = None,
    ) -> None:
        """`slots`: most completions written at a time; None: what memory holds, up to 512. `cache_bytes`: for keys
        and values; None: a share of the memory that is free now, but for `spared_bytes`, which others will need; the
        larger part where nobody else wants any (`has_company`). `steps`: between two looks at what has been written.
        `read_positions`: most that are read of prompts between those.
        """
        config, is_cuda = model.config, model.device.type == "cuda"
        self.policy_version = 0
        """Of the weights from now on; completions say it of their first and of their last token."""
        self.max_sequence_tokens = config.max_positions
        self._model, self._end_tokens = model, np.array(sorted(end_tokens), np.int64)
        size = block_size or (64 if is_cuda else 16)
        given = cache_bytes
        if given is None:
            given = int((0.4 if has_company else 0.8) * max(0, free_memory(model.device) - spared_bytes))
        most = slots or _MOST_SLOTS
        blocks = min(given // (size * bytes_per_position(config, model.dtype)), most * -(-config.max_positions // size))
        if blocks < 1:
            raise torch.OutOfMemoryError(
                f"sampler: expected memory for the keys and values of at least {size} positions, got {given} bytes; "
                f"{spared_bytes} are left for gradients"
            )
        self.slots = self._most_slots = min(most, blocks)
        self._ended_well = 0
        self._steps = steps or (16 if is_cuda else 4)
        self._read_positions = self._most_read = read_positions or (8192 if is_cuda else 2048)
        self._cache = KeyValueCache(config, size, blocks, model.device, model.dtype)
        self._waiting = AdmissionQueue(model, self._cache)
        self._batch = Batch(model, self._cache, self.slots, self._steps)
        self._requests: dict[int, Request] = {}
        names = ("tokens", "promptTokens", "steps", "rowSteps", "decodeBytes", "readSeconds", "decodeSeconds")
        self._counts = dict.fromkeys(names, 0.0)

    @property
    def busy(self) -> bool:
        """Whether some request has not said its end yet."""
        return bool(self._requests)

    def add(self, request: int, prompts: Sequence[SamplePrompt], settings: SampleSettings) -> None:
        """Takes a request on. ValueError, and nothing changed, for one that cannot be written."""
        if request in self._requests:
            raise ValueError(f"sample: expected a new request, got {request} again")
        check_request(prompts, settings, self._model.config.vocab_size, self.max_sequence_tokens)
        limits = [min(settings.max_tokens, self.max_sequence_tokens - len(prompt.tokens)) for prompt in prompts]
        self._check_room(prompts, limits)
        if not self.busy:
            self._grow_back()
        made = Request(request, settings)
        for place, (prompt, limit) in enumerate(zip(prompts, limits, strict=True)):
            keys = enumerate(prompt.random_keys.tolist(), prompt.first_index)
            start = prompt.first_position
            members = [Completion(made, place, index, key, prompt.tokens, limit, start) for index, key in keys]
            made.open |= {(place, member.index): member for member in members}
            if members:
                self._waiting.push(prompt.tokens, members)
        self._requests[request] = made

    def abort(self, request: int, sequences: Iterable[tuple[int, int]] | None = None) -> None:
        """Drops completions by prompt and index, None: all. What is unknown or has ended is ignored."""
        found = self._requests.get(request)
        if found is not None:
            names = list(found.open) if sequences is None else [name for name in sequences if name in found.open]
            dropped = [found.open.pop(name) for name in names]
            found.aborted += len(dropped)
            self._drop(dropped)

    @torch.no_grad()
    def step(self) -> list[Progress]:
        """A bounded piece of work: some of the prompts read, a few tokens written. All news since the last one.

        Out of memory, it goes on with smaller batches; once there is nothing smaller, the requests fail. Anything else
        that it raises has dropped them all.
        """
        try:
            is_lacking = self._work()
        except BaseException:
            self.reset()
            raise
        if is_lacking:
            self._shrink()
        for request in self._requests.values():
            if request.failure is not None:
                self._drop(list(request.open.values()), tainted=True)
        news = [progress for request in self._requests.values() if (progress := request.news()) is not None]
        for progress in news:
            if progress.end is not None:
                del self._requests[progress.request]
                self._ended_well += isinstance(progress.end, Ended)
        return news

    def reset(self) -> None:
        """Drops every request, unsaid."""
        for request in self._requests.values():
            self._drop(list(request.open.values()), tainted=True)
        self._requests.clear()

    def stats(self) -> dict[str, float]:
        """Counted since the start; `cacheBlocks`, `freeCacheBlocks` and `slots` are of now.

        `steps` are passes of the batch and `rowSteps` the tokens they wrote, not all of use; `tokens` are those that
        belong to completions. `decodeBytes` are weights, keys and values that had to be read in `decodeSeconds`.
        """
        now = {"cacheBlocks": self._cache.blocks, "freeCacheBlocks": self._cache.available, "slots": self.slots}
        found = {**self._counts, "rereads": self._waiting.reread, **self._batch.stats(), **now}
        return {f"sampler/{name}": float(value) for name, value in found.items()}

    def _work(self) -> bool:
        """True when memory ran out: then nothing has been lost."""
        try:
            self._admit()
            self._write()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return True
        return False

    def _admit(self) -> None:
        """AdmissionQueue completions become rows, unless their first token ends them."""
        rows = len(self._batch.members)
        free = self.slots - rows
        if free <= 0 or not self._waiting.groups:
            return
        began = time.perf_counter()
        self._counts["promptTokens"] += self._waiting.read(self._read_positions, free, spare=rows)
        chosen = self._waiting.ready(free, max(self._cache.available - rows, 0 if rows else 1))
        if chosen:
            self._start(chosen)
        self._counts["readSeconds"] += time.perf_counter() - began

    def _start(self, chosen: list[tuple[Group, Completion]]) -> None:
        tokens, scores = self._first_tokens(chosen)
        for place, (group, member) in enumerate(chosen):
            if member.policy_version_start is None:
                member.policy_version_start = self.policy_version
            part = slice(place, place + 1)
            if not self._extend(member, tokens[part], scores[:, part]):
                self._waiting.hand_over(group, member)
                self._batch.place(member, int(tokens[place]))
            group.members.popleft()
        self._waiting.tidy()

    def _first_tokens(self, chosen: list[tuple[Group, Completion]]) -> tuple[Integers, Scores]:
        members = [member for _, member in chosen]
        settings = [member.request.settings for member in members]
        hidden = torch.stack([group.hidden for group, _ in chosen if group.hidden is not None])
        rules = ChoiceRules(
            inverse_temperature=torch.tensor([s.inverse_temperature for s in settings]).to(hidden.device),
            greedy=torch.tensor([s.temperature == 0 for s in settings]).to(hidden.device),
            top_p=torch.tensor([s.top_p for s in settings], dtype=torch.float64).to(hidden.device),
            top_k=torch.tensor([s.top_k for s in settings]).to(hidden.device),
        )
        keys, counters = np.array([m.key for m in members]), np.array([m.first_position + m.count for m in members])
        return choose_first(self._model, hidden, keys, counters, rules, any(s.is_filtered for s in settings))

    def _write(self) -> None:
        """A few tokens for every row, then a look at what ended."""
        members = self._batch.members
        if not members:
            return
        steps = min(self._steps, max(member.limit - member.count for member in members))
        self._batch.grow(steps, self._make_room)
        positions, rows = self._batch.positions(), len(members)
        began = time.perf_counter()
        tokens, scores = self._batch.write(steps)
        self._counts["decodeSeconds"] += time.perf_counter() - began
        self._counts["steps"] += steps
        self._counts["rowSteps"] += steps * rows
        self._counts["decodeBytes"] += self._bytes_read(steps, rows, positions)
        self._receive(tokens, scores)

    def _receive(self, tokens: Integers, scores: Scores) -> None:
        """Adds [steps, rows] to the completions, each up to its end; rows that have ended are vacated."""
        members = list(self._batch.members)
        is_end = np.isin(tokens, self._end_tokens)
        until_end = np.where(is_end.any(0), is_end.argmax(0) + 1, len(tokens))
        counts = np.minimum(until_end, [member.limit - member.count for member in members]).tolist()
        # NaN after the end counts: those blocks must not be used as they are.
        broken = np.flatnonzero(np.isnan(scores).any((0, 1))).tolist()
        # One row of these is of one completion.
        of_tokens, of_scores = np.ascontiguousarray(tokens.T), np.ascontiguousarray(scores.transpose(2, 0, 1))
        ended: list[int] = []
        for row, (member, count) in enumerate(zip(members, counts, strict=True)):
            if self._extend(member, of_tokens[row, :count], of_scores[row, :, :count]):
                ended.append(row)
        # From the last one on, so that the row moved into a gap is one that goes on.
        for row in reversed(ended):
            self._batch.vacate(row, tainted=row in broken)

    def _extend(self, member: Completion, tokens: Integers, scores: Scores) -> bool:
        """Adds tokens up to an end; True when that was it, or its request has failed with it."""
        request = member.request
        if np.isnan(scores).any():
            at = member.count + int(np.isnan(scores).any(0).argmax())
            where = f"prompt {member.prompt}, index {member.index}, token {at}"
            message = f"sample: expected finite logits, got NaN or infinity ({where})"
            request.failure = request.failure or Failed("non-finite", message)
            return True
        member.add(tokens.astype(np.int32), scores)
        self._counts["tokens"] += len(tokens)
        reason = "length" if member.count >= member.limit else None
        if tokens[-1] in self._end_tokens:
            reason = "stop"
        if reason is not None or request.settings.stream:
            request.pieces.append(member.say(reason, self.policy_version))
        if reason is not None:
            del request.open[member.prompt, member.index]
            request.finished += 1
        return reason is not None

    def _drop(self, members: Collection[Completion], tainted: bool = False) -> None:
        gone = set(map(id, members))
        for row in reversed(range(len(self._batch.members))):
            if id(self._batch.members[row]) in gone:
                gone.remove(id(self._batch.members[row]))
                self._batch.vacate(row, tainted)
        if gone:
            self._waiting.drop(gone, tainted)

    def _make_room(self) -> None:
        """Blocks have run out: what waits gives its own up, then the youngest row waits again."""
        if not self._waiting.reclaim():
            self._send_back()

    def _send_back(self) -> None:
        member = self._batch.members[-1]
        self._batch.vacate(len(self._batch.members) - 1)
        self._waiting.push_back(member)

    def _shrink(self) -> None:
        """Memory ran out: half of everything, or the end of all requests."""
        if self._read_positions <= _LEAST_READ and self.slots == 1:
            for request in self._requests.values():
                request.failure = Failed("oom", "sample: memory did not suffice for a single completion")
        self._read_positions = max(_LEAST_READ, self._read_positions // 2)
        self.slots = max(1, self.slots // 2)
        self._ended_well = 0
        log_line(f"memory lacks for what is written: at most {self.slots} completions at a time for now")
        while len(self._batch.members) > self.slots:
            self._send_back()
        self._batch.forget_graphs()
        if self._model.device.type == "cuda":
            torch.cuda.empty_cache()

    def _grow_back(self) -> None:
        """What memory lacked for may be over: another process on the device, or a longer prompt than usual."""
        if self._ended_well < _REQUESTS_UNTIL_MORE or self.slots == self._most_slots:
            return
        self._ended_well = 0
        self.slots = min(self._most_slots, 2 * self.slots)
        self._read_positions = min(self._most_read, 2 * self._read_positions)

    def _bytes_read(self, steps: int, rows: int, positions: int) -> float:
        weights = sum(value.nbytes for value in self._model.weights.values())
        if not self._model.config.tie_embeddings:
            # A table of its own, of which only rows are looked up.
            weights -= self._model.weights["embed.weight"].nbytes
        seen = steps * positions + rows * steps * (steps - 1) / 2
        return steps * weights + seen * bytes_per_position(self._model.config, self._model.dtype)

    def _check_room(self, prompts: Sequence[SamplePrompt], limits: list[int]) -> None:
        for place, (prompt, limit) in enumerate(zip(prompts, limits, strict=True)):
            if self._cache.blocks_for(len(prompt.tokens) + limit - 1) > self._cache.blocks:
                room = self._cache.blocks * self._cache.block_size
                raise ValueError(
                    f"sample: expected prompt {place} and its completion to fit the {room} positions that memory holds,"
                    f" got {len(prompt.tokens)} tokens and up to {limit}"
                )
