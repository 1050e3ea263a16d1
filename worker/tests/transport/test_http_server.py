"""HTTP transport: authentication, slow clients, broken connections."""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_client import STEP, Client, LocalClient, sampling, scoring, training

from gradus_worker.learning.scorer import Scorer
from gradus_worker.protocol.frames import MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES, encode_frame, read_frame
from gradus_worker.transport import http_server
from gradus_worker.transport.http_server import CONTENT_TYPE, PATH, HttpTransport
from gradus_worker.worker_exit import WorkerExit

SEQUENCES = [[1, 2, 3, 4, 5, 6], [7, 8, 9], [4, 4, 4, 4]]
TOKEN = "a-token"


class HttpClient(Client):
    """Opens a connection per request. Sends `token` and `session` as given."""

    def __init__(self, transport: HttpTransport, token: str | None = TOKEN) -> None:
        super().__init__()
        self.transport, self.token, self.session = transport, token, ""

    def headers(self) -> dict[str, str]:
        found = {"Content-Type": CONTENT_TYPE, "X-Gradus-Session": self.session}
        return found | ({} if self.token is None else {"Authorization": f"Bearer {self.token}"})

    def connect(self) -> http.client.HTTPConnection:
        host, port = self.transport.server_address[:2]
        return http.client.HTTPConnection(str(host), int(port), timeout=30)

    def post(self, body: bytes, **change: str | None) -> http.client.HTTPResponse:
        """Returns after the head of the response has arrived."""
        headers = {**self.headers(), **{name.replace("_", "-"): value for name, value in change.items()}}
        connection = self.connect()
        connection.request("POST", PATH, body, {name: value for name, value in headers.items() if value is not None})
        return connection.getresponse()

    def transmit(self, pieces: list[bytes | memoryview]) -> None:
        response = self.post(b"".join(pieces))
        if response.status != 200:
            raise ConnectionRefusedError(f"{response.status} {response.read().decode()}")

        def read() -> None:
            while (frame := read_frame(response)) is not None:
                self.receive(frame)

        threading.Thread(target=read, daemon=True).start()

    def hello(self) -> Any:
        answer = super().hello()
        self.session = answer.header.get("result", {}).get("session", "")
        return answer


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    local = LocalClient(lasting=True)
    with HttpTransport("127.0.0.1:0", TOKEN, local.inbox, local.server) as listening:
        yield listening
        listening.shutdown()
    local.end()


