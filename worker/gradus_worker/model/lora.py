"""Low-rank adapters (Hu et al. 2021, 2106.09685): y = W x + alpha / rank * B A x; only A and B are trained."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import linear

from ..ranks.shard import gather_weights, is_sharded, whole
from .config import ModelConfig
from .json_file import ModelError
from .transformer import Transformer
from .weight_layout import Part, parts

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_JOINED = {
    "q_proj": "qkv_proj", "k_proj": "qkv_proj", "v_proj": "qkv_proj",
    "gate_proj": "gate_up_proj", "up_proj": "gate_up_proj",
}  # fmt: skip
"""The linear layer of a target in checkpoints that join q, k, v and gate, up."""


@dataclass(frozen=True)
class LoraSettings:
    rank: int
    alpha: float
    targets: Sequence[str]
    """Names of linear layers, from `TARGETS`."""

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    def describe(self) -> dict[str, object]:
        """Returns the settings that must match for adapters to be resumed."""
        return {"rank": self.rank, "alpha": self.alpha, "targets": sorted(set(self.targets))}


class Adapters:
    """A and B of every target, float32: `<module>.lora_A` [rank, input] and `<module>.lora_B` [output, rank].

    Modules are named as in the checkpoint, e.g. `model.layers.0.self_attn.q_proj`. New adapters change nothing: B is 0.
    """

    def __init__(self, base: Transformer, settings: LoraSettings) -> None:
        unknown = [name for name in settings.targets if name not in TARGETS]
        if unknown:
            raise ModelError(f"lora.targets: expected some of {', '.join(TARGETS)}, got {unknown[0]!r}")
        if base.config.experts is not None and {"gate_proj", "up_proj", "down_proj"} & {*settings.targets}:
            raise ModelError(
                "lora.targets: expected q_proj, k_proj, v_proj or o_proj for a mixture of experts, "
                f"got {', '.join(settings.targets)}"
            )
        if base.config.fused_projections:
            joined = tuple(dict.fromkeys(_JOINED.get(name, name) for name in settings.targets))
            settings = replace(settings, targets=joined)
        self.base, self.settings = base, settings
        self.targets = target_parts(base.config, settings.targets)
        self.weights: dict[str, Tensor] = {}
        # Fixed seed, because a restarted worker must begin with the same adapters.
        generator = torch.Generator().manual_seed(0)
        for part in (part for some in self.targets.values() for part in some):
            inputs = base.weights[part.weight].shape[1]
            a = torch.empty(settings.rank, inputs).uniform_(-1, 1, generator=generator) / math.sqrt(inputs)
            b = torch.zeros(part.end - part.start, settings.rank)
            for kind, value in (("lora_A", a), ("lora_B", b)):
                self.weights[f"{module_of(part)}.{kind}"] = value.to(base.device).requires_grad_()

    def pair(self, part: Part) -> tuple[Tensor, Tensor]:
        return self.weights[f"{module_of(part)}.lora_A"], self.weights[f"{module_of(part)}.lora_B"]

    @torch.no_grad()
    def merge(self, into: Mapping[str, Tensor]) -> None:
        """Writes base + scale B A, computed in float32, into the tensors of the same names.

        A collective if the base is sharded. Ranks without a target pass an empty table.
        """
        for weight, some in self.targets.items():
            base = whole(self.base.weights[weight])
            for part in some if into else []:
                a, b = self.pair(part)
                rows = slice(part.start, part.end)
                into[weight][rows].copy_(torch.addmm(base[rows].float(), b, a, alpha=self.settings.scale))

    def merged(self, dtype: torch.dtype) -> Transformer:
        """Returns the base with merged targets; all other weights are shared, unless the base is sharded."""
        weights = {name: whole(value).detach() for name, value in self._copied().items()}
        merged = {name: value.to(dtype, copy=name in self.targets) for name, value in weights.items()}
        self.merge(merged)
        return Transformer(self.base.config, {**self.base.weights, **merged})

    def merged_whole(self, *, keep: bool) -> Transformer | None:
        """Returns the merged model in float32 in main memory; None without `keep`. A collective."""
        weights = gather_weights(self.base.weights, keep=keep)
        merged = {name: value.to(torch.float32, copy=name in self.targets) for name, value in weights.items()}
        self.merge(merged)
        return Transformer(self.base.config, merged) if keep else None

    def _copied(self) -> Mapping[str, Tensor]:
        """Returns the weights of the base that a merged model does not share."""
        weights = self.base.weights
        return {name: value for name, value in weights.items() if name in self.targets or is_sharded(value)}


class LoraTransformer(Transformer):
    """The base with adapters beside its matrices, for training."""

    def __init__(self, adapters: Adapters) -> None:
        super().__init__(adapters.base.config, adapters.base.weights)
        self._adapters = adapters

    def project(self, name: str, x: Tensor) -> Tensor:
        y = super().project(name, x)
        some = self._adapters.targets.get(f"{name}.weight")
        return y if some is None else y + self._update(some, x, y)

    def _update(self, some: Sequence[Part], x: Tensor, y: Tensor) -> Tensor:
        """Multiplies once by all A of a matrix, then each share by its B; rows without an adapter get 0."""
        pairs = [self._adapters.pair(part) for part in some]
        inner = linear(x, torch.cat([a for a, _ in pairs]).to(x.dtype)) * self._adapters.settings.scale
        pieces, at = [], 0
        for part, (_, b), share in zip(some, pairs, inner.chunk(len(pairs), 1), strict=True):
            if part.start > at:
                pieces.append(y.new_zeros(len(y), part.start - at))
            pieces.append(linear(share, b.to(x.dtype)))
            at = part.end
        if at < y.shape[1]:
            pieces.append(y.new_zeros(len(y), y.shape[1] - at))
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, 1)


def target_parts(config: ModelConfig, targets: Sequence[str]) -> dict[str, list[Part]]:
    """Returns the parts with these names, grouped by the tensor that contains them, in the order of their rows."""
    found: defaultdict[str, list[Part]] = defaultdict(list)
    for part in parts(config):
        if part.name.endswith(".weight") and module_of(part).rpartition(".")[2] in targets:
            found[part.weight].append(part)
    return dict(found)


def module_of(part: Part) -> str:
    """Returns the name of the linear layer to which a tensor of the checkpoint belongs."""
    return part.name.removesuffix(".weight")
