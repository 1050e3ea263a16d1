"""`python -m gradus_worker`: serves one client, over file descriptors 3 and 4 or over HTTP."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from .log import log_line
from .server.inbox import Inbox
from .transport.pipes import Pipes
from .worker_exit import WorkerExit


def main() -> int:
    options = _parser().parse_args()
    inbox = Inbox()
    signal.signal(signal.SIGTERM, lambda *_: _end_on_signal(inbox))
    try:
        # Take the transport over before importing torch, which may open files, start threads and print.
        ending = _serve_pipes(inbox) if options.http is None else _serve_http(inbox, options.http)
    except WorkerExit as early:
        ending = early
    ending.log()
    return ending.code


def _serve_pipes(inbox: Inbox) -> WorkerExit:
    # Ctrl-C reaches every process of a terminal; the client decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Pipes().start(inbox)
    from .server.server import Server

    return Server(inbox).run()


def _serve_http(inbox: Inbox, address: str) -> WorkerExit:
    signal.signal(signal.SIGINT, lambda *_: _end_on_signal(inbox))
    from .server.server import Server
    from .transport.http_server import HttpTransport

    token = os.environ.get("GRADUS_WORKER_TOKEN") or None
    server = Server(inbox, lasting=True, token=token)
    with HttpTransport(address, token, inbox, server) as transport:
        log_line(f"listening on {transport.url}")
        return server.run()


def _end_on_signal(inbox: Inbox) -> None:
    """Ends the worker at the next pause; a second signal ends it at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    inbox.put(WorkerExit(128 + signal.SIGTERM, "ended by a signal"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gradus_worker", description=__doc__)
    parser.add_argument(
        "--http",
        metavar="HOST:PORT",
        help="listen on this address for POST /v1/frames (port 0: any free port); the environment variable "
        "GRADUS_WORKER_TOKEN sets the bearer token; without it only loopback addresses are allowed",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
