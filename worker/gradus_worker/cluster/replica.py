"""HTTP client of one vLLM server: its OpenAI API, and its API for reinforcement learning (vLLM 0.32)."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ..model.json_file import ModelError, read_json
from ..sampling.completion import Floats
from ..sampling.remote import Question, Written

_CHECK_SECONDS = 4.0
"""Interval of health checks during a request."""
_HEALTH_SECONDS = 6.0
"""Maximum wait for a connection and for the answer to a health check."""
_UPDATE_SECONDS = 600.0
_SHAPE = (
    "model_type",
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "intermediate_size",
)
"""Keys of `config.json` that two models must share for the weights of one to fit the other."""


class ReplicaLost(Exception):
    """A server that cannot be reached, or whose engine has failed."""


class ReplicaRefused(Exception):
    """A request that a server rejected with a client error (4xx)."""


class Replica:
    """One server. Requests may run on several threads; `load` counts those that are routed to it."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._address = urlsplit(self.url)
        self.load = 0
        self.is_lost = False
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._is_initialised = False
        self._model = ""

    def open(self, model: Path) -> int:
        """Reads which model the server serves; returns the longest sequence in tokens. Raises ReplicaRefused for
        another model."""
        answer = self._ask("GET", "/v1/models")
        if not answer.get("data"):
            raise ReplicaRefused(f"{self.url}/v1/models: expected a list of models, got {answer}")
        served = answer["data"][0]
        self._model = served["id"]
        self._check_model(model, Path(served.get("root") or self._model))
        return int(served.get("max_model_len") or 0)

    def _check_model(self, model: Path, served: Path) -> None:
        """Compares `config.json` of both folders, if this machine has the server's folder."""
        try:
            wanted, found = (read_json(folder / "config.json") for folder in (model, served))
        except ModelError:
            return
        for key in _SHAPE:
            if wanted.get(key) != found.get(key):
                raise ReplicaRefused(
                    f"{self.url}: expected a server of {model} with {key} {wanted.get(key)}, "
                    f"got {served} with {key} {found.get(key)}"
                )

    def is_healthy(self) -> bool:
        try:
            connection = self._connect(_HEALTH_SECONDS)
            try:
                connection.request("GET", f"{self._address.path}/health", headers=self._headers)
                return connection.getresponse().status == 200
            finally:
                connection.close()
        except (OSError, HTTPException):
            return False

    def complete(self, question: Question, end_tokens: Sequence[int], call: Call) -> Written:
        """Writes one completion. Cancelling the call closes its connection, which makes vLLM stop."""
        settings = question.settings
        answer = self._ask(
            "POST",
            "/v1/completions",
            {
                **self._prompt(question.tokens.tolist()),
                "max_tokens": question.max_tokens,
                "temperature": settings.temperature,
                "top_p": settings.top_p,
                "top_k": settings.top_k,
                "seed": question.seed,
                "stop_token_ids": list(end_tokens),
                "logprobs": 0,
                "return_token_ids": True,
            },
            call=call,
        )
        (choice,) = answer["choices"]
        tokens, logprobs = choice.get("token_ids"), (choice.get("logprobs") or {}).get("token_logprobs")
        if tokens is None or logprobs is None or len(tokens) != len(logprobs):
            raise ReplicaRefused(f"{self.url}: expected token_ids and a log-probability for each, got {choice}")
        reason = "length" if choice["finish_reason"] == "length" else "stop"
        return Written(np.array(tokens, np.int32), np.array(logprobs, np.float32), reason)  # type: ignore[arg-type]

    def write_text(self, start: Sequence[int], count: int) -> list[int]:
        """Returns `start` followed by `count` written tokens, for the comparison of log-probabilities."""
        body = {**self._prompt(start), "max_tokens": count, "temperature": 1, "seed": 0, "ignore_eos": True}
        (choice,) = self._ask("POST", "/v1/completions", {**body, "return_token_ids": True})["choices"]
        return [*start, *choice["token_ids"]]

    def logprobs(self, tokens: Sequence[int]) -> Floats:
        """Returns the log-probability of every token given those before it; entry 0 is 0."""
        body = {**self._prompt(tokens), "max_tokens": 1, "temperature": 1, "prompt_logprobs": 0}
        (choice,) = self._ask("POST", "/v1/completions", body)["choices"]
        rest = zip(tokens[1:], choice["prompt_logprobs"][1:], strict=True)
        return np.array([0.0, *(entry[str(token)]["logprob"] for token, entry in rest)], np.float32)

    def update(self, folder: str, version: int) -> None:
        """Loads weights from a folder. Completions in flight wait, and continue with the new weights."""
        self._ask("POST", "/pause?mode=keep")
        try:
            if not self._is_initialised:
                self._ask("POST", "/init_weight_transfer_engine", {"init_info": {}})
                self._is_initialised = True
            self._ask("POST", "/start_weight_update")
            self._ask("POST", "/update_weights", {"update_info": {"folder": folder}}, _UPDATE_SECONDS)
            self._ask("POST", "/finish_weight_update", {"weight_version": str(version)}, _UPDATE_SECONDS)
        finally:
            self._ask("POST", "/resume")

    def forget(self) -> None:
        """Forgets the state of a server that was lost, because another server may answer at its address."""
        self._is_initialised = False

    def _prompt(self, tokens: Sequence[int]) -> dict[str, Any]:
        return {"model": self._model, "prompt": list(tokens), "n": 1, "add_special_tokens": False}

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        seconds: float | None = None,
        call: Call | None = None,
    ) -> Any:
        """Returns the answer. Without `seconds`, waits for as long as the server is healthy."""
        connection = self._connect(seconds or _HEALTH_SECONDS)
        try:
            content = None if body is None else json.dumps(body)
            headers = {**self._headers, **({} if content is None else {"Content-Type": "application/json"})}
            connection.request(method, self._address.path + path, content, headers)
            if call is not None:
                call.begin(connection)
            if seconds is None:
                self._await(connection)
            response = connection.getresponse()
            return self._read(response, path)
        except (OSError, HTTPException) as error:
            raise ReplicaLost(f"{self.url}{path}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()

    def _await(self, connection: HTTPConnection) -> None:
        while not select.select([connection.sock], [], [], _CHECK_SECONDS)[0]:
            if not self.is_healthy():
                raise ReplicaLost(f"{self.url}: the server does not answer /health")

    def _read(self, response: HTTPResponse, path: str) -> Any:
        content = response.read()
        text = content[:400].decode(errors="replace")
        if response.status >= 500:
            raise ReplicaLost(f"{self.url}{path}: status {response.status}: {text}")
        if response.status != 200:
            hint = " (start vLLM with VLLM_SERVER_DEV_MODE=1)" if response.status == 404 else ""
            raise ReplicaRefused(f"{self.url}{path}: expected status 200, got {response.status}{hint}: {text}")
        return json.loads(content) if content else {}

    def _connect(self, seconds: float) -> HTTPConnection:
        kind = HTTPSConnection if self._address.scheme == "https" else HTTPConnection
        return kind(self._address.hostname or "", self._address.port, timeout=seconds)


class Call:
    """A request that can be cancelled from a different thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self.is_cancelled = False

    def begin(self, connection: HTTPConnection) -> None:
        with self._lock:
            self._connection = connection
            if self.is_cancelled:
                raise ConnectionAbortedError("cancelled")

    def cancel(self) -> None:
        with self._lock:
            self.is_cancelled = True
            sock = None if self._connection is None else self._connection.sock
            if sock is not None:
                # `close` would not wake a thread that waits for the socket.
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
