"""Transport of a worker that is a child process: frames over file descriptors 3 (requests) and 4 (replies)."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from io import FileIO
from typing import Any

from ..protocol.frames import Array, FrameError, encode_frame, read_frame
from ..protocol.messages import read_request
from ..server.inbox import Inbox, Incoming
from ..worker_exit import USAGE, WorkerExit, force_exit

REQUESTS, REPLIES = 3, 4


class Pipes:
    """Takes over both descriptors, so that no library or child process can write between frames."""

    def __init__(self, requests: int = REQUESTS, replies: int = REPLIES) -> None:
        self._requests = _take_over(requests, "rb")
        self._replies = _take_over(replies, "wb")

    def start(self, inbox: Inbox) -> None:
        """Puts requests into the inbox as they arrive, and a reason to exit after the last."""
        threading.Thread(target=self._read, args=[inbox], daemon=True).start()

    def _read(self, inbox: Inbox) -> None:
        try:
            while (frame := read_frame(self._requests)) is not None:
                inbox.put(Incoming(read_request(frame), self._send))
            ending = WorkerExit(0)
        except (FrameError, OSError) as error:
            ending = WorkerExit(USAGE, f"the client does not speak the protocol: {error}")
        inbox.put(ending)
        force_exit(ending)

    def _send(self, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        try:
            for piece in encode_frame(header, arrays):
                rest = memoryview(piece)
                while rest:
                    rest = rest[self._replies.write(rest) :]
        except BrokenPipeError as cause:
            raise WorkerExit(0) from cause


def _take_over(descriptor: int, mode: str) -> FileIO:
    """Moves a descriptor to a new number, which child processes do not inherit."""
    try:
        moved = os.dup(descriptor)
    except OSError as cause:
        expected = f"expected file descriptors {REQUESTS} (requests) and {REPLIES} (replies)"
        raise WorkerExit(USAGE, f"{expected}: {cause}; use --http HOST:PORT to listen") from cause
    os.close(descriptor)
    return FileIO(moved, mode)
