"""Sharded training compared with training in one process. `checks.py` runs on every rank."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_client import WORKER
from torch.distributed import TCPStore  # type: ignore[attr-defined]

CHECKS = str(Path(__file__).parent / "checks.py")


def run_ranks(size: int, scratch: Path) -> dict[str, Any]:
    store = TCPStore("127.0.0.1", 0, size, is_master=True, wait_for_workers=False)
    shared = {
        "PYTHONPATH": f"{WORKER}:{WORKER / 'tests'}",
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
        "OMP_NUM_THREADS": "1",
    }
    ranks = [
        subprocess.Popen(
            [sys.executable, CHECKS, str(scratch)],
            env={**os.environ, **shared, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        outputs = [rank.communicate(timeout=500) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    assert [rank.returncode for rank in ranks] == [0] * size, "\n".join(stderr for _, stderr in outputs)
    found: dict[str, Any] = json.loads(outputs[0][0])
    return found


@pytest.fixture(scope="module", params=[2, 3])
def found(
    request: pytest.FixtureRequest, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Returns the results of the checks: `full` for all weights, `lora` for adapters."""
    scratch = tmp_path_factory.mktemp("ranks")
    shutil.copytree(tiny_folder, scratch / "model")
    return run_ranks(request.param, scratch)


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_the_gradient_of_every_loss_equals_that_of_one_process(found: dict[str, Any], kind: str) -> None:
    of = found[kind]["gradients"]
    assert of["losses"] == (200 if found["ranks"] == 2 and kind == "full" else 29)
    assert of["smallest"] > 1e-3
    assert of["gradient"] < 1e-6
    assert of["norm"] < 1e-6
    assert of["logprob"] < 1e-5
    assert of["loss"] < 1e-5
    assert of["entropy"] < 1e-5


def test_the_token_budget_does_not_change_the_gradient(found: dict[str, Any]) -> None:
    assert found["budgets"] < 1e-6


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_ten_steps_have_the_losses_of_one_process(found: dict[str, Any], kind: str) -> None:
    of = found[kind]["steps"]
    assert of["loss"] < 1e-5
    assert of["learnt"] > 1e-3
    # Also check the copy of the weights that the sampler uses.
    assert of["scored"] < 1e-4


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_resumed_state_continues_bit_for_bit_on_the_same_number_of_ranks(found: dict[str, Any], kind: str) -> None:
    assert found[kind]["states"]["resumed"] is True


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_state_moves_between_one_rank_and_several(found: dict[str, Any], kind: str) -> None:
    of = found[kind]["states"]
    assert of["copied"] is True
    assert of["toOne"] < 1e-5
    assert of["fromOne"] < 1e-5


def test_every_rank_saves_its_own_file_and_keeps_a_share_of_the_weights(found: dict[str, Any]) -> None:
    of = found["full"]["states"]
    assert of["files"] == found["ranks"]
    assert of["shared"] < 1 / found["ranks"] + 0.05
