"""A protocol client for tests, over any transport. Validates every reply against the schema."""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from gradus_worker.protocol.frames import Array, Frame, encode_frame, read_frame, unpack_tensors
from gradus_worker.protocol.messages import ORDERED, read_request
from gradus_worker.protocol.schema import check, protocol_schema
from gradus_worker.server.inbox import Inbox, Incoming
from gradus_worker.server.server import Server
from gradus_worker.worker_exit import WorkerExit

WORKER = Path(__file__).parents[1]
CREATE = {
    "device": "cpu", "dtype": "float32", "lora": None, "tokensPerMicrobatch": 64, "activationCheckpointing": False,
    "endTokens": [0], "slots": None, "train": True,
}  # fmt: skip
SPEC: dict[str, Any] = {
    "policy": {"type": "clipped", "ratio": "token", "clipLow": 0.2, "clipHigh": 0.2, "dualClip": None},
    "kl": None, "entropy": None, "importance": None, "temperature": 1,
}  # fmt: skip
LORA: dict[str, Any] = {"rank": 3, "alpha": 6, "targets": ["q_proj", "v_proj", "down_proj"], "adapter": None}
STEP = {
    "learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0, "maxGradNorm": None,
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """The last reply to a request, and the parts that preceded it."""

    header: dict[str, Any]
    tensors: dict[str, Array]
    parts: list[tuple[dict[str, Any], dict[str, Array]]] = field(default_factory=list)

    @property
    def result(self) -> dict[str, Any]:
        assert self.header["type"] == "result", self.header
        found: dict[str, Any] = self.header["result"]
        return found

    @property
    def code(self) -> str | None:
        return self.header.get("code")

    @property
    def completions(self) -> dict[tuple[int, int], list[int]]:
        """Returns the tokens of all parts by (prompt, index)."""
        found: dict[tuple[int, int], list[int]] = {}
        for header, tensors in self.parts:
            at = 0
            for one in header["sequences"]:
                tokens = tensors["tokens"][at : at + one["count"]].tolist()
                found.setdefault((one["prompt"], one["index"]), []).extend(tokens)
                at += one["count"]
        return found


class Client:
    """Numbers requests; a test may pass its own `id` or `seq`. Subclasses transmit."""

    def __init__(self) -> None:
        self.last_id, self.last_seq = 0, 0
        self.open: dict[int, SimpleQueue[Frame | None]] = {}
        self.answered: list[int] = []
        """Ids in the order of their last replies."""

    def transmit(self, pieces: list[bytes | memoryview]) -> None:
        raise NotImplementedError

    def receive(self, frame: Frame | None) -> None:
        """Delivers a frame; None: the stream has ended."""
        if frame is None:
            for waiting in self.open.values():
                waiting.put(None)
        else:
            if frame.header["type"] != "part":
                self.answered.append(frame.header["id"])
            self.open[frame.header["id"]].put(frame)

    def start(self, type: str, tensors: Mapping[str, Array] | None = None, **fields: Any) -> int:
        self.last_id += 1
        header = {"id": self.last_id, "type": type, **fields}
        if type in ORDERED and "seq" not in header:
            self.last_seq += 1
            header["seq"] = self.last_seq
        self.open[header["id"]] = SimpleQueue()
        self.transmit(encode_frame(header, tensors))
        return int(header["id"])

    def wait(self, id: int, timeout: float = 60) -> Answer:
        parts = []
        while True:
            frame = self.open[id].get(timeout=timeout)
            if frame is None:
                raise EOFError(f"the worker ended without an answer to {id}")
            check(protocol_schema()["reply"], frame.header, "reply")
            tensors = unpack_tensors(frame.header["tensors"], frame.payload)
            if frame.header["type"] == "result":
                check(protocol_schema()["results"][frame.header["request"]], frame.header["result"], "result")
            if frame.header["type"] != "part":
                return Answer(frame.header, tensors, parts)
            parts.append((frame.header, tensors))

    def ask(self, type: str, tensors: Mapping[str, Array] | None = None, **fields: Any) -> Answer:
        return self.wait(self.start(type, tensors, **fields))

    def hello(self) -> Answer:
        client = {"name": "test", "version": "1"}
        return self.ask("hello", protocol={"min": 1, "max": 1}, client=client, token=None)

    def create(self, folder: Path, **settings: Any) -> Answer:
        return self.ask("createModel", model=str(folder), **{**CREATE, **settings})


class LocalClient(Client):
    """Runs a server in a thread of this process."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.inbox = Inbox()
        self.server = Server(self.inbox, **settings)
        self.ending: WorkerExit | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.ending = self.server.run()
        self.receive(None)

    def transmit(self, pieces: list[bytes | memoryview]) -> None:
        self.inbox.put(Incoming(read_request(_frame(b"".join(pieces))), self._reply))

    def _reply(self, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        self.receive(_frame(b"".join(encode_frame(header, arrays))))

    def end(self) -> WorkerExit:
        self.inbox.put(WorkerExit(0))
        self.thread.join(60)
        assert self.ending is not None
        return self.ending


class ProcessClient(Client):
    """Runs a worker process over file descriptors 3 and 4."""

    def __init__(self, *command: str, env: Mapping[str, str] | None = None) -> None:
        super().__init__()
        # Use numbers far from 3 and 4, to which the shell moves them.
        requests, self.requests, replies, theirs = map(_far, [*os.pipe(), *os.pipe()])
        arguments = command or (sys.executable, "-m", "gradus_worker")
        # A shell sets up descriptors 3 and 4, as a client program would.
        script = f'exec "$@" 3<&{requests} 4>&{theirs} {requests}<&- {theirs}>&-'
        self.process = subprocess.Popen(
            ["bash", "-c", script, "-", *arguments],
            pass_fds=[requests, theirs],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=WORKER,
            env={**os.environ, "PYTHONPATH": str(WORKER), "OMP_NUM_THREADS": "1", **(env or {})},
            text=True,
        )
        os.close(requests)
        os.close(theirs)
        threading.Thread(target=self._read, args=[FileIO(replies, "rb")], daemon=True).start()

    def _read(self, replies: FileIO) -> None:
        try:
            while (frame := read_frame(replies)) is not None:
                self.receive(frame)
        finally:
            replies.close()
            self.receive(None)

    def transmit(self, pieces: list[bytes | memoryview]) -> None:
        content = b"".join(pieces)
        while content:
            content = content[os.write(self.requests, content) :]

    def close(self) -> None:
        """Closes the request pipe, so that the worker reads end of file."""
        if self.requests >= 0:
            os.close(self.requests)
            self.requests = -1

    def finish(self, timeout: float = 60) -> tuple[int, str]:
        """Waits for the worker; returns its exit code and stderr."""
        _, stderr = self.process.communicate(timeout=timeout)
        return self.process.returncode, stderr


@contextmanager
def local_client(folder: Path | None = None, **settings: Any) -> Iterator[LocalClient]:
    """Opens a client and, if a folder is given, creates its model."""
    client = LocalClient()
    try:
        assert client.hello().result["protocol"] == 1
        if folder is not None:
            assert client.create(folder, **settings).result["policyVersion"] == 0
        yield client
    finally:
        client.end()


@contextmanager
def process_client(*command: str, env: Mapping[str, str] | None = None) -> Iterator[ProcessClient]:
    client = ProcessClient(*command, env=env)
    try:
        yield client
    finally:
        client.close()
        client.process.kill()
        client.process.wait()


def sampling(prompts: list[list[int]], count: int, max_tokens: int, **settings: Any) -> dict[str, Any]:
    """Builds fields and tensors of a sample request, for `ask`."""
    keys = np.arange(len(prompts) * count, dtype=np.uint32) * 7919 + 5
    return {
        "tensors": {"tokens": np.array([token for one in prompts for token in one], np.int32), "randomKeys": keys},
        "prompts": [{"length": len(one), "firstIndex": 0, "count": count} for one in prompts],
        "maxTokens": max_tokens,
        **{"temperature": 1, "topP": 1, "topK": 0, "stream": False, **settings},
    }


def scoring(sequences: list[list[int]], which: str = "policy") -> dict[str, Any]:
    tokens = np.array([token for one in sequences for token in one], np.int32)
    return {
        "tensors": {"tokens": tokens}, "which": which, "temperature": 1, "lengths": [len(one) for one in sequences],
    }  # fmt: skip


def training(sequences: list[list[int]], **spec: Any) -> dict[str, Any]:
    """Builds a forwardBackward request with weight 0.1 and advantage 1 at every token except the first."""
    lengths = [len(one) for one in sequences]
    total = sum(lengths)
    weights = np.full(total, 0.1, np.float32)
    weights[np.cumsum([0, *lengths[:-1]])] = 0
    return {
        "tensors": {
            "tokens": np.array([token for one in sequences for token in one], np.int32),
            "weights": weights,
            "advantages": np.ones(total, np.float32),
            "rolloutLogprobs": np.full(total, -1, np.float32),
        },
        "lengths": lengths,
        "loss": {**SPEC, **spec},
    }


def _far(descriptor: int) -> int:
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 100)
    os.close(descriptor)
    return moved


def _frame(content: bytes) -> Frame:
    found = read_frame(io.BytesIO(content))
    assert found is not None
    return found
