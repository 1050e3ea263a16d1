"""Sampler whose completions are written by a server, with one concurrent request per completion."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from .completion import Ended, Floats, Piece, Progress, SamplePrompt, SampleSettings, Tokens, check_request

_STEP_SECONDS = 0.05
"""Maximum wait in a step, after which the worker answers other requests."""
T = TypeVar("T")
Name = tuple[int, int]
"""A completion: prompt and index."""


@dataclass(frozen=True)
class Question:
    """One completion to write."""

    prompt: int
    """Number of the prompt since the sampler was created; equal for the completions of one prompt."""
    tokens: Tokens
    seed: int
    max_tokens: int
    settings: SampleSettings


@dataclass(frozen=True)
class Written:
    """A finished completion. Log-probabilities are those of the sampling temperature, as in `sample` of
    docs/protocol.md."""

    tokens: Tokens
    logprobs: Floats
    finish_reason: Literal["stop", "length"]


class Writer(Protocol):
    """One or several servers."""

    def publish(self) -> None:
        """Publishes the current weights to the server. Called while no completion is in flight."""
        ...

    def ask(self, question: Question) -> Future[Written]:
        """Starts a completion. Cancelling the future may stop it."""
        ...

    def finish(self, question: Question, written: Written) -> Written:
        """Completes the result of the server. Called by the thread of the sampler."""
        ...

    def figures(self) -> Mapping[str, float]:
        """Returns metrics by name."""
        ...


@dataclass
class _Request:
    open: dict[Name, tuple[Question, Future[Written]]] = field(default_factory=dict)
    finished: int = 0
    aborted: int = 0


class RemoteSampler:
    """Has the methods of `Sampler` that the server loop uses. Reports only complete completions, even with `stream`."""

    def __init__(self, writer: Writer, vocab_size: int, max_sequence_tokens: int) -> None:
        self._writer, self._vocab_size, self.max_sequence_tokens = writer, vocab_size, max_sequence_tokens
        self.policy_version = 0
        self.is_stale = True
        """Whether the weights have changed since they were published; set it after a change."""
        self._requests: dict[int, _Request] = {}
        self._prompts = 0
        self._counts = dict.fromkeys(("tokens", "promptTokens", "seconds", "publishes", "publishSeconds"), 0.0)
        self._stepped = 0.0

    @property
    def busy(self) -> bool:
        return bool(self._requests)

    def add(self, request: int, prompts: Sequence[SamplePrompt], settings: SampleSettings) -> None:
        """Starts a request, and publishes the weights first if they changed. ValueError for an invalid request."""
        check_request(prompts, settings, self._vocab_size, self.max_sequence_tokens)
        if self.is_stale:
            self._publish()
        if not self.busy:
            self._stepped = time.perf_counter()
        made = self._requests[request] = _Request()
        for place, prompt in enumerate(prompts):
            self._prompts += 1
            limit = min(settings.max_tokens, self.max_sequence_tokens - len(prompt.tokens))
            self._counts["promptTokens"] += len(prompt.tokens)
            for index, key in enumerate(prompt.random_keys.tolist(), prompt.first_index):
                seed = seed_of(key, prompt.first_position)
                question = Question(self._prompts, prompt.tokens, seed, limit, settings)
                made.open[place, index] = question, self._writer.ask(question)

    def abort(self, request: int, sequences: Iterable[Name] | None = None) -> None:
        """Drops completions by prompt and index; None: all. Ignores unknown and ended ones."""
        found = self._requests.get(request)
        if found is None:
            return
        for name in list(found.open) if sequences is None else [one for one in sequences if one in found.open]:
            _, future = found.open.pop(name)
            future.cancel()
            found.aborted += 1

    def step(self) -> list[Progress]:
        """Waits a moment for completions and returns the progress. Raises if the server failed."""
        wait(self._open(), _STEP_SECONDS, FIRST_COMPLETED)
        now = time.perf_counter()
        self._counts["seconds"] += now - self._stepped
        self._stepped = now
        return [found for key in list(self._requests) if (found := self._progress(key)) is not None]

    def reset(self) -> None:
        """Drops all requests without reporting them."""
        for future in self._open():
            future.cancel()
        self._requests.clear()

    def stats(self) -> dict[str, float]:
        """Returns counts since the start, and the number of completions in flight."""
        tokens, seconds = self._counts["tokens"], self._counts["seconds"]
        speed = {} if seconds == 0 else {"tokensPerSecond": tokens / seconds}
        found = {**self._counts, **speed, "inFlight": float(len(self._open()))}
        return {f"sampler/{name}": value for name, value in found.items()} | {**self._writer.figures()}

    def _publish(self) -> None:
        began = time.perf_counter()
        self._writer.publish()
        self.is_stale = False
        self._counts["publishes"] += 1
        self._counts["publishSeconds"] += time.perf_counter() - began

    def _open(self) -> list[Future[Written]]:
        return [future for request in self._requests.values() for _, future in request.open.values()]

    def _progress(self, key: int) -> Progress | None:
        request = self._requests[key]
        done = [name for name, (_, future) in request.open.items() if future.done()]
        pieces = [self._piece(name, *request.open.pop(name)) for name in done]
        request.finished += len(done)
        if request.open:
            return Progress(key, pieces, None) if pieces else None
        del self._requests[key]
        return Progress(key, pieces, Ended(request.finished, request.aborted))

    def _piece(self, name: Name, question: Question, future: Future[Written]) -> Piece:
        written = self._writer.finish(question, future.result())
        self._counts["tokens"] += len(written.tokens)
        prompt, index = name
        version = self.policy_version
        return Piece(prompt, index, written.tokens, written.logprobs, None, written.finish_reason, version, version)


def relay(answered: Future[T], convert: Callable[[T], Written], stop: Callable[[], object]) -> Future[Written]:
    """Returns a future of the converted result that can be cancelled at any time; `stop` then ends the work."""
    found: Future[Written] = Future()
    found.add_done_callback(lambda ended: stop() if ended.cancelled() else None)

    def finish(future: Future[T]) -> None:
        if not found.set_running_or_notify_cancel():
            return
        try:
            written = convert(future.result())
        except BaseException as error:
            found.set_exception(error)
        else:
            found.set_result(written)

    answered.add_done_callback(finish)
    return found


def seed_of(key: int, position: int) -> int:
    """Returns the seed of a completion, below 2^32: the key, or a different seed for the continuation of a rollout."""
    return key if position == 0 else (key * 0x9E3779B1 + position * 0x85EBCA6B) & 0xFFFFFFFF
