"""Engine that trains through a wrapped engine and samples on vLLM replicas."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..pause import Pause
from ..protocol.messages import Reply, Request
from ..sampling.completion import Floats
from ..sampling.remote import RemoteSampler
from .replica import Replica
from .replicas import Replicas
from .tensor_families import explain_mismatch

if TYPE_CHECKING:
    from ..server.server import OpenEngine
    from ..server.session_engine import SessionEngine

OpenReplicas = Callable[[Request, Pause], Sequence[Replica]]
"""Connects to servers, or starts them, for a `createModel` request."""
_CHANGES_WEIGHTS = ("optimStep", "loadState")


@contextmanager
def replicated_engines(
    open_trainer: OpenEngine, open_replicas: OpenReplicas, folder: Path | None
) -> Iterator[OpenEngine]:
    """Opens engines that sample on these replicas. `folder`: folder for weights; None: a temporary folder on this
    machine."""

    def open_engine(request: Request, pause: Pause) -> ReplicatedEngine:
        # The trainer never samples, so keep its cache as small as possible.
        trainer = open_trainer(replace(request, fields={**request.fields, "slots": 1}), pause)
        weights = None
        try:
            replicas = open_replicas(request, pause)
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            weights = Path(tempfile.mkdtemp(prefix="gradus-weights-", dir=folder))
            engine = ReplicatedEngine(trainer, request, pause, replicas, weights)
        except Exception:
            if weights is not None:
                weights.rmdir()
            trainer.close()
            raise
        # A worker may also end without closing its engine.
        ending.callback(engine.close_replicas)
        return engine

    with ExitStack() as ending:
        yield open_engine


class ReplicatedEngine:
    """Publishes changed weights before the next completion."""

    def __init__(
        self, trainer: SessionEngine, request: Request, pause: Pause, replicas: Sequence[Replica], folder: Path
    ) -> None:
        self._trainer, self._created = trainer, trainer.created.result
        self._replicas = Replicas(
            replicas,
            self,
            folder=folder,
            base=Path(request["model"]),
            end_tokens=request["endTokens"],
            pause=pause,
            explain=explain_mismatch,
        )
        own, theirs = self._created["maxSequenceTokens"], self._replicas.max_sequence_tokens
        limit = min(own, theirs) if theirs > 0 else own
        self.sampler = RemoteSampler(self._replicas, self._created["vocabSize"], limit)
        device = f"{self._created['device']} + {len(replicas)} vLLM"
        self.created = Reply({**self._created, "device": device, "maxSequenceTokens": limit})

    def carry_out(self, request: Request) -> Reply:
        """Carries out any ordered request except `createModel` and `sample`."""
        reply = self._trainer.carry_out(request)
        if request.type in _CHANGES_WEIGHTS:
            self.sampler.policy_version = reply.result["policyVersion"]
            self.sampler.is_stale = True
        return reply

    def drop_gradient(self) -> None:
        self._trainer.drop_gradient()

    def stats(self) -> dict[str, float]:
        """Returns metrics by name: of the trainer, of sampling, and of each replica."""
        own = {name: value for name, value in self._trainer.stats().items() if not name.startswith("sampler/")}
        return {**own, **self.sampler.stats()}

    def close(self) -> None:
        self.close_replicas()
        self._trainer.close()

    def close_replicas(self) -> None:
        """Ends sampling and removes published weights."""
        self._replicas.close()

    def write(self, folder: Path) -> None:
        """Writes the current weights as a Hugging Face folder."""
        dtype = "f32" if self.is_float32 else "bf16"
        self._trainer.carry_out(Request(1, "exportModel", {"dir": str(folder), "dtype": dtype}, {}))

    def logprobs(self, tokens: Sequence[int], temperature: float) -> Floats:
        """Scores a sequence with the current weights; entry 0 is 0."""
        fields = {"which": "policy", "temperature": temperature, "lengths": [len(tokens)]}
        request = Request(1, "logprobs", fields, {"tokens": np.array(tokens, np.int32)})
        found: Floats = self._trainer.carry_out(request).tensors["logprobs"]
        return found

    @property
    def is_float32(self) -> bool:
        return bool(self._created["dtype"] == "float32")
