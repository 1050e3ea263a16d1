"""What a sampler is asked and what it says (`sample` of docs/protocol.md), and what it keeps about each completion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SamplePrompt:
    tokens: Tokens
    first_index: int
    random_keys: NDArray[np.uint32]
    """One per completion."""
    first_position: int = 0
    """Tokens that the policy wrote of these rollouts before: the position of the next token's random number."""


@dataclass(frozen=True)
class SampleSettings:
    max_tokens: int
    temperature: float
    """0: greedy."""
    top_p: float
    """1: all."""
    top_k: int
    """0: all."""
    stream: bool
    """Say what has been written of a completion before it has ended."""

    @property
    def inverse_temperature(self) -> float:
        return 1 / (self.temperature or 1)

    @property
    def is_filtered(self) -> bool:
        return self.temperature > 0 and (self.top_p < 1 or self.top_k > 0)


@dataclass(frozen=True)
class Piece:
    """Tokens of a completion; with `finish_reason`, its last."""

    prompt: int
    index: int
    tokens: Tokens
    logprobs: Floats
    entropies: Floats
    finish_reason: str | None
    policy_version_start: int
    policy_version_end: int


@dataclass(frozen=True)
class Ended:
    """Numbers of completions."""

    finished: int
    aborted: int


@dataclass(frozen=True)
class Failed:
    code: Literal["oom", "non-finite"]
    message: str


@dataclass(frozen=True)
class Progress:
    """News of one request."""

    request: int
    pieces: list[Piece]
    end: Ended | Failed | None


@dataclass(eq=False)
class Completion:
    """A completion on its way."""

    request: Request
    prompt: int
    index: int
    key: int
    prompt_tokens: Tokens
    limit: int
    """Tokens it may have."""
    first_position: int = 0
    """Position in the rollout of its first token."""
    count: int = 0
    """Tokens it has."""
    blocks: list[int] = field(default_factory=list)
    """Held in the cache, in order of positions; empty while it waits."""
    policy_version_start: int | None = None
    _tokens: list[Tokens] = field(default_factory=list)
    """What has not been said yet."""
    _scores: list[Floats] = field(default_factory=list)
    _said: list[Tokens] = field(default_factory=list)

    def add(self, tokens: Tokens, scores: Floats) -> None:
        """Scores [2, n]: log-probabilities and entropies."""
        self._tokens.append(tokens)
        self._scores.append(scores)
        self.count += len(tokens)

    def say(self, finish_reason: str | None, policy_version: int) -> Piece:
        """What has been written since the last time."""
        assert self.policy_version_start is not None
        tokens, (logprobs, entropies) = np.concatenate(self._tokens), np.concatenate(self._scores, 1)
        self._said.append(tokens)
        self._tokens, self._scores = [], []
        versions = self.policy_version_start, policy_version
        return Piece(self.prompt, self.index, tokens, logprobs, entropies, finish_reason, *versions)

    def so_far(self) -> Tokens:
        """The prompt and all that has been written."""
        return np.concatenate([self.prompt_tokens, *self._said, *self._tokens])


@dataclass(eq=False)
class Request:
    id: int
    settings: SampleSettings
    open: dict[tuple[int, int], Completion] = field(default_factory=dict)
    """By prompt and index, all that has neither ended nor been aborted."""
    pieces: list[Piece] = field(default_factory=list)
    finished: int = 0
    aborted: int = 0
    failure: Failed | None = None

    def news(self) -> Progress | None:
        """What has happened since the last time."""
        end = self.failure or (Ended(self.finished, self.aborted) if not self.open else None)
        pieces, self.pieces = ([] if self.failure else self.pieces), []
        return Progress(self.id, pieces, end) if pieces or end else None


def check_request(
    prompts: Sequence[SamplePrompt], settings: SampleSettings, vocab_size: int, max_sequence_tokens: int
) -> None:
    """ValueError for what no sampler could write; messages as of the embedded engine."""

    def expect(is_right: bool, expected: str, got: object) -> None:
        if not is_right:
            raise ValueError(f"sample: expected {expected}, got {got}")

    s = settings
    expect(s.max_tokens >= 1, "maxTokens to be a whole number of at least 1", s.max_tokens)
    expect(0 <= s.temperature < math.inf, "temperature to be at least 0", s.temperature)
    expect(0 < s.top_p <= 1, "topP to be above 0 and at most 1", s.top_p)
    expect(s.top_k >= 0, "topK to be a whole number of at least 0", s.top_k)
    for at, prompt in enumerate(prompts):
        length, tokens = len(prompt.tokens), prompt.tokens
        expect(prompt.first_index >= 0, f"firstIndex of prompt {at} to be at least 0", prompt.first_index)
        expect(prompt.first_position >= 0, f"firstPosition of prompt {at} to be at least 0", prompt.first_position)
        expect(length > 0, f"prompt {at} to have at least one token", length)
        expect(length < max_sequence_tokens, f"prompt {at} to be shorter than {max_sequence_tokens} tokens", length)
        strangers = tokens[(tokens < 0) | (tokens >= vocab_size)]
        expect(len(strangers) == 0, f"tokens of prompt {at} to be below {vocab_size}", strangers[:1].tolist())
