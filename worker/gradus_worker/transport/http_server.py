"""HTTP transport, for a worker on another machine: `POST /v1/frames` carries a request, the response its replies."""

from __future__ import annotations

import contextlib
import io
import select
import socket
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from ..protocol.frames import (
    MAX_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    Array,
    Frame,
    FrameError,
    Readable,
    encode_frame,
    read_frame,
)
from ..protocol.messages import read_request
from ..server.inbox import Inbox, Incoming
from ..server.server import Server, same_secret
from ..worker_exit import USAGE, WorkerExit

PATH = "/v1/frames"
CONTENT_TYPE = "application/x-gradus-frames"
MAX_CONNECTIONS = 512
HEAD_SECONDS = 10.0
"""Deadline for the head of the next request, after which the connection is closed."""
STALLED_SECONDS = 60.0
"""Time after which a client that reads nothing of a response is disconnected."""
SLOWEST_BYTES_PER_SECOND = 16_384
"""Slowest body accepted, after a grace of `STALLED_SECONDS`."""
LINGER_SECONDS = 10.0
"""Time for a rejected client to finish sending and to read the reason."""
Replies = SimpleQueue[list[bytes | memoryview] | None]
"""Frames of one response; None after the last."""


class HttpTransport(ThreadingHTTPServer):
    """Listens inside `with`. Without a token, listens only on loopback and requires a loopback Host header."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: str, token: str | None, inbox: Inbox, worker: Server) -> None:
        host, port = _parse(address)
        self.token, self.inbox, self.worker = token, inbox, worker
        if token is None and not _is_loopback(host):
            raise WorkerExit(USAGE, f"expected GRADUS_WORKER_TOKEN in the environment to listen on {host}, got none")
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        try:
            super().__init__((host, port), _Handler)
        except OSError as cause:
            raise WorkerExit(USAGE, f"cannot listen on {address}: {cause}") from cause

    def __enter__(self) -> HttpTransport:
        threading.Thread(target=self.serve_forever, args=[0.1], daemon=True).start()
        return self

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores broken connections: the client retries."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "gradus-worker"
    sys_version = ""
    # Send each reply whole and at once.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: HttpTransport

    def setup(self) -> None:
        super().setup()
        self._incoming = _Deadline(self.connection)
        self.rfile = self._body = io.BufferedReader(self._incoming, 1 << 16)

    def handle_one_request(self) -> None:
        self._incoming.deadline = time.monotonic() + HEAD_SECONDS
        super().handle_one_request()

    def do_POST(self) -> None:
        frame = self._frame()
        if frame is None:
            return
        request = read_request(frame)
        session = self.headers.get("X-Gradus-Session")
        if request.type != "hello" and (session is None or session != self.server.worker.session_id):
            self._refuse(HTTPStatus.CONFLICT, "expected the current session in X-Gradus-Session; send hello again")
            return
        replies: Replies = SimpleQueue()

        def send(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
            replies.put(encode_frame(header, arrays))
            if header["type"] != "part":
                replies.put(None)

        self.server.inbox.put(Incoming(request, send, session or ""))
        # Send the head only now, because it confirms that the request has its place in the order.
        self._stream(replies)

    def _stream(self, replies: Replies) -> None:
        self.connection.settimeout(STALLED_SECONDS)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        while True:
            try:
                pieces = replies.get(timeout=1)
            except Empty:
                self._check_connected()
                continue
            if pieces is None:
                break
            self._write_chunk(pieces)
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self) -> None:
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED if self.path == PATH else HTTPStatus.NOT_FOUND, f"POST {PATH}")

    do_HEAD = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_GET

    def _frame(self) -> Frame | None:
        """Reads the frame of the body; None if the request was rejected."""
        refusal = self._refusal()
        if refusal is not None:
            self._refuse(*refusal)
            return None
        length = int(self.headers["Content-Length"])
        self._incoming.deadline = time.monotonic() + STALLED_SECONDS + length / SLOWEST_BYTES_PER_SECOND
        body = _Limited(self._body, length)
        try:
            frame = read_frame(body)
            if frame is None or body.left > 0:
                raise FrameError(f"expected a body of one frame, got {body.left} more bytes")
        except FrameError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            return None
        return frame

    def _refusal(self) -> tuple[HTTPStatus, str] | None:
        """Returns the status and the reason if the request must be rejected before its body is read."""
        length = self.headers.get("Content-Length", "")
        if self.path != PATH:
            return HTTPStatus.NOT_FOUND, f"POST {PATH}"
        if not self._is_allowed():
            return (
                HTTPStatus.UNAUTHORIZED,
                "expected the header Authorization: Bearer <GRADUS_WORKER_TOKEN>",
            )
        if self.headers.get("Content-Type") != CONTENT_TYPE:
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected Content-Type: {CONTENT_TYPE}"
        if not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            return HTTPStatus.LENGTH_REQUIRED, "expected Content-Length"
        if len(length) > 10 or int(length) > 8 + MAX_HEADER_BYTES + MAX_PAYLOAD_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "expected a body of at most one frame"
        return None

    def _is_allowed(self) -> bool:
        if self.server.token is not None:
            return same_secret(self.headers.get("Authorization", ""), f"Bearer {self.server.token}")
        # Without a token, reject DNS rebinding: a web page that resolves its own host name to loopback.
        return _is_loopback(_host_of(self.headers.get("Host", "")))

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        body = f"{message}\n".encode()
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self._linger()

    def _linger(self) -> None:
        """Drains the request: closing with unread bytes would reset the connection and lose the reply."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        self._incoming.deadline = time.monotonic() + LINGER_SECONDS
        with contextlib.suppress(OSError):
            while self._body.read1(1 << 16):
                pass

    def _write_chunk(self, pieces: list[bytes | memoryview]) -> None:
        self.wfile.write(f"{sum(map(len, pieces)):x}\r\n".encode())
        for piece in pieces:
            self.wfile.write(piece)
        self.wfile.write(b"\r\n")
        self.wfile.flush()

    def _check_connected(self) -> None:
        """Frees the connection of a client that disconnected; it will retry."""
        # Not recv with MSG_DONTWAIT: on a socket with a timeout, Python waits for data before it calls recv.
        arrived = select.poll()
        arrived.register(self.connection, select.POLLIN)
        if arrived.poll(0) and self.connection.recv(1, socket.MSG_PEEK) == b"":
            raise ConnectionAbortedError("the client closed the connection")

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing per request."""


class _Deadline(io.RawIOBase):
    """Reads from a socket until a deadline, even if bytes arrive slowly."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self.deadline = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request arrived too slowly")
        self._source.settimeout(left)
        return self._source.recv_into(buffer)


class _Limited:
    """The next `left` bytes of a stream."""

    def __init__(self, source: Readable, left: int) -> None:
        self._source, self.left = source, left

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._source.readinto(buffer[: self.left]) or 0
        self.left -= count
        return count


def _parse(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) < 65536):
        raise WorkerExit(USAGE, f"--http: expected HOST:PORT, got {address!r}")
    return host.strip("[]"), int(port)


def _host_of(authority: str) -> str:
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
