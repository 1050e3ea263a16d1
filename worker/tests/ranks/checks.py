"""Checks that run on every rank of a group; `test_ranks.py` starts them. Prints one JSON object on rank 0.

RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=… python checks.py SCRATCH
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gradus_worker.learning.batch_loss import LossStats, TrainingSequence
from gradus_worker.learning.checkpoint import StateOwner, load_state, save_state
from gradus_worker.learning.optimizer import OptimSettings
from gradus_worker.learning.trainer import Trainer
from gradus_worker.model.config import ModelConfig
from gradus_worker.pause import no_pause
from gradus_worker.policy import Policy, open_policy
from gradus_worker.ranks.group import SINGLE, Group
from gradus_worker.ranks.launch import join_group
from gradus_worker.ranks.shard import is_sharded, local, whole

LORA = {"rank": 2, "alpha": 4, "targets": ["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"], "adapter": None}
PLAIN: dict[str, Any] = {"kl": None, "entropy": None, "importance": None, "temperature": 0.8}
POLICY_TERMS: dict[str, dict[str, Any]] = {
    "token": {"type": "clipped", "ratio": "token", "clipLow": 0.2, "clipHigh": 0.28, "dualClip": None},
    "sequence": {"type": "clipped", "ratio": "sequence", "clipLow": 0.2, "clipHigh": 0.2, "dualClip": 3},
    "cispo": {"type": "cispo", "minRatio": 0.0, "maxRatio": 2.0},
    "reinforce": {"type": "reinforce"},
    "cross-entropy": {"type": "cross-entropy"},
}
KL_TERMS = [None, *({"estimator": name, "coefficient": 0.1} for name in ("k1", "k2", "k3"))]
ENTROPY_TERMS = [None, {"coefficient": 0.01}]
IMPORTANCE_TERMS = [
    None,
    *({"level": level, "mode": mode, "cap": 2.0} for level in ("token", "sequence") for mode in ("truncate", "mask")),
]
ALL = {**PLAIN, "policy": POLICY_TERMS["token"], "kl": KL_TERMS[3], "entropy": ENTROPY_TERMS[1]}
STEP = OptimSettings(learning_rate=1e-3, weight_decay=0.1, max_grad_norm=1)


def specs() -> Iterator[dict[str, Any]]:
    for policy, kl, entropy, importance in itertools.product(
        POLICY_TERMS.values(), KL_TERMS, ENTROPY_TERMS, IMPORTANCE_TERMS
    ):
        yield {**PLAIN, "policy": policy, "kl": kl, "entropy": entropy, "importance": importance}


def batch(seed: int) -> list[TrainingSequence]:
    """Returns five sequences of 1 to 12 tokens; some have separate old log-probabilities."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for index, length in enumerate([9, 2, 12, 1, 7]):
        weights = torch.rand(length, generator=generator) / 10
        weights[: 1 + length // 3] = 0
        logs = [-4 + 0.3 * torch.randn(length, generator=generator) for _ in range(3)]
        advantages = torch.randn((), generator=generator).expand(length).clone()
        tokens = torch.randint(0, 61, (length,), generator=generator, dtype=torch.int32)
        found.append(TrainingSequence(tokens, weights, advantages, logs[0], logs[1] if index % 2 else None, logs[2]))
    return found


def opened(folder: Path, group: Group, *, lora: bool, budget: int = 20) -> tuple[Policy, Trainer]:
    policy = open_policy(folder, "cpu", "float32", LORA if lora else None, no_pause, group, train=True)
    if lora:
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for name, value in policy.parameters.items():
                if name.endswith("lora_B"):
                    value.copy_(torch.randn(value.shape, generator=generator) * 0.05)
    config: ModelConfig = policy.trained.config
    return policy, Trainer(
        policy.trained, policy.parameters, head_size=config.head_size, token_budget=budget, group=group
    )


def gradient(trainer: Trainer, spec: Mapping[str, Any], seed: int) -> tuple[LossStats, dict[str, Tensor]]:
    """Returns the complete gradient of a batch, and clears it."""
    stats = trainer.forward_backward(batch(seed), spec)
    found = trainer._take_gradients()
    masters = trainer.optimizer.masters
    return stats, {name: _whole(masters[name], value) for name, value in found.items()}


def _whole(like: Tensor, rows: Tensor) -> Tensor:
    if not is_sharded(like):
        return rows
    from torch.distributed.tensor import DTensor

    assert isinstance(like, DTensor)
    return DTensor.from_local(
        rows, like.device_mesh, like.placements, shape=like.shape, stride=like.stride()
    ).full_tensor()


def relative(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> float:
    off = math.sqrt(sum(float((found[name] - value).double().square().sum()) for name, value in expected.items()))
    return off / math.sqrt(sum(float(value.double().square().sum()) for value in expected.values()))


def digest(trainer: Trainer) -> str:
    hashed = hashlib.sha256()
    for name, value in sorted(trainer.state().items()):
        hashed.update(name.encode() + whole(value.detach()).contiguous().numpy().tobytes())
    return hashed.hexdigest()


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: whole(value.detach()).clone() for name, value in trainer.optimizer.masters.items()}


def steps(trainer: Trainer, seeds: range) -> list[float]:
    losses = []
    for seed in seeds:
        losses.append(trainer.forward_backward(batch(seed), ALL).loss)
        trainer.optim_step(STEP)
    return losses


def check_gradients(folder: Path, group: Group, lora: bool) -> dict[str, Any]:
    """Compares every loss with that of one process, whose microbatches differ."""
    (_, ours), (_, one) = opened(folder, group, lora=lora), opened(folder, SINGLE, lora=lora, budget=1000)
    worst = {"gradient": 0.0, "loss": 0.0, "logprob": 0.0, "entropy": 0.0, "norm": 0.0}
    count, smallest = 0, math.inf
    # Check all losses only once, for all weights on two ranks: a third rank or adapters do not change the arithmetic of
    # a loss. Otherwise use a stride that shares no factor with the numbers of terms, so that every pair of terms
    # occurs.
    for spec in itertools.islice(specs(), 0, None, 1 if group.size == 2 and not lora else 7):
        (stats, found), (expected_stats, expected) = gradient(ours, spec, 1), gradient(one, spec, 1)
        gaps = zip(stats.logprobs, expected_stats.logprobs, strict=True)
        of = {
            "gradient": relative(found, expected),
            "loss": abs(stats.loss - expected_stats.loss) / abs(expected_stats.loss),
            "logprob": max(float((a - b).abs().max()) for a, b in gaps),
            "entropy": abs((stats.entropy or 0) - (expected_stats.entropy or 0)),
            "norm": 0.0,
        }
        if count % 20 == 0:
            norms = [trainer.gradient_norm(batch(1), spec) for trainer in (ours, one)]
            of["norm"] = abs(norms[0] - norms[1]) / norms[1]
        worst = {name: max(worst[name], value) for name, value in of.items()}
        smallest = min(smallest, math.sqrt(sum(float(value.square().sum()) for value in expected.values())))
        count += 1
    return {**worst, "losses": count, "smallest": smallest}


def check_budgets(folder: Path, group: Group) -> float:
    _, one = opened(folder, SINGLE, lora=False, budget=1000)
    _, expected = gradient(one, ALL, 2)
    worst = 0.0
    for budget in (1, 13, 1000):
        _, ours = opened(folder, group, lora=False, budget=budget)
        worst = max(worst, relative(gradient(ours, ALL, 2)[1], expected))
    return worst


def check_steps(folder: Path, group: Group, lora: bool) -> dict[str, float]:
    """Compares ten steps with those of one process."""
    (policy, ours), (_, one) = opened(folder, group, lora=lora), opened(folder, SINGLE, lora=lora, budget=1000)
    found, expected = steps(ours, range(10)), steps(one, range(10))
    policy.refresh()
    tokens = [sequence.tokens for sequence in batch(3)]
    plain = Trainer(policy.sampled, {}, head_size=8, token_budget=1000)
    gaps = zip(ours.logprobs(tokens), one.logprobs(tokens), plain.logprobs(tokens), strict=True)
    return {
        "loss": max(abs(a - b) / abs(b) for a, b in zip(found, expected, strict=True)),
        "learnt": abs(expected[0] - expected[-1]),
        "scored": max(float(max((a - b).abs().max(), (a - c).abs().max())) for a, b, c in gaps),
    }


def check_states(folder: Path, group: Group, lora: bool, scratch: Path) -> dict[str, Any]:
    """Resumes on the same number of ranks, and moves states between one rank and several."""
    owner, kind = StateOwner("m"), "lora" if lora else "full"
    _, never = opened(folder, group, lora=lora)
    steps(never, range(3))
    save_state(scratch / kind, never.state(), never.updates, owner, group=group)
    files = len(list((scratch / kind).glob("state-*.safetensors")))
    steps(never, range(3, 6))
    _, resumed = opened(folder, group, lora=lora)
    resumed.restore(load_state(scratch / kind, owner, group))
    steps(resumed, range(3, 6))
    _, single = opened(folder, SINGLE, lora=lora, budget=1000)
    single.restore(load_state(scratch / kind, owner))
    steps(single, range(3, 6))
    off = max(float((weights(single)[name] - value).abs().max()) for name, value in weights(never).items())

    _, first = opened(folder, SINGLE, lora=lora, budget=1000)
    steps(first, range(3))
    if group.rank == 0:
        save_state(scratch / f"{kind}-one", first.state(), first.updates, owner)
    group.gather(None)
    _, spread = opened(folder, group, lora=lora)
    spread.restore(load_state(scratch / f"{kind}-one", owner, group))
    is_copied = all(bool((weights(spread)[name] == value).all()) for name, value in weights(first).items())
    for trainer in (first, spread):
        steps(trainer, range(3, 6))
    spread_off = max(float((weights(spread)[name] - value).abs().max()) for name, value in weights(first).items())
    return {
        "resumed": digest(never) == digest(resumed),
        "files": files,
        "toOne": off,
        "copied": is_copied,
        "fromOne": spread_off,
        "shared": sum(local(value).numel() for value in never.state().values())
        / sum(value.numel() for value in never.state().values()),
    }


def main() -> None:
    torch.set_num_threads(1)
    scratch = Path(sys.argv[1])
    group = join_group()
    folder = scratch / "model"
    found: dict[str, Any] = {"ranks": group.size, "budgets": check_budgets(folder, group)}
    for lora in (False, True):
        kind = "lora" if lora else "full"
        found[kind] = {
            "gradients": check_gradients(folder, group, lora),
            "steps": check_steps(folder, group, lora),
            "states": check_states(folder, group, lora, scratch),
        }
    if group.rank == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
