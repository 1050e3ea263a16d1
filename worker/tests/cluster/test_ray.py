"""Ranks on a Ray cluster of two nodes of one CPU each. Skipped without Ray (requirements-cluster.txt)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_client import CREATE, STEP, Answer, ProcessClient, local_client, process_client, sampling, scoring, training

pytest.importorskip("ray", reason="Ray is not installed")
from ray_nodes import Nodes, nodes

SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4]]
PATIENCE = 300


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    with nodes(2) as found:
        yield found


def on(cluster: Nodes, ranks: int = 2) -> tuple[str, ...]:
    return sys.executable, "-m", "gradus_worker", "--ranks", str(ranks), "--ray", cluster.address


def hello(client: ProcessClient) -> None:
    """Waits until the head has connected to the cluster, which takes Ray a long time on a busy machine."""
    versions, name = {"min": 1, "max": 1}, {"name": "test", "version": "1"}
    assert client.wait(client.start("hello", protocol=versions, client=name, token=None), PATIENCE).code is None


def create(client: ProcessClient, folder: Path) -> None:
    hello(client)
    answer = client.wait(client.start("createModel", model=str(folder), **CREATE), PATIENCE)
    assert answer.result["device"] == "2 x cpu"


def ask(client: ProcessClient, type: str, **fields: Any) -> Answer:
    return client.wait(client.start(type, **fields), PATIENCE)


def learn(client: ProcessClient, steps: int) -> None:
    for _ in range(steps):
        assert ask(client, "forwardBackward", **training(SEQUENCES)).code is None
        assert ask(client, "optimStep", **STEP).code is None


def scores(client: ProcessClient) -> Any:
    return ask(client, "logprobs", **scoring(SEQUENCES)).tensors["logprobs"]


def test_ranks_on_two_nodes_answer_as_one_process_does(cluster: Nodes, tiny_folder: Path, tmp_path: Path) -> None:
    with local_client(tiny_folder) as one:
        completions = one.ask("sample", **sampling([[5, 6, 7], [8, 9]], 3, 12)).completions
    with process_client(*on(cluster)) as client:
        create(client, tiny_folder)
        assert ask(client, "sample", **sampling([[5, 6, 7], [8, 9]], 3, 12)).completions == completions
        assert ask(client, "loadState", dir=str(tmp_path / "nothing")).code == "bad-request"
        assert ask(client, "stats").result["metrics"]["sampler/tokens"] == sum(map(len, completions.values()))
        assert len(cluster.with_ranks()) == 2
        client.close()
        assert client.finish(PATIENCE)[0] == 0


def test_a_lost_node_is_detected_and_a_new_group_ends_with_the_same_bits(
    cluster: Nodes, tiny_folder: Path, tmp_path: Path
) -> None:
    state = str(tmp_path / "state")
    with process_client(*on(cluster)) as client:
        create(client, tiny_folder)
        learn(client, 2)
        assert ask(client, "saveState", dir=state).code is None
        learn(client, 2)
        expected = scores(client)
        # The cluster frees the resources of a killed head.
        client.process.kill()
    with process_client(*on(cluster)) as client:
        create(client, tiny_folder)
        assert ask(client, "loadState", dir=state).result == {"policyVersion": 2}
        learn(client, 1)
        for _ in range(20):
            client.start("forwardBackward", **training(SEQUENCES * 50))
        cluster.kill(cluster.with_ranks()[0])
        # bench/ray-kills.ts measures how long this takes.
        assert client.process.wait(PATIENCE) == 70
    cluster.add()
    with process_client(*on(cluster)) as client:
        create(client, tiny_folder)
        assert ask(client, "loadState", dir=state).result == {"policyVersion": 2}
        learn(client, 2)
        assert np.array_equal(scores(client), expected)


def test_more_ranks_than_the_cluster_has_room_for_are_refused(cluster: Nodes, tiny_folder: Path) -> None:
    with process_client(*on(cluster, 3)) as client:
        hello(client)
        answer = client.wait(client.start("createModel", model=str(tiny_folder), **CREATE), PATIENCE)
        assert answer.code == "bad-request"
        assert "expected 3 free CPU in the cluster" in answer.header["message"]


def test_an_address_where_no_cluster_listens_is_refused() -> None:
    command = [sys.executable, "-m", "gradus_worker", "--ranks", "2", "--ray", "127.0.0.1:1"]
    with process_client(*command) as client:
        code, stderr = client.finish(PATIENCE)
    assert code == 2
    assert "cannot use the Ray cluster at 127.0.0.1:1: " in stderr
