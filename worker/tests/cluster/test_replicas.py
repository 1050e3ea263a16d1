"""Sampling on vLLM replicas: weights reach them, and completions survive the loss of one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import TINY
from fake_client import (
    CREATE,
    LORA,
    STEP,
    WORKER,
    LocalClient,
    local_client,
    process_client,
    sampling,
    scoring,
    training,
)
from fake_vllm import FakeVllm

from gradus_worker.cluster.replica import Replica, ReplicaRefused
from gradus_worker.cluster.replicated_engine import replicated_engines
from gradus_worker.cluster.vllm_servers import check_tensor_parallel, visible_gpus
from gradus_worker.engine import Engine
from gradus_worker.model.json_file import ModelError
from gradus_worker.model.model_folder import export_model, random_model
from gradus_worker.protocol.messages import RequestError

SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4]]
PROMPTS = [[5, 6, 7], [8, 9], [3], [11, 12]]
UPDATE = ["/pause?mode=keep", "/start_weight_update", "/update_weights", "/finish_weight_update", "/resume"]


Serve = Callable[..., FakeVllm]


@pytest.fixture
def serve(tiny_folder: Path) -> Iterator[Serve]:
    """Starts stand-ins for a server of the tiny model, and ends them."""
    with ExitStack() as ending:

        def start(**settings: Any) -> FakeVllm:
            found = FakeVllm(tiny_folder, **settings)
            ending.callback(found.kill)
            return found

        yield start


@contextmanager
def replicated(
    folder: Path, servers: Sequence[FakeVllm], weights: Path | None = None, **settings: Any
) -> Iterator[LocalClient]:
    replicas = [Replica(server.url) for server in servers]
    with replicated_engines(Engine, lambda *_: replicas, weights) as open_engine:
        client = LocalClient(open_engine=open_engine)
        try:
            client.hello()
            client.created = client.create(folder, **settings)
            yield client
        finally:
            client.end()


def learn(client: LocalClient) -> None:
    assert client.ask("forwardBackward", **training(SEQUENCES)).code is None
    assert client.ask("optimStep", **STEP).result["applied"]


@pytest.mark.parametrize("lora", [None, LORA])
def test_replicas_write_what_the_trainer_would_write_after_every_update(
    tiny_folder: Path, tmp_path: Path, serve: Serve, lora: dict[str, Any] | None
) -> None:
    servers = [serve(), serve()]
    weights = tmp_path / "weights"
    with (
        local_client(tiny_folder, lora=lora) as local,
        replicated(tiny_folder, servers, weights, lora=lora) as client,
    ):
        assert client.created.result["device"] == "cpu + 2 vLLM"
        for step in range(3):
            wanted = sampling(PROMPTS, 4, 12)
            answer, expected = client.ask("sample", **wanted), local.ask("sample", **wanted)
            assert answer.completions == expected.completions
            versions = {one["policyVersionStart"] for part, _ in answer.parts for one in part["sequences"]}
            assert versions == {step}
            learn(client)
            learn(local)
        figures = client.ask("stats").result["metrics"]
        assert figures["sampler/publishes"] == 3
        assert figures["sampler/publishSeconds"] > 0
        assert max(figures["replica0/mismatch"], figures["replica1/mismatch"]) < 1e-5
        assert figures["replica0/completions"] == figures["replica1/completions"] == 24
        assert figures["replicas/living"] == 2
        # Top-p: log-probabilities of the full softmax, as the trainer computes them.
        filtered = sampling(PROMPTS, 1, 8, topP=0.5, temperature=0.7)
        answer, expected = client.ask("sample", **filtered), local.ask("sample", **filtered)
        assert answer.completions == expected.completions
        scored, theirs = (np.sort(np.concatenate([t["logprobs"] for _, t in a.parts])) for a in (answer, expected))
        assert np.allclose(scored, theirs, atol=1e-5)
        assert len(list(weights.glob("*/weights-*"))) == 1
    calls = [call for call in servers[0].calls if call != "/v1/completions"]
    assert calls == [UPDATE[0], "/init_weight_transfer_engine", *UPDATE[1:], *UPDATE * 3]
    assert servers[0].version == "4"
    assert list(weights.glob("*")) == []


@pytest.mark.parametrize(
    ("family", "keeps"),
    [
        ("head", lambda name: name == "head.weight"),
        ("attention", lambda name: ".qkv." in name or ".out." in name),
        ("feed-forward", lambda name: ".gate_up." in name or ".down." in name),
    ],
)
def test_names_the_family_of_tensors_that_an_update_did_not_reach(
    tiny_folder: Path, serve: Serve, family: str, keeps: Any
) -> None:
    with replicated(tiny_folder, [serve(keeps=keeps)]) as client:
        assert client.ask("sample", **sampling(PROMPTS, 1, 4)).code is None
        learn(client)
        answer = client.ask("sample", **sampling(PROMPTS, 1, 4))
        assert answer.code == "mismatch"
        assert answer.header["message"].endswith(f"the server still has earlier weights of the {family}")


def test_completions_of_a_lost_replica_are_written_by_another_with_the_same_seeds(
    tiny_folder: Path, serve: Serve
) -> None:
    servers = [serve(delay=0.3), serve(delay=0.3)]
    wanted = sampling(PROMPTS, 4, 12)
    with local_client(tiny_folder) as local, replicated(tiny_folder, servers) as client:
        expected = local.ask("sample", **wanted).completions
        open_one = client.start("sample", **wanted)
        threading.Timer(0.2, servers[0].kill).start()
        assert client.wait(open_one).completions == expected
        figures = client.ask("stats").result["metrics"]
        assert (figures["replica0/lost"], figures["replicas/living"]) == (1, 1)
        learn(client)
        assert client.ask("sample", **wanted).result == {"finished": 16, "aborted": 0}
        servers[1].kill()
        failed = client.ask("sample", **wanted)
        assert (failed.code, failed.header["message"]) == ("internal", "all 2 vLLM replicas are lost")


def test_an_abort_drops_completions_in_flight(tiny_folder: Path, serve: Serve) -> None:
    with replicated(tiny_folder, [serve(delay=0.2)]) as client:
        client.ask("sample", **sampling(PROMPTS, 1, 4))
        long = client.start("sample", **sampling(PROMPTS, 40, 12))
        client.ask("abort", target=long, sequences=None)
        began = time.monotonic()
        result = client.wait(long).result
        assert result["aborted"] > 100
        assert time.monotonic() - began < 5
        assert client.ask("logprobs", **scoring(SEQUENCES)).code is None


def test_an_address_without_a_server_is_rejected(tiny_folder: Path, tmp_path: Path, serve: Serve) -> None:
    server = serve()
    server.kill()
    weights = tmp_path / "weights"
    with replicated(tiny_folder, [server], weights) as client:
        assert client.created.code == "bad-request"
        assert f"expected a vLLM server at each address of --replica: {server.url}" in client.created.header["message"]
        assert list(weights.glob("*")) == []


def test_an_address_keeps_its_path_and_must_list_a_model(serve: Serve) -> None:
    address = f"{serve().url}/other"
    with pytest.raises(ReplicaRefused, match=f"{address}/v1/models: expected a list of models"):
        Replica(f"{address}/").open(Path("model"))


@pytest.mark.parametrize("address", ["localhost:8000", "http://:8000", "http://host:99999"])
def test_an_invalid_address_is_a_usage_error(address: str) -> None:
    command = [sys.executable, "-m", "gradus_worker", "--replica", address]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert f"expected an address like http://host:8000, got '{address}'" in ended.stderr


def test_servers_get_the_gpus_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert visible_gpus(0, 1) is None or torch.cuda.is_available()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, 3,7")
    assert [visible_gpus(number, 1) for number in range(3)] == ["5", "3", "7"]
    assert visible_gpus(1, 2) == "3,7"
    with pytest.raises(RequestError, match=r"vLLM servers: expected GPU 3, .* got 3 GPUs"):
        visible_gpus(2, 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert visible_gpus(1, 2) == "1,2"
    with pytest.raises(RequestError, match=r"vLLM servers: expected GPU 4, .* got 4 GPUs"):
        visible_gpus(4, 1)


def test_gpus_that_do_not_divide_the_attention_heads_are_refused(tiny_folder: Path) -> None:
    check_tensor_parallel(tiny_folder, 2)
    with pytest.raises(ModelError, match=r"a divisor of the 4 attention heads of .* \(1, 2, 4\), got 3"):
        check_tensor_parallel(tiny_folder, 3)


def test_a_server_of_another_model_is_refused(tiny_folder: Path, tmp_path: Path, serve: Serve) -> None:
    other = random_model(replace(TINY, hidden_size=64, head_size=16), torch.device("cpu"), torch.float32, seed=1)
    export_model(other, tmp_path / "other", "f32", [0])
    server = FakeVllm(tmp_path / "other")
    try:
        with replicated(tiny_folder, [server]) as client:
            assert client.created.code == "bad-request"
            message = client.created.header["message"]
            assert f"expected a server of {tiny_folder} with hidden_size 32" in message
            assert f"got {tmp_path / 'other'} with hidden_size 64" in message
        # If this machine does not have the server's folder, the first update fails.
        (tmp_path / "other" / "config.json").unlink()
        with replicated(tiny_folder, [server]) as client:
            assert client.created.code is None
            failed = client.ask("sample", **sampling(PROMPTS, 1, 4))
            assert failed.code == "internal"
            assert f"check that the servers serve {tiny_folder}" in failed.header["message"]
    finally:
        server.kill()


@pytest.mark.skipif("GRADUS_REPLICA" not in os.environ, reason="GRADUS_REPLICA names no vLLM server of gradus-tiny")
def test_a_real_server_agrees_with_the_trainer_after_every_update() -> None:
    prompts = [[5, 6, 7], [8, 9], [3], [11, 12]]
    replicas = [Replica(os.environ["GRADUS_REPLICA"])]
    with replicated_engines(Engine, lambda *_: replicas, None) as open_engine:
        client = LocalClient(open_engine=open_engine)
        client.hello()
        model = str(WORKER.parent / "models" / "gradus-tiny")
        assert client.wait(client.start("createModel", model=model, **CREATE), 300).code is None
        for _ in range(10):
            answer = client.wait(client.start("sample", **sampling(prompts, 2, 24)), 300)
            assert answer.result == {"finished": 8, "aborted": 0}
            figures = client.ask("stats").result["metrics"]
            print(figures["replica0/mismatch"], figures["sampler/publishSeconds"], flush=True)
            assert figures["replica0/mismatch"] <= 1e-5
            found = {}
            for part, tensors in answer.parts:
                ends = np.cumsum([one["count"] for one in part["sequences"]])[:-1]
                for one, logprobs in zip(part["sequences"], np.split(tensors["logprobs"], ends), strict=True):
                    found[one["prompt"], one["index"]] = logprobs
            for (prompt, index), tokens in answer.completions.items():
                scored = client.ask("logprobs", **scoring([prompts[prompt] + tokens])).tensors["logprobs"]
                assert np.abs(scored[len(prompts[prompt]) :] - found[prompt, index]).max() <= 1e-4
            learn(client)
        client.end()


STARTED = """
import os, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, "tests")
from fake_vllm import FakeVllm
assert sys.argv[1] == "--model"
# A child in the same process group, like vLLM's EngineCore.
child = subprocess.Popen(["sleep", "1000"])
Path(os.environ["PIDS"]).write_text(f"{os.getpid()} {child.pid}")
port = int(sys.argv[sys.argv.index("--port") + 1])
FakeVllm(Path(sys.argv[2]), port=port)
time.sleep(1000)
"""


def test_no_process_of_a_started_server_outlives_a_killed_worker(tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(STARTED)
    pids = tmp_path / "pids"
    command = (sys.executable, "-m", "gradus_worker", "--vllm", "1")
    servers = f"{sys.executable} {tmp_path / 'serve.py'}"
    with process_client(*command, "--vllm-command", servers, env={"PIDS": str(pids)}) as client:
        client.hello()
        assert client.wait(client.start("createModel", model=str(tiny_folder), **CREATE), 300).code is None
        assert client.wait(client.start("sample", **sampling(PROMPTS, 1, 4)), 120).result["finished"] == 4
        found = [int(one) for one in pids.read_text().split()]
        client.process.kill()
        until = time.monotonic() + 20
        while any(map(_is_running, found)) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(map(_is_running, found))


def test_a_server_ends_with_sigterm_to_its_guard_and_ignores_ctrl_c(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    script = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(1000)"
    guard = subprocess.Popen(
        [sys.executable, "-m", "gradus_worker.cluster.vllm_guard", sys.executable, "-c", script],
        stdin=subprocess.PIPE,
    )
    try:
        until = time.monotonic() + 60
        while not (file.exists() and file.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        server = int(file.read_text())
        guard.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert guard.poll() is None
        guard.terminate()
        guard.wait(20)
        assert not _is_running(server)
    finally:
        guard.kill()


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
