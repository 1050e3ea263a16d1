"""Sampler with continuous batching: a completion that ends frees its row for the next one at once.

    add ──▶ admission queue ──▶ prompts are read once ──▶ rows of the batch ──▶ pieces, the end
                  ▲                                              │
                  └────── out of cache blocks: read again ◀──────┘

Tokens depend only on prompt, random key, position and settings, not on other completions. One exception: libraries
round matrix products differently for different numbers of rows, especially on a GPU.
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
"""Minimum number of positions to read at a time; running out of memory below it is an error."""
_REQUESTS_UNTIL_MORE = 8
"""Number of requests that must end without running out of memory before the limits double again."""


class Sampler:
    """Used by one thread: `add`, `abort` and, while `busy`, `step`."""

    def __init__(
        self,
        model: Transformer,
        end_tokens: Collection[int],
        *,
        slots: int | None = None,
        cache_bytes: int | None = None,
        reserved_bytes: int = 0,
        sharers: int = 1,
        shares_device: bool = True,
        block_size: int | None = None,
        steps: int | None = None,
        read_positions: int | None = None,
    ) -> None:
        """Allocates the cache.

        slots           maximum number of concurrent completions; None: as many as fit in memory, up to 512
        cache_bytes     for keys and values; None: a share of the free memory minus `reserved_bytes`
        reserved_bytes  left for other users of the device
        sharers         number of samplers that divide the share
        shares_device   other users of the device need memory too: the share is 0.4, otherwise 0.8
        steps           decode steps between two read-backs
        read_positions  maximum number of prompt positions to read between two read-backs
        """
        config, is_cuda = model.config, model.device.type == "cuda"
        self._policy_version = 0
        self.max_sequence_tokens = config.max_positions
        self._model, self._end_tokens = model, np.array(sorted(end_tokens), np.int64)
        size = block_size or (64 if is_cuda else 16)
        given = cache_bytes
        if given is None:
            share = (0.4 if shares_device else 0.8) / sharers
            given = int(share * max(0, free_memory(model.device) - reserved_bytes))
        most = slots or _MOST_SLOTS
        blocks = min(given // (size * bytes_per_position(config, model.dtype)), most * -(-config.max_positions // size))
        if blocks < 1:
            raise torch.OutOfMemoryError(
                f"sampler: expected memory for the keys and values of at least {size} positions, got {given} bytes; "
                f"{reserved_bytes} are reserved for gradients"
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
    def policy_version(self) -> int:
        """Version of the current weights, reported for the first and the last token of each piece. Setting it drops the
        keys and values that were kept between requests."""
        return self._policy_version

    @policy_version.setter
    def policy_version(self, version: int) -> None:
        self._policy_version = version
        self._waiting.kept.clear()

    @property
    def busy(self) -> bool:
        """Whether a request has not reported its end yet."""
        return bool(self._requests)

    def add(self, request: int, prompts: Sequence[SamplePrompt], settings: SampleSettings) -> None:
        """Starts a request. Raises ValueError, without a change, for an invalid request."""
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
        """Drops completions by prompt and index; None: all. Ignores unknown and ended ones."""
        found = self._requests.get(request)
        if found is not None:
            names = list(found.open) if sequences is None else [name for name in sequences if name in found.open]
            dropped = [found.open.pop(name) for name in names]
            found.aborted += len(dropped)
            if sequences is not None:
                self._keep(dropped)
            self._drop(dropped)

    @torch.no_grad()
    def step(self) -> list[Progress]:
        """Does a bounded piece of work: reads some prompts, writes a few tokens. Returns the progress.

        Running out of memory reduces the batch, and fails the requests only at the smallest size. Every other exception
        drops all requests.
        """
        try:
            is_out = self._work()
        except BaseException:
            self.reset()
            raise
        if is_out:
            self._shrink()
        for request in self._requests.values():
            if request.failure is not None:
                self._waiting.kept.clear()
                self._drop(list(request.open.values()), tainted=True)
        found = [progress for request in self._requests.values() if (progress := request.take_progress()) is not None]
        for progress in found:
            if progress.end is not None:
                del self._requests[progress.request]
                self._ended_well += isinstance(progress.end, Ended)
        return found

    def reset(self) -> None:
        """Drops all requests without reporting them."""
        self._waiting.kept.clear()
        for request in self._requests.values():
            self._drop(list(request.open.values()), tainted=True)
        self._requests.clear()

    def stats(self) -> dict[str, float]:
        """Returns counts since the start; `cacheBlocks`, `freeCacheBlocks` and `slots` are current values.

        `steps` are passes of the batch and `rowSteps` the tokens they wrote, used or not; `tokens` are those of
        completions. `decodeBytes` are the weights, keys and values read during `decodeSeconds`.
        """
        now = {"cacheBlocks": self._cache.blocks, "freeCacheBlocks": self._cache.available, "slots": self.slots}
        found = {**self._counts, "rereads": self._waiting.reread, **self._batch.stats(), **now}
        return {f"sampler/{name}": float(value) for name, value in found.items()}

    def _work(self) -> bool:
        """Admits and decodes. Returns True if memory ran out; no completion is lost then."""
        try:
            self._admit()
            self._write()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return True
        return False

    def _admit(self) -> None:
        """Moves waiting completions into rows, unless their first token ends them."""
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
        """Writes a few tokens for every row, then handles completions that ended."""
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
        """Adds tokens [steps, rows] to the completions, each up to its end, and vacates rows that ended."""
        members = list(self._batch.members)
        is_end = np.isin(tokens, self._end_tokens)
        until_end = np.where(is_end.any(0), is_end.argmax(0) + 1, len(tokens))
        counts = np.minimum(until_end, [member.limit - member.count for member in members]).tolist()
        # NaN after the end counts too: those blocks must be cleared before reuse.
        broken = np.flatnonzero(np.isnan(scores).any((0, 1))).tolist()
        # Transpose to one row per completion.
        of_tokens, of_scores = np.ascontiguousarray(tokens.T), np.ascontiguousarray(scores.transpose(2, 0, 1))
        ended: list[int] = []
        for row, (member, count) in enumerate(zip(members, counts, strict=True)):
            if self._extend(member, of_tokens[row, :count], of_scores[row, :, :count]):
                ended.append(row)
        # Go backwards from the last row, so that only rows that continue are moved into gaps.
        self._keep([members[row] for row in ended if row not in broken and members[row].stopped])
        for row in reversed(ended):
            self._batch.vacate(row, tainted=row in broken)

    def _extend(self, member: Completion, tokens: Integers, scores: Scores) -> bool:
        """Adds tokens; returns True if the completion has ended or its request has failed."""
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
            request.pieces.append(member.take_piece(reason, self.policy_version))
        if reason is not None:
            member.stopped = reason == "stop"
            del request.open[member.prompt, member.index]
            request.finished += 1
        return reason is not None

    def _keep(self, members: Collection[Completion]) -> None:
        """Keeps the blocks of completions that may be continued, before their rows are vacated."""
        for member in members:
            if member.request.settings.is_continued and member.blocks:
                self._waiting.kept.keep(member)

    def _drop(self, members: Collection[Completion], tainted: bool = False) -> None:
        gone = set(map(id, members))
        for row in reversed(range(len(self._batch.members))):
            if id(self._batch.members[row]) in gone:
                gone.remove(id(self._batch.members[row]))
                self._batch.vacate(row, tainted)
        if gone:
            self._waiting.drop(gone, tainted)

    def _make_room(self) -> None:
        """Frees blocks: first those of waiting groups, then those of the newest row, which waits again."""
        if not self._waiting.reclaim():
            self._requeue_last()

    def _requeue_last(self) -> None:
        member = self._batch.members[-1]
        self._batch.vacate(len(self._batch.members) - 1)
        self._waiting.push_back(member)

    def _shrink(self) -> None:
        """Halves the limits after running out of memory, or fails all requests at the smallest size."""
        if self._read_positions <= _LEAST_READ and self.slots == 1:
            for request in self._requests.values():
                request.failure = Failed("oom", "sample: expected memory for at least one completion, but it ran out")
        self._read_positions = max(_LEAST_READ, self._read_positions // 2)
        self.slots = max(1, self.slots // 2)
        self._ended_well = 0
        log_line(f"out of memory while sampling: at most {self.slots} completions at a time for now")
        while len(self._batch.members) > self.slots:
            self._requeue_last()
        self._batch.forget_graphs()
        if self._model.device.type == "cuda":
            torch.cuda.empty_cache()

    def _grow_back(self) -> None:
        """Doubles the limits again, because the cause may be gone, e.g. another process or an unusually long prompt."""
        if self._ended_well < _REQUESTS_UNTIL_MORE or self.slots == self._most_slots:
            return
        self._ended_well = 0
        self.slots = min(self._most_slots, 2 * self.slots)
        self._read_positions = min(self._most_read, 2 * self._read_positions)

    def _bytes_read(self, steps: int, rows: int, positions: int) -> float:
        weights = sum(value.nbytes for value in self._model.weights.values())
        if not self._model.config.tie_embeddings:
            # An untied embedding is only looked up by row.
            weights -= self._model.weights["embed.weight"].nbytes
        seen = steps * positions + rows * steps * (steps - 1) / 2
        return steps * weights + seen * bytes_per_position(self._model.config, self._model.dtype)

    def _check_room(self, prompts: Sequence[SamplePrompt], limits: list[int]) -> None:
        for place, (prompt, limit) in enumerate(zip(prompts, limits, strict=True)):
            if self._cache.blocks_for(len(prompt.tokens) + limit - 1) > self._cache.blocks:
                room = self._cache.blocks * self._cache.block_size
                raise ValueError(
                    f"sample: expected prompt {place} and its completion to fit the {room} positions of the cache,"
                    f" got {len(prompt.tokens)} tokens and up to {limit}"
                )
