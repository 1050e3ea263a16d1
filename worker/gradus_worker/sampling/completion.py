"""Requests and progress of the sampler (`sample` of docs/protocol.md), and the state of each completion."""

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
    """Random keys, one per completion."""
    first_position: int = 0
    """Number of tokens that the policy already wrote in these rollouts: the position of the next token's random
    number."""


@dataclass(frozen=True)
class SampleSettings:
    max_tokens: int
    temperature: float
    """0: greedy."""
    top_p: float
    """1: no limit."""
    top_k: int
    """0: no limit."""
    stream: bool
    """Report tokens of a completion before it ends."""
    is_continued: bool = False
    """Later requests may continue the completions that stop: keep their keys and values."""

    @property
    def inverse_temperature(self) -> float:
        return 1 / (self.temperature or 1)

    @property
    def is_filtered(self) -> bool:
        return self.temperature > 0 and (self.top_p < 1 or self.top_k > 0)


@dataclass(frozen=True)
class Piece:
    """New tokens of a completion; `finish_reason` is set with the last tokens."""

    prompt: int
    index: int
    tokens: Tokens
    logprobs: Floats
    entropies: Floats | None
    """None: not measured, as on servers."""
    finish_reason: str | None
    policy_version_start: int
    policy_version_end: int


@dataclass(frozen=True)
class Ended:
    """Numbers of completions of a request that has ended."""

    finished: int
    aborted: int


@dataclass(frozen=True)
class Failed:
    """Error that ended a request."""

    code: Literal["oom", "non-finite"]
    message: str


@dataclass(frozen=True)
class Progress:
    """Progress of one request since the last step."""

    request: int
    pieces: list[Piece]
    end: Ended | Failed | None


@dataclass(eq=False)
class Completion:
    """State of a completion that has not ended."""

    request: Request
    prompt: int
    index: int
    key: int
    prompt_tokens: Tokens
    limit: int
    """Maximum number of tokens to write."""
    first_position: int = 0
    """Position of the first token in the rollout."""
    count: int = 0
    """Tokens written so far."""
    blocks: list[int] = field(default_factory=list)
    """Cache blocks in order of positions; empty while waiting for a row."""
    policy_version_start: int | None = None
    stopped: bool = False
    """Whether it ended with an end token."""
    _tokens: list[Tokens] = field(default_factory=list)
    """Tokens not yet reported."""
    _scores: list[Floats] = field(default_factory=list)
    _reported: list[Tokens] = field(default_factory=list)

    def add(self, tokens: Tokens, scores: Floats) -> None:
        """Adds tokens with their scores [2, n]: log-probabilities and entropies."""
        self._tokens.append(tokens)
        self._scores.append(scores)
        self.count += len(tokens)

    def take_piece(self, finish_reason: str | None, policy_version: int) -> Piece:
        """Returns the tokens written since the last call."""
        assert self.policy_version_start is not None
        tokens, (logprobs, entropies) = np.concatenate(self._tokens), np.concatenate(self._scores, 1)
        self._reported.append(tokens)
        self._tokens, self._scores = [], []
        versions = self.policy_version_start, policy_version
        return Piece(self.prompt, self.index, tokens, logprobs, entropies, finish_reason, *versions)

    def all_tokens(self) -> Tokens:
        """Returns the prompt and all tokens written so far."""
        return np.concatenate([self.prompt_tokens, *self._reported, *self._tokens])


@dataclass(eq=False)
class Request:
    """State of a sample request."""

    id: int
    settings: SampleSettings
    open: dict[tuple[int, int], Completion] = field(default_factory=dict)
    """Completions that have neither ended nor been aborted, by prompt and index."""
    pieces: list[Piece] = field(default_factory=list)
    finished: int = 0
    aborted: int = 0
    failure: Failed | None = None

    def take_progress(self) -> Progress | None:
        """Returns the progress since the last call; None if there is none."""
        end = self.failure or (Ended(self.finished, self.aborted) if not self.open else None)
        pieces, self.pieces = ([] if self.failure else self.pieces), []
        return Progress(self.id, pieces, end) if pieces or end else None


def check_request(
    prompts: Sequence[SamplePrompt], settings: SampleSettings, vocab_size: int, max_sequence_tokens: int
) -> None:
    """Raises ValueError for invalid prompts or settings, with the messages of the embedded engine."""

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
