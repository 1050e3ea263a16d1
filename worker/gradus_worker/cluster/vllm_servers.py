"""vLLM servers on this machine that the worker starts and owns."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from ..model.json_file import Keys, ModelError, read_json
from ..pause import Pause
from ..protocol.messages import Request, bad_request
from .replica import Replica
from .replicated_engine import OpenReplicas

_WORKER = Path(__file__).parents[2]
_BACKEND = "gradus_folder"
_START_SECONDS = 900.0


@contextmanager
def own_servers(count: int, first_gpu: int, command: Sequence[str], tensor_parallel: int = 1) -> Iterator[OpenReplicas]:
    """Starts servers when a model is created, and ends them.

    `first_gpu`: GPUs before it belong to the ranks; each server gets `tensor_parallel` GPUs. `command`
    replaces vLLM's own.
    """
    started: list[subprocess.Popen[bytes]] = []

    def open_replicas(request: Request, pause: Pause) -> list[Replica]:
        _end(started)
        check_tensor_parallel(Path(request["model"]), tensor_parallel)
        gpus = [visible_gpus(first_gpu + at * tensor_parallel, tensor_parallel) for at in range(count)]
        ports = [_free_port() for _ in range(count)]
        logs = [_new_log(at) for at in range(count)]
        for at, (port, log) in enumerate(zip(ports, logs, strict=True)):
            started.append(_start([*command, *_arguments(request, port, tensor_parallel)], gpus[at], log))
        replicas = [Replica(f"http://127.0.0.1:{port}") for port in ports]
        for replica, process, log in zip(replicas, started, logs, strict=True):
            _await(replica, process, log, pause)
        return replicas

    try:
        yield open_replicas
    finally:
        _end(started)


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    """Ends all servers, including those of an earlier session of the worker."""
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
    for process in started:
        process.wait()
    started.clear()


def vllm_command() -> list[str]:
    """Returns the command of the vLLM in this Python. Unlike `vllm serve`, it also works in the CPU build."""
    return [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]


def check_tensor_parallel(model: Path, tensor_parallel: int) -> None:
    """Raises ModelError if the attention heads of a model cannot be split over this many GPUs."""
    heads = Keys(read_json(model / "config.json"), str(model / "config.json")).count("num_attention_heads")
    if heads % tensor_parallel != 0:
        fitting = ", ".join(str(one) for one in range(1, heads + 1) if heads % one == 0)
        raise ModelError(
            f"tensorParallel: expected a divisor of the {heads} attention heads of {model} ({fitting}), "
            f"got {tensor_parallel}"
        )


def _arguments(request: Request, port: int, tensor_parallel: int) -> list[str]:
    dtype = {"auto": "auto" if torch.cuda.is_available() else "float32"}.get(request["dtype"], request["dtype"])
    fixed = ["--host", "127.0.0.1", "--generation-config", "vllm", "--logprobs-mode", "processed_logprobs"]
    transfer = ["--weight-transfer-config", json.dumps({"backend": _BACKEND})]
    split = [] if tensor_parallel == 1 else ["--tensor-parallel-size", str(tensor_parallel)]
    return ["--model", request["model"], "--dtype", dtype, "--port", str(port), *fixed, *transfer, *split]


def _start(command: Sequence[str], gpus: str | None, log: Path) -> subprocess.Popen[bytes]:
    path = [str(_WORKER), str(_WORKER / "vllm_plugin"), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {"VLLM_SERVER_DEV_MODE": "1", "PYTHONPATH": os.pathsep.join(path)}
    if gpus is not None:
        variables["CUDA_VISIBLE_DEVICES"] = gpus
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "gradus_worker.cluster.vllm_guard", *command],
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )


def visible_gpus(first: int, count: int) -> str | None:
    """Names GPUs of this process for a child: `CUDA_VISIBLE_DEVICES` may hide and reorder those of the machine.

    Returns None on a machine without GPUs. Rejects the request if there are too few.
    """
    if not torch.cuda.is_available():
        return None
    hidden = [one.strip() for one in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if one.strip()]
    visible = hidden or [str(number) for number in range(torch.cuda.device_count())]
    if first + count > len(visible):
        raise bad_request(
            f"vLLM servers: expected GPU {first + count - 1}, since the ranks and other servers have those before it, "
            f"got {len(visible)} GPUs"
        )
    return ",".join(visible[first : first + count])


def _new_log(server: int) -> Path:
    descriptor, path = tempfile.mkstemp(prefix=f"gradus-vllm-{server}-", suffix=".log")
    os.close(descriptor)
    return Path(path)


def _await(replica: Replica, process: subprocess.Popen[bytes], log: Path, pause: Pause) -> None:
    until = time.monotonic() + _START_SECONDS
    while not replica.is_healthy():
        pause()
        if process.poll() is not None or time.monotonic() > until:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            how = "did not start in time" if process.poll() is None else f"ended with exit code {process.poll()}"
            raise bad_request(f"vLLM {how} ({log}):\n{end}")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
