"""Sampling of tokens from rows of logits, by the rules of `src/core/rng.ts` and
`src/engines/embedded/sampling/choose-token.ts`.

Everything runs on the device of the logits without synchronising. Probabilities are float32, their sums float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

_WORD = 0xFFFFFFFF
_SPAN = 512
"""Words whose probabilities are summed first; about the square root of a vocabulary."""


@dataclass(frozen=True)
class ChoiceRules:
    """Sampling settings of each row; tensors [B]."""

    inverse_temperature: Tensor
    """float32; 1 if greedy."""
    greedy: Tensor
    """bool"""
    top_p: Tensor
    """float64; 1: no limit."""
    top_k: Tensor
    """int64; 0: no limit."""

    def rows(self, part: slice) -> ChoiceRules:
        return ChoiceRules(self.inverse_temperature[part], self.greedy[part], self.top_p[part], self.top_k[part])


def uniform_at(keys: Tensor, counters: Tensor) -> Tensor:
    """Returns float64 [B] in [0, 1), a function of key (u32 in int64) and counter: `uniformAt(key, counter)`."""
    # Products of 32-bit words overflow int64, but their lower 32 bits are exact.
    mixed = _mix(keys ^ 0x9E3779B9)
    mixed = _mix(((mixed ^ counters) * 0x85EBCA6B + 0x6D2B79F5) & _WORD)
    return mixed.double() / 4294967296


def _mix(value: Tensor) -> Tensor:
    value = ((value ^ (value >> 16)) * 0x7FEB352D) & _WORD
    value = ((value ^ (value >> 15)) * 0x846CA68B) & _WORD
    return value ^ (value >> 16)


def choose_tokens(logits: Tensor, uniforms: Tensor, rules: ChoiceRules, filtered: bool) -> tuple[Tensor, Tensor]:
    """Returns tokens int64 [B] and scores float32 [2, B]: log-probabilities of the tokens under the full softmax at the
    temperature, and its entropies (nats).

    Overwrites logits, float32 [B, V]; uniforms are float64 [B]. `filtered`: some row has a top-k or top-p, so that all
    rows are sorted. A row with non-finite logits gets NaN scores and an arbitrary token.
    """
    largest, best = logits.max(1)
    scaled = logits.sub_(largest[:, None]).mul_(rules.inverse_temperature[:, None])
    powers = scaled.exp()
    drawn, total = _draw(powers, uniforms)
    if filtered:
        limited = (rules.top_p < 1) | ((rules.top_k > 0) & (rules.top_k < logits.shape[1]))
        drawn = torch.where(limited, _draw_filtered(powers, total, uniforms, rules), drawn)
    tokens = torch.where(rules.greedy, best, drawn)
    logprobs = scaled.gather(1, tokens[:, None])[:, 0] - total.log()
    # A matrix product needs no temporary of the size of the logits. Clamp -inf, whose product with 0 would be NaN.
    weighted = torch.bmm(powers[:, None], scaled.clamp_(min=-1e4)[:, :, None])[:, 0, 0]
    return tokens, torch.stack([logprobs, total.log() - weighted / total]).float()


def _draw(powers: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the first token at which the running sum exceeds its share of the total, and the total (float64).

    Two levels: sums of spans find the span, then only that span is searched.
    """
    words = powers.shape[1]
    whole = words // _SPAN * _SPAN
    sums = powers[:, :whole].view(len(powers), -1, _SPAN).sum(2, dtype=torch.float64)
    if whole < words:
        sums = torch.cat([sums, powers[:, whole:].sum(1, dtype=torch.float64, keepdim=True)], 1)
    running = sums.cumsum(1)
    total = running[:, -1]
    target = uniforms * total
    span = (running <= target[:, None]).sum(1, keepdim=True).clamp_(max=sums.shape[1] - 1)
    before = pad(running, (1, 0)).gather(1, span)
    places = span * _SPAN + torch.arange(min(_SPAN, words), device=powers.device)
    inside = powers.gather(1, places.clamp(max=words - 1)).double() * (places < words)
    rank = (inside.cumsum(1) <= target[:, None] - before).sum(1, keepdim=True)
    # Rounding may keep the sum below its target to the end; then take the last possible token.
    last = (torch.arange(inside.shape[1], device=powers.device) * (inside > 0)).amax(1, keepdim=True)
    return (span * _SPAN + torch.minimum(rank, last)).clamp_(max=words - 1)[:, 0], total


def _draw_filtered(powers: Tensor, total: Tensor, uniforms: Tensor, rules: ChoiceRules) -> Tensor:
    """Samples among the most probable tokens (ties: smaller id first) within top-k and top-p; at least one."""
    words = powers.shape[1]
    ordered, ids = powers.sort(dim=1, descending=True, stable=True)
    running = ordered.double().cumsum(1)
    most = torch.where(rules.top_k > 0, rules.top_k, words).clamp(max=words)
    lacking = (running < (rules.top_p * total)[:, None]).sum(1)
    kept = torch.minimum(lacking + 1, most)
    target = uniforms * running.gather(1, kept[:, None] - 1)[:, 0]
    rank = torch.minimum((running <= target[:, None]).sum(1), kept - 1)
    return ids.gather(1, rank[:, None])[:, 0]
