"""Sampling on all ranks: the prompts are split among them, and each rank has a copy of the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ..sampling.completion import Ended, Failed, Piece, Progress, SamplePrompt, SampleSettings, check_request
from .lead import Lead
from .rank import Abort, Stepped

Name = tuple[int, int]
"""A completion: prompt and index."""


@dataclass
class _Request:
    """A request with a share on several ranks."""

    places: list[list[int]]
    """By rank: the prompt of the request for each prompt of the share."""
    shares: list[list[SamplePrompt]]
    open: set[int]
    """Ranks that have not reported the end of their share."""
    ended: list[Ended] = field(default_factory=list)
    failure: Failed | None = None


class GroupSampler:
    """Has the methods of `Sampler` that the server uses."""

    def __init__(self, lead: Lead, vocab_size: int, max_sequence_tokens: int) -> None:
        self._lead, self._vocab_size, self.max_sequence_tokens = lead, vocab_size, max_sequence_tokens
        self._requests: dict[int, _Request] = {}
        self._aborts: list[list[Abort]] = [[] for _ in range(lead.size)]
        self._counts: list[dict[str, float]] = []

    @property
    def busy(self) -> bool:
        return bool(self._requests)

    def add(self, request: int, prompts: Sequence[SamplePrompt], settings: SampleSettings) -> None:
        """Starts a request. Raises ValueError, without a change, for an invalid request."""
        check_request(prompts, settings, self._vocab_size, self.max_sequence_tokens)
        dealt = deal_prompts(prompts, self._lead.size)
        shares = [[prompt for _, prompt in share] for share in dealt]
        self._lead.call("add", request, shares, settings)
        places = [[place for place, _ in share] for share in dealt]
        self._requests[request] = _Request(places, shares, {rank for rank, share in enumerate(shares) if share})

    def abort(self, request: int, sequences: Iterable[Name] | None = None) -> None:
        """Drops completions by prompt and index; None: all. Ignores unknown and ended ones."""
        found = self._requests.get(request)
        if found is None:
            return
        for rank in found.open:
            own = None if sequences is None else _own(found, rank, set(sequences))
            self._aborts[rank].append((request, own))

    def step(self) -> list[Progress]:
        """Does a bounded piece of work on every rank and returns the progress."""
        aborts, self._aborts = self._aborts, [[] for _ in range(self._lead.size)]
        stepped: list[Stepped] = self._lead.call("step", aborts)
        self._counts = [one.counts for one in stepped]
        failure = next((f"rank {rank}: {one.failure}" for rank, one in enumerate(stepped) if one.failure), None)
        if failure is not None:
            raise RuntimeError(failure)
        pieces: dict[int, list[Piece]] = {key: [] for key in self._requests}
        for rank, one in enumerate(stepped):
            for progress in one.progress:
                # A rank may still report a request that a different rank refused.
                if progress.request in self._requests:
                    self._receive(rank, progress, pieces[progress.request])
        return [found for key, some in pieces.items() if (found := self._progress(key, some)) is not None]

    def reset(self) -> None:
        """Drops all requests without reporting them."""
        self._requests.clear()
        self._lead.call("reset")

    def stats(self) -> dict[str, float]:
        """Returns the counts of all ranks added up; seconds and bytes are those of the busiest rank."""
        names = self._counts[0] if self._counts else {}
        return {name: _combine(name)(counts[name] for counts in self._counts) for name in names}

    def _receive(self, rank: int, progress: Progress, pieces: list[Piece]) -> None:
        request = self._requests[progress.request]
        places = request.places[rank]
        pieces.extend(replace(piece, prompt=places[piece.prompt]) for piece in progress.pieces)
        if progress.end is None:
            return
        request.open.discard(rank)
        if isinstance(progress.end, Ended):
            request.ended.append(progress.end)
        elif request.failure is None:
            request.failure = progress.end
            self.abort(progress.request)

    def _progress(self, key: int, pieces: list[Piece]) -> Progress | None:
        request = self._requests[key]
        if request.open:
            return Progress(key, pieces, None) if pieces and request.failure is None else None
        del self._requests[key]
        if request.failure is not None:
            return Progress(key, [], request.failure)
        finished, aborted = (sum(getattr(end, name) for end in request.ended) for name in ("finished", "aborted"))
        return Progress(key, pieces, Ended(finished, aborted))


def deal_prompts(prompts: Sequence[SamplePrompt], size: int) -> list[list[tuple[int, SamplePrompt]]]:
    """Distributes prompts to ranks with their places, each to the rank with the fewest completions so far.

    The completions of one prompt stay together, because they share its keys and values, unless there are fewer prompts
    than ranks.
    """
    runs = -(-size // len(prompts)) if 0 < len(prompts) < size else 1
    shares: list[list[tuple[int, SamplePrompt]]] = [[] for _ in range(size)]
    loads = [0] * size
    for place, prompt in enumerate(prompts):
        for piece in _split(prompt, runs):
            rank = loads.index(min(loads))
            shares[rank].append((place, piece))
            loads[rank] += len(piece.random_keys)
    return shares


def _split(prompt: SamplePrompt, runs: int) -> list[SamplePrompt]:
    """Splits the completions of a prompt into runs of consecutive indices."""
    count = len(prompt.random_keys)
    length = max(1, -(-count // runs))
    return [
        replace(prompt, first_index=prompt.first_index + at, random_keys=prompt.random_keys[at : at + length])
        for at in range(0, count, length)
    ]


def _combine(name: str) -> Callable[[Iterable[float]], float]:
    return max if name.endswith(("Seconds", "Bytes")) else sum


def _own(request: _Request, rank: int, sequences: set[Name]) -> list[Name]:
    """Returns the named completions of a rank's share, by its own prompts."""
    return [
        (at, index)
        for at, (place, prompt) in enumerate(zip(request.places[rank], request.shares[rank], strict=True))
        for index in range(prompt.first_index, prompt.first_index + len(prompt.random_keys))
        if (place, index) in sequences
    ]