def frame(type: str, id: int = 1, **fields: Any) -> bytes:
    return b"".join(encode_frame({"id": id, "type": type, **fields}))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Blocks microbatches until it is set."""
    event, forward = threading.Event(), Scorer.forward

    def waiting(*arguments: Any) -> Any:
        assert event.wait(30)
        return forward(*arguments)

    monkeypatch.setattr(Scorer, "forward", waiting)
    return event


def test_two_sessions_over_http_follow_each_other(transport: HttpTransport, tiny_folder: Path) -> None:
    for _ in range(2):
        client = HttpClient(transport)
        assert client.hello().result["protocol"] == 1
        assert client.create(tiny_folder).result["policyVersion"] == 0
        drawn = client.ask("sample", **sampling([[5, 6, 7], [8, 9]], 2, 8, stream=True))
        assert drawn.result == {"finished": 4, "aborted": 0}
        assert len(drawn.completions) == 4
        learned = client.ask("forwardBackward", **training(SEQUENCES))
        assert np.array_equal(
            learned.tensors["logprobs"], client.ask("logprobs", **scoring(SEQUENCES)).tensors["logprobs"]
        )
        assert client.ask("optimStep", **STEP).result["policyVersion"] == 1
        assert HttpClient(transport).hello().code == "conflict"
        assert client.ask("shutdown").result == {}


@pytest.mark.parametrize("token", ["", "a-toke", "a-token ", "A-TOKEN", "x" * 5000, "\xe9", None])
def test_a_wrong_token_is_rejected_before_the_body_is_read(transport: HttpTransport, token: str | None) -> None:
    stranger = HttpClient(transport, token)
    assert stranger.post(frame("ping")).status == 401
    assert stranger.post(b"x" * 5_000_000).status == 401
    # The reply does not wait for the body.
    assert stranger.post(b"", Content_Length="1000000").status == 401


@pytest.mark.parametrize(
    ("change", "body", "status"),
    [
        ({"X_Gradus_Session": "another"}, frame("ping"), 409),
        ({"X_Gradus_Session": None}, frame("ping"), 409),
        ({"Content_Type": "application/json"}, frame("ping"), 415),
        ({"Content_Length": "-1"}, b"", 411),
        ({"Content_Length": "\xb2"}, b"", 411),
        ({"Content_Length": str(9 + MAX_HEADER_BYTES + MAX_PAYLOAD_BYTES)}, b"", 413),
        ({"Content_Length": "9" * 5000}, b"", 413),
        ({}, b"this is no frame", 400),
        ({}, b"", 400),
        ({}, frame("ping")[:-1], 400),
        ({}, frame("ping") * 2, 400),
        ({}, struct.pack("<II", 2, 2**31) + b"{}", 400),
    ],
)
def test_invalid_http_requests_are_rejected(
    transport: HttpTransport, change: dict[str, str | None], body: bytes, status: int
) -> None:
    client = HttpClient(transport)
    client.hello()
    assert client.post(body, **change).status == status
    assert client.ask("ping").result == {}


def test_other_methods_and_paths_are_rejected(transport: HttpTransport) -> None:
    for method, path, status in [("GET", PATH, 405), ("OPTIONS", PATH, 405), ("GET", "/", 404), ("POST", "/", 404)]:
        connection = HttpClient(transport).connect()
        connection.request(method, path, headers={"Authorization": f"Bearer {TOKEN}"})
        assert connection.getresponse().status == status


def test_without_a_token_only_loopback_addresses_and_host_headers_are_served() -> None:
    local = LocalClient(lasting=True)
    for address in ("0.0.0.0:0", "[::]:0", "example.org:0"):
        with pytest.raises(WorkerExit, match="expected GRADUS_WORKER_TOKEN"):
            HttpTransport(address, None, local.inbox, local.server)
    for address in ("127.0.0.1", "127.0.0.1:x", ":1", "127.0.0.1:65536"):
        with pytest.raises(WorkerExit, match="expected HOST:PORT"):
            HttpTransport(address, None, local.inbox, local.server)
    with HttpTransport("127.0.0.1:0", None, local.inbox, local.server) as listening:
        client = HttpClient(listening, None)
        for name in ("rebound.example.org", "[::1", "127.0.0.1.example.org", ""):
            assert client.post(frame("ping"), Host=name).status == 401
        assert client.post(frame("ping"), Host="localhost").status == 409
        assert client.hello().result["protocol"] == 1
        with pytest.raises(WorkerExit, match="cannot listen"):
            HttpTransport(listening.url.removeprefix("http://"), None, local.inbox, local.server)
        listening.shutdown()
    local.end()


def test_the_head_of_a_response_confirms_the_place_in_the_order(
    transport: HttpTransport, tiny_folder: Path, held: threading.Event
) -> None:
    client = HttpClient(transport)
    client.hello()
    client.create(tiny_folder)
    # `start` returns once the head has arrived, so the second request cannot precede the first, which is blocked.
    started = [client.start("forwardBackward", **training(SEQUENCES)), client.start("optimStep", **STEP)]
    held.set()
    assert client.wait(started[1]).result["policyVersion"] == 1
    assert client.wait(started[0]).result["sequences"] == len(SEQUENCES)
    # Replies arrive on separate connections, in any order. A step out of order would have been rejected.
    assert {*client.answered[-2:]} == {*started}


def test_a_request_repeated_after_a_broken_connection_is_carried_out_once(
    transport: HttpTransport, tiny_folder: Path, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = HttpClient(transport)
    client.hello()
    client.create(tiny_folder)
    held.set()
    client.ask("forwardBackward", **training(SEQUENCES))
    held.clear()
    waiting = client.start("logprobs", **scoring(SEQUENCES))
    body = frame("optimStep", id=50, seq=4, **STEP)
    response = client.post(body)
    response.close()
    client.open[51] = type(client.open[waiting])()
    client.transmit([frame("optimStep", id=51, seq=4, **STEP)])
    held.set()
    assert client.wait(51).result["policyVersion"] == 1
    client.last_seq = 4
    assert client.ask("optimStep", **STEP).result["policyVersion"] == 2


def test_a_reply_that_takes_longer_than_a_second_arrives_at_once(
    transport: HttpTransport, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribute = Scorer.distribute

    def slow(*arguments: Any) -> int:
        time.sleep(2.5)
        return distribute(*arguments)

    client = HttpClient(transport)
    client.hello()
    client.create(tiny_folder)
    monkeypatch.setattr(Scorer, "distribute", slow)
    began = time.monotonic()
    assert client.ask("logprobs", **scoring(SEQUENCES)).code is None
    assert time.monotonic() - began < 30


def test_slow_clients_are_disconnected_and_block_no_other(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(http_server, "STALLED_SECONDS", 0.5)
    client = HttpClient(transport)
    address = transport.server_address[:2]
    head = f"POST {PATH} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: {CONTENT_TYPE}\r\n".encode()
    body_start = struct.pack("<II", 20_000 - 8, 0)
    for start in (b"", head, head + b"Content-Length: 20000\r\n\r\n" + body_start):
        slow = socket.create_connection(address, timeout=20)
        slow.sendall(start)
        assert client.hello().code in (None, "conflict")
        began = time.monotonic()
        with slow:
            assert dribble(slow) == b""
        assert time.monotonic() - began < 15


def dribble(slow: socket.socket) -> bytes:
    """Sends single bytes and returns the response."""
    slow.settimeout(0.05)
    while True:
        try:
            slow.sendall(b"x")
            return slow.recv(1)
        except TimeoutError:
            continue
        except ConnectionError:
            return b""


def test_a_client_that_does_not_read_blocks_no_other(
    transport: HttpTransport, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = HttpClient(transport)
    client.hello()
    client.create(tiny_folder)
    wanted = sampling([[5, 6, 7]], 4, 8)
    fields = {name: value for name, value in wanted.items() if name != "tensors"}
    body = b"".join(encode_frame({"id": 90, "type": "sample", "seq": 2, **fields}, wanted["tensors"]))
    unread = socket.create_connection(transport.server_address[:2])
    head = "".join(f"{name}: {value}\r\n" for name, value in client.headers().items())
    unread.sendall(f"POST {PATH} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    client.last_seq = 2
    while client.ask("logprobs", **scoring(SEQUENCES), seq=3).code == "conflict":
        time.sleep(0.05)
    unread.close()


def test_connections_over_the_limit_are_closed(transport: HttpTransport) -> None:
    transport._places = threading.BoundedSemaphore(2)
    waiting = [socket.create_connection(transport.server_address[:2], timeout=20) for _ in range(2)]
    time.sleep(0.3)
    with pytest.raises(OSError):  # noqa: PT011
        HttpClient(transport).post(frame("ping"))
    for one in waiting:
        one.close()
    time.sleep(0.3)
    assert HttpClient(transport).post(frame("ping")).status == 409
