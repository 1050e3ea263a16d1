"""The worker as a process: kills, faults, garbage input, and the end of its client."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_client import (
    STEP,
    WORKER,
    Client,
    ProcessClient,
    local_client,
    process_client,
    sampling,
    scoring,
    training,
)

from gradus_worker import log
from gradus_worker.server.inbox import Inbox
from gradus_worker.transport import pipes
from gradus_worker.transport.pipes import Pipes
from gradus_worker.worker_exit import WorkerExit

SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4]]
FAULTY = str(Path(__file__).parents[1] / "faulty_worker.py")


def ready(client: ProcessClient, folder: Path, **settings: Any) -> ProcessClient:
    assert client.hello().result["worker"]["pid"] > 0
    assert client.create(folder, **settings).result["policyVersion"] == 0
    return client


def faulty(*faults: str) -> tuple[str, ...]:
    return sys.executable, FAULTY, *faults


def step(client: Client) -> None:
    assert client.ask("forwardBackward", **training(SEQUENCES)).code is None
    assert client.ask("optimStep", **STEP).code is None


def kill_when_stalled(client: ProcessClient) -> None:
    assert client.process.stderr is not None
    while "stalled" not in client.process.stderr.readline():
        assert client.process.poll() is None
    client.process.kill()
    client.process.wait()


def test_a_killed_worker_restarts_to_the_same_weights(tiny_folder: Path, tmp_path: Path) -> None:
    state, wanted = str(tmp_path / "state"), sampling([[5, 6, 7], [8, 9]], 2, 12)
    with local_client(tiny_folder) as client:
        for _ in range(3):
            step(client)
        logprobs = client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
        completions = client.ask("sample", **wanted).completions

    with process_client(*faulty("stall", "forwardBackward:2")) as client:
        ready(client, tiny_folder)
        step(client)
        client.ask("saveState", dir=state)
        interrupted = client.start("forwardBackward", **training(SEQUENCES))
        kill_when_stalled(client)
        with pytest.raises(EOFError):
            client.wait(interrupted)
    with process_client(*faulty("stall", "saveState:1")) as client:
        ready(client, tiny_folder)
        assert client.ask("loadState", dir=state).result["policyVersion"] == 1
        step(client)
        client.start("saveState", dir=state)
        kill_when_stalled(client)
    with process_client(*faulty("stall", "sample:1")) as client:
        ready(client, tiny_folder)
        assert client.ask("loadState", dir=state).result["policyVersion"] == 1
        step(client)
        step(client)
        client.ask("saveState", dir=state)
        client.start("sample", **wanted)
        kill_when_stalled(client)
    with process_client() as client:
        ready(client, tiny_folder)
        assert client.ask("loadState", dir=state).result["policyVersion"] == 3
        assert np.array_equal(client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"], logprobs)
        assert client.ask("sample", **wanted).completions == completions
        # SIGINT is ignored; SIGTERM takes effect at the next pause.
        client.process.send_signal(signal.SIGINT)
        assert client.ask("ping").result == {}
        for _ in range(50):
            client.start("forwardBackward", **training(SEQUENCES * 20))
        client.process.send_signal(signal.SIGTERM)
        assert client.finish() == (143, "gradus_worker: ended by a signal\n")


def test_survives_out_of_memory_and_noise_and_detects_the_end_of_the_client(tiny_folder: Path) -> None:
    one, many = training(SEQUENCES[:1]), training(SEQUENCES * 20)
    with process_client(*faulty("oom", "forwardBackward:2", "noise", "logprobs:1")) as client:
        ready(client, tiny_folder, tokensPerMicrobatch=1)
        first = client.ask("forwardBackward", **one).result
        assert client.ask("forwardBackward", **one).code == "oom"
        assert client.ask("forwardBackward", **one).result == first
        assert client.ask("logprobs", **scoring(SEQUENCES)).code is None
        for _ in range(50):
            client.start("forwardBackward", **many)
            client.start("sample", **sampling([[5, 6]], 50, 100))
        client.close()
        code, stderr = client.finish()
        assert code == 0
        assert "gradus_worker:" not in stderr


def test_an_update_that_fails_halfway_ends_the_worker(tiny_folder: Path) -> None:
    with process_client(*faulty("oom", "optimStep:1")) as client:
        ready(client, tiny_folder)
        client.ask("forwardBackward", **training(SEQUENCES))
        with pytest.raises(EOFError):
            client.ask("optimStep", **STEP)
        code, stderr = client.finish()
        assert code == 70
        assert "Traceback" in stderr
        assert stderr.endswith("gradus_worker: an update of the weights failed halfway (OutOfMemoryError: injected)\n")


CONTENTS = [
    (b"this is no frame at all", "the bytes are not frames"),
    (b"\x02\0\0\0\0\0\0\0{", "end of the stream"),
    (b"\x02\0\0\0\0\0\0\0}}", "header to be JSON"),
    (b"\xff" * 64, "the bytes are not frames"),
    (b"", ""),
]


@pytest.mark.parametrize(("content", "message"), CONTENTS)
def test_bytes_that_are_not_frames_end_the_worker_with_a_reason(
    content: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "force_exit", lambda _: None)
    ours, theirs = socket.socketpair()
    inbox = Inbox()
    Pipes(os.dup(theirs.fileno()), os.dup(theirs.fileno())).start(inbox)
    ours.sendall(content)
    ours.shutdown(socket.SHUT_WR)
    ending = inbox.get(timeout=10)
    assert isinstance(ending, WorkerExit)
    assert ending.code == (2 if content else 0)
    assert message in ending.reason
    theirs.close()


def test_garbage_ends_the_process_with_one_log_line() -> None:
    with process_client() as client:
        client.transmit([b"this is no frame at all"])
        code, stderr = client.finish()
        assert code == 2
        assert stderr.startswith("gradus_worker: the client does not speak the protocol: expected a frame")
        assert len(stderr.splitlines()) == 1


def test_a_worker_exits_with_its_client(tiny_folder: Path) -> None:
    script = f"""
