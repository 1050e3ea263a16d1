"""A worker of two ranks behind the protocol gives the same answers as one process, and leaves no rank behind."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_client import (
    LORA,
    STEP,
    Client,
    local_client,
    process_client,
    sampling,
    scoring,
    training,
)

SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4]]
TWO_RANKS = (sys.executable, "-m", "gradus_worker", "--ranks", "2")
PROMPTS = [[5, 6, 7], [8, 9], [3]]
KL = {"kl": {"estimator": "k3", "coefficient": 0.1}}


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def has_ended(pid: int) -> bool:
    until = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_running(pid)


def learn(client: Client, folder: Path) -> list[Any]:
    """Trains two steps with a reference, saves, scores, samples, exports; returns the worker's replies."""
    found: list[Any] = []
    reference = client.ask("logprobs", **scoring(SEQUENCES, "reference")).tensors["logprobs"]
    wanted = training(SEQUENCES, **KL)
    wanted["tensors"]["referenceLogprobs"] = reference
    found.append(client.ask("gradientNorm", **wanted).result["norm"])
    for _ in range(2):
        found.append(client.ask("forwardBackward", **wanted).result["loss"])
        found.append(client.ask("optimStep", **STEP).result["gradNorm"])
    assert client.ask("saveState", dir=str(folder / "state")).result == {"policyVersion": 2}
    found.append(client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"])
    assert client.ask("exportModel", dir=str(folder / "exported"), dtype="f32").code is None
    return found


def test_two_ranks_answer_as_one_process_does(tiny_folder: Path, tmp_path: Path) -> None:
    # Uses adapters, because test/e2e/torch.test.ts trains all weights.
    lora = LORA
    wanted = sampling(PROMPTS, 4, 12)
    with local_client(tiny_folder, lora=lora) as one:
        expected = learn(one, tmp_path / "one")
        completions = one.ask("sample", **wanted).completions
    with process_client(*TWO_RANKS) as client:
        client.hello()
        created = client.create(tiny_folder, lora=lora).result
        assert created["device"] == "2 x cpu"
        found = learn(client, tmp_path / "two")
        for a, b in zip(found, expected, strict=True):
            assert np.allclose(a, b, atol=1e-5)
        answer = client.ask("sample", **wanted)
        assert answer.completions == completions
        assert answer.result == {"finished": 12, "aborted": 0}
        stats = client.ask("stats").result["metrics"]
        assert stats["sampler/tokens"] == sum(map(len, completions.values()))
        # A state saved by two ranks belongs to this model: the worker can restore it, and one process can load it.
        client.ask("forwardBackward", **training(SEQUENCES))
        client.ask("optimStep", **STEP)
        assert client.ask("loadState", dir=str(tmp_path / "two" / "state")).result == {"policyVersion": 2}
        assert np.array_equal(client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], found[-1])
        rank = children(client.process.pid)
        client.close()
        code, stderr = client.finish()
        assert code == 0, stderr
        assert "gradus_worker:" not in stderr
        assert all(map(has_ended, rank))
    with local_client(tiny_folder, lora=lora) as one:
        assert one.ask("loadState", dir=str(tmp_path / "two" / "state")).result == {"policyVersion": 2}
        assert np.allclose(one.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], expected[-1], atol=1e-5)
    with local_client(tmp_path / "two" / "exported", train=False) as one:
        assert np.allclose(one.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], expected[-1], atol=1e-5)


def test_a_rejected_request_leaves_the_ranks_in_step(tiny_folder: Path, tmp_path: Path) -> None:
    with process_client(*TWO_RANKS) as client:
        client.hello()
        assert client.create(tmp_path / "nowhere").code == "bad-request"
        assert client.create(tiny_folder, device="cuda:1").code == "bad-request"
        assert client.create(tiny_folder).code is None
        assert client.ask("loadState", dir=str(tmp_path / "nothing")).code == "bad-request"
        assert client.ask("sample", **sampling([[99]], 1, 4)).code == "bad-request"
        (tmp_path / "file").touch()
        assert client.ask("saveState", dir=str(tmp_path / "file")).code == "internal"
        client.ask("forwardBackward", **training(SEQUENCES))
        assert client.ask("saveState", dir=str(tmp_path / "state")).code == "bad-request"
        assert client.ask("optimStep", **STEP).result["policyVersion"] == 1
        long = client.start("sample", **sampling(PROMPTS, 40, 100, stream=True))
        client.ask("abort", target=long, sequences=[{"prompt": 1, "index": 3}])
        assert client.wait(long).result["aborted"] <= 1
        long = client.start("sample", **sampling(PROMPTS, 400, 100))
        client.ask("abort", target=long, sequences=None)
        result = client.wait(long).result
        assert result["finished"] + result["aborted"] == 1200
        # A client that disconnects in the middle of a pass ends both ranks.
        rank = children(client.process.pid)
        for _ in range(20):
            client.start("forwardBackward", **training(SEQUENCES * 50))
        client.close()
        client.process.wait(30)
        assert all(map(has_ended, rank))


@pytest.mark.parametrize("victim", [0, 1])
def test_the_death_of_a_rank_ends_the_worker(tiny_folder: Path, victim: int) -> None:
    with process_client(*TWO_RANKS) as client:
        client.hello()
        client.create(tiny_folder)
        (other,) = children(client.process.pid)
        for _ in range(20):
            client.start("forwardBackward", **training(SEQUENCES * 50))
        killed, left = [(client.process.pid, other), (other, client.process.pid)][victim]
        os.kill(killed, 9)
        code = client.process.wait(30)
        assert code == (-9 if victim == 0 else 70)
        assert has_ended(left)
