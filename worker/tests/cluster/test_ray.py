"""Ranks on a Ray cluster of two nodes of one CPU each. Skipped without Ray (requirements-cluster.txt)."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_client import CREATE, STEP, ProcessClient, local_client, process_client, sampling, scoring, training

ray_cluster = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")

SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4]]
PATIENCE = 300


def node() -> dict[str, Any]:
    """Returns the settings of a node. With given ports, a node does not wait for its agents to start."""
    with ExitStack() as held:
        found = [held.enter_context(socket.socket()) for _ in range(4)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in found]
    names = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
    fixed = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "node_ip_address": "127.0.0.1"}
    return {**fixed, **dict(zip(names, ports, strict=True))}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
        try:
            found = ray_cluster.Cluster(initialize_head=True, head_node_args={**node(), "include_dashboard": False})
            found.add_node(**node())
        except Exception as error:
            # Ray aborts a node whose agent needs more than 15 s to start.
            pytest.skip(f"Ray's nodes did not start on this machine: {error}")
        yield found
        found.shutdown()


def on(cluster: Any) -> tuple[str, ...]:
    return sys.executable, "-m", "gradus_worker", "--ranks", "2", "--ray", cluster.address


def hello(client: ProcessClient) -> None:
    """Waits until the head has connected to the cluster, which takes Ray a long time on a busy machine."""
    versions, name = {"min": 1, "max": 1}, {"name": "test", "version": "1"}
    assert client.wait(client.start("hello", protocol=versions, client=name, token=None), PATIENCE).code is None


def create(client: ProcessClient, folder: Path) -> None:
    hello(client)
    answer = client.wait(client.start("createModel", model=str(folder), **CREATE), PATIENCE)
    assert answer.result["device"] == "2 x cpu"


def learn(client: ProcessClient, steps: int) -> None:
    for _ in range(steps):
        assert client.ask("forwardBackward", **training(SEQUENCES)).code is None
        assert client.ask("optimStep", **STEP).code is None


def scores(client: ProcessClient) -> Any:
    return client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]


def test_ranks_on_two_nodes_answer_as_one_process_does(cluster: Any, tiny_folder: Path, tmp_path: Path) -> None:
    with local_client(tiny_folder) as one:
        completions = one.ask("sample", **sampling([[5, 6, 7], [8, 9]], 3, 12)).completions
    with process_client(*on(cluster)) as client:
        create(client, tiny_folder)
        assert client.ask("sample", **sampling([[5, 6, 7], [8, 9]], 3, 12)).completions == completions
        assert client.ask("loadState", dir=str(tmp_path / "nothing")).code == "bad-request"
        assert client.ask("stats").result["metrics"]["sampler/tokens"] == sum(map(len, completions.values()))
        client.close()
        assert client.finish()[0] == 0


def test_a_lost_node_is_detected_and_a_new_group_continues_with_the_same_bits(
    cluster: Any, tiny_folder: Path, tmp_path: Path
) -> None:
    state = str(tmp_path / "state")
    with process_client(*on(cluster)) as client:
        create(client, tiny_folder)
        learn(client, 2)
        assert client.ask("saveState", dir=state).code is None
        learn(client, 2)
        expected = scores(client)
        # The cluster frees the resources of a killed head.
        client.process.kill()
    with process_client(*on(cluster)) as client:
        create(client, tiny_folder)
        assert client.ask("loadState", dir=state).result == {"policyVersion": 2}
        learn(client, 1)
        for _ in range(20):
            client.start("forwardBackward", **training(SEQUENCES * 50))
        victim = next(node for node in cluster.list_all_nodes() if node is not cluster.head_node)
        cluster.remove_node(victim, allow_graceful=False)
        began = time.monotonic()
        assert client.process.wait(30) == 70
        assert time.monotonic() - began < 10
    cluster.add_node(**node())
    with process_client(*on(cluster)) as client:
        create(client, tiny_folder)
        assert client.ask("loadState", dir=state).result == {"policyVersion": 2}
        learn(client, 2)
        assert np.array_equal(scores(client), expected)


def test_more_ranks_than_the_cluster_has_resources_for_are_rejected(cluster: Any, tiny_folder: Path) -> None:
    command = [*on(cluster)]
    command[command.index("2")] = "3"
    with process_client(*command) as client:
        hello(client)
        answer = client.wait(client.start("createModel", model=str(tiny_folder), **CREATE), PATIENCE)
        assert answer.code == "bad-request"
        assert "expected 3 free CPU in the cluster" in answer.header["message"]
