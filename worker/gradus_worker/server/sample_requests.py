"""Sample requests that run concurrently on one sampler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..protocol.frames import Array
from ..protocol.messages import Outcome, Reply, Request, RequestError, bad_request
from ..sampling.completion import Ended, Failed, Piece, Progress, SamplePrompt, SampleSettings
from .inbox import Aborted, Incoming
from .session_engine import SessionSampler


class SampleRequests:
    """Runs sample requests. Calls `end` with the outcome of each."""

    def __init__(self, sampler: SessionSampler, end: Callable[[Incoming, Outcome], None]) -> None:
        self._sampler, self._end = sampler, end
        self._running: dict[int, Incoming] = {}
        self._last_key = 0

    @property
    def busy(self) -> bool:
        return len(self._running) > 0

    def start(self, incoming: Incoming) -> None:
        """Starts a request; raises RequestError if it is invalid. A repeated request replaces the running one."""
        prompts, settings = _job(incoming.request)
        self._last_key += 1
        try:
            self._sampler.add(self._last_key, prompts, settings)
        except ValueError as error:
            raise bad_request(str(error)) from error
        for key, running in self._running.items():
            if running.request.seq == incoming.request.seq:
                self._sampler.abort(key, None)
        self._running[self._last_key] = incoming
        for sequences in incoming.aborts:
            self._sampler.abort(self._last_key, sequences)

    def abort(self, target: int, sequences: Aborted) -> None:
        for key, running in self._running.items():
            if running.request.id == target:
                self._sampler.abort(key, sequences)

    def step(self) -> None:
        """Does a bounded piece of work and sends the resulting replies."""
        for progress in self._sampler.step():
            self._report(progress)

    def drop(self) -> list[Incoming]:
        """Stops all requests and returns them, without a reply."""
        self._sampler.reset()
        dropped = list(self._running.values())
        self._running.clear()
        return dropped

    def _report(self, progress: Progress) -> None:
        incoming = self._running[progress.request]
        if progress.pieces:
            header = {"id": incoming.request.id, "type": "part", "sequences": [_described(p) for p in progress.pieces]}
            incoming.send(header, _joined(progress.pieces))
        if progress.end is not None:
            del self._running[progress.request]
            self._end(incoming, _outcome(progress.end))


def _job(request: Request) -> tuple[list[SamplePrompt], SampleSettings]:
    wanted = request["prompts"]
    tokens = np.split(
        request.tensor("tokens", "i32", sum(one["length"] for one in wanted)),
        np.cumsum([one["length"] for one in wanted])[:-1],
    )
    keys = np.split(
        request.tensor("randomKeys", "u32", sum(one["count"] for one in wanted)),
        np.cumsum([one["count"] for one in wanted])[:-1],
    )
    prompts = [
        SamplePrompt(tokens[i], one["firstIndex"], keys[i], one.get("firstPosition", 0)) for i, one in enumerate(wanted)
    ]
    settings = SampleSettings(
        max_tokens=request["maxTokens"],
        temperature=request["temperature"],
        top_p=request["topP"],
        top_k=request["topK"],
        stream=request["stream"],
        is_continued=request.fields.get("isContinued", False),
    )
    return prompts, settings


def _described(piece: Piece) -> dict[str, Any]:
    return {
        "prompt": piece.prompt,
        "index": piece.index,
        "count": len(piece.tokens),
        "finishReason": piece.finish_reason,
        "policyVersionStart": piece.policy_version_start,
        "policyVersionEnd": piece.policy_version_end,
    }


def _joined(pieces: list[Piece]) -> dict[str, Array]:
    entropies = [piece.entropies for piece in pieces if piece.entropies is not None]
    return {
        "tokens": np.concatenate([piece.tokens for piece in pieces]),
        "logprobs": np.concatenate([piece.logprobs for piece in pieces]),
        **({"entropies": np.concatenate(entropies)} if len(entropies) == len(pieces) else {}),
    }


def _outcome(end: Ended | Failed) -> Outcome:
    if isinstance(end, Failed):
        return RequestError(end.code, end.message)
    return Reply({"finished": end.finished, "aborted": end.aborted})