import sys, time
sys.path[:0] = [{str(WORKER)!r}, {str(Path(__file__).parents[1])!r}]
from fake_client import ProcessClient, training
client = ProcessClient()
client.hello()
client.create({str(tiny_folder)!r}, tokensPerMicrobatch=1)
for _ in range(200):
    client.start("forwardBackward", **training([[1, 2, 3]] * 50))
print(client.process.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    for _ in range(200):
        if not Path(f"/proc/{worker}").exists() or "\nState:\tZ" in Path(f"/proc/{worker}/status").read_text():
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker outlived its client")


def test_missing_descriptors_are_a_usage_error() -> None:
    command = [sys.executable, "-m", "gradus_worker"]
    found = subprocess.run(command, cwd=WORKER, capture_output=True, text=True, close_fds=True, timeout=60)
    assert found.returncode == 2
    assert "expected file descriptors 3 (requests) and 4 (replies)" in found.stderr


def test_a_closed_stderr_does_not_stop_the_worker() -> None:
    """A client may close stderr after reading the address; the worker continues."""
    environment = {**os.environ, "PYTHONPATH": str(WORKER), "PYTHONUNBUFFERED": "1", "GRADUS_WORKER_TOKEN": "secret"}
    command = [sys.executable, "-m", "gradus_worker", "--http", "127.0.0.1:0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, bufsize=0) as worker:
        assert worker.stderr is not None
        said = b""
        while not (found := re.search(rb"http://127.0.0.1:(\d+)", said)):
            said += worker.stderr.read(4096)
        worker.stderr.close()
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                worker.wait(1.5)
            socket.create_connection(("127.0.0.1", int(found[1]))).close()
        finally:
            worker.kill()


def test_logging_to_a_closed_stderr_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as broken:
        monkeypatch.setattr(sys, "stderr", broken)
        log.log_line("a line")
        log.log_traceback(ValueError("what went wrong"))
        monkeypatch.undo()
        with pytest.raises(BrokenPipeError):
            broken.flush()
        # Closing the file retries the failed write.
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
