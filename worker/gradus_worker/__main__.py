"""`python -m gradus_worker`: serves one client, over file descriptors 3 and 4 or over HTTP."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .log import log_line
from .server.inbox import Inbox
from .transport.pipes import Pipes
from .worker_exit import USAGE, WorkerExit

if TYPE_CHECKING:
    from .server.server import OpenEngine


def main() -> int:
    options = _options()
    inbox = Inbox()
    if os.environ.get("RANK", "0") != "0":
        ending = _follow()
    else:
        signal.signal(signal.SIGTERM, lambda *_: _end_on_signal(inbox))
        try:
            # Take over the transport before importing torch, which may open files, start threads and print.
            ending = _serve_pipes(inbox, options) if options.http is None else _serve_http(inbox, options)
        except WorkerExit as early:
            ending = early
    ending.log()
    return ending.code


def _serve_pipes(inbox: Inbox, options: argparse.Namespace) -> WorkerExit:
    # Ctrl-C reaches every process of a terminal; the client decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Pipes().start(inbox)
    from .server.server import Server

    with _engines(options, inbox) as open_engine:
        return Server(inbox, open_engine=open_engine).run()


def _serve_http(inbox: Inbox, options: argparse.Namespace) -> WorkerExit:
    signal.signal(signal.SIGINT, lambda *_: _end_on_signal(inbox))
    from .server.server import Server
    from .transport.http_server import HttpTransport

    token = os.environ.get("GRADUS_WORKER_TOKEN") or None
    with _engines(options, inbox) as open_engine:
        server = Server(inbox, lasting=True, token=token, open_engine=open_engine)
        with HttpTransport(options.http, token, inbox, server) as transport:
            log_line(f"listening on {transport.url}")
            return server.run()


@contextmanager
def _engines(options: argparse.Namespace, inbox: Inbox) -> Iterator[OpenEngine]:
    """Opens engines by the command-line options, with the vLLM replicas, if any, that sample for them."""
    with _trainers(options, inbox) as open_trainer:
        if options.vllm == 0 and not options.replica:
            yield open_trainer
            return
        from .cluster.replica import Replica
        from .cluster.replicated_engine import replicated_engines
        from .cluster.vllm_servers import own_servers, vllm_command

        key = os.environ.get("GRADUS_REPLICA_KEY")
        given = [Replica(url, key) for url in options.replica]
        with (
            own_servers(
                options.vllm, options.ranks, options.vllm_command or vllm_command(), options.tensor_parallel
            ) as start,
            replicated_engines(
                open_trainer, lambda request, pause: given or start(request, pause), options.weights
            ) as open_engine,
        ):
            yield open_engine


@contextmanager
def _trainers(options: argparse.Namespace, inbox: Inbox) -> Iterator[OpenEngine]:
    """Joins or starts the other ranks, if there are any, and ends them."""
    if options.tinker is not None:
        with _installed("--tinker", "requirements-tinker.txt"):
            from .tinker.engine import tinker_engines
        with tinker_engines(options.tinker, options.lora_rank) as open_engine:
            yield open_engine
        return
    if options.ray is not None:
        with _installed("--ray", "requirements-cluster.txt"):
            from .cluster.head import cluster_engines
        with cluster_engines(options.ray, options.ranks) as open_engine:
            yield open_engine
        return
    if options.ranks == 1 and os.environ.get("WORLD_SIZE", "1") == "1":
        from .engine import Engine

        yield Engine
        return
    from .ranks.launch import group_engines

    with group_engines(options.ranks, inbox) as open_engine:
        yield open_engine


@contextmanager
def _installed(option: str, requirements: str) -> Iterator[None]:
    """Turns a missing optional package into an exit that names its requirements."""
    try:
        yield
    except ModuleNotFoundError as error:
        advice = f"pip install -r worker/{requirements}"
        raise WorkerExit(USAGE, f"{option}: expected an optional package ({error}); {advice}") from error


def _follow() -> WorkerExit:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from .ranks.launch import join_group
    from .ranks.lead import follow
    from .ranks.rank import Rank

    return follow(Rank(join_group()))


def _end_on_signal(inbox: Inbox) -> None:
    """Ends the worker at the next pause; a second signal ends it at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    inbox.put(WorkerExit(128 + signal.SIGTERM, "ended by a signal"))


def _options() -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args()
    if options.tinker is not None and (options.ranks > 1 or options.ray is not None or options.vllm or options.replica):
        parser.error("--tinker: expected none of --ranks, --ray, --vllm and --replica: the service replaces them")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gradus_worker", description=__doc__)
    parser.add_argument(
        "--http",
        metavar="HOST:PORT",
        help="listen on this address for POST /v1/frames (port 0: any free port); the environment variable "
        "GRADUS_WORKER_TOKEN sets the bearer token; without it only loopback addresses are allowed",
    )
    parser.add_argument(
        "--ranks",
        type=_count,
        default=1,
        metavar="N",
        help="shard the model over N processes of this machine, one per GPU; do not set it under torchrun, "
        "which starts the processes itself",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="place the ranks on a Ray cluster: HOST:PORT, auto (the cluster of this machine) or local (a new cluster)",
    )
    parser.add_argument(
        "--tinker",
        metavar="MODEL",
        help="train adapters of this base model on a Tinker service (TINKER_API_KEY, TINKER_BASE_URL) instead of here",
    )
    parser.add_argument(
        "--lora-rank", type=_count, default=32, metavar="N", help="rank of the adapters with --tinker (default: 32)"
    )
    sampling = parser.add_mutually_exclusive_group()
    sampling.add_argument(
        "--replica",
        metavar="URL",
        type=_url,
        action="append",
        default=[],
        help="sample on this vLLM server instead of here; may be repeated; GRADUS_REPLICA_KEY sets a bearer token",
    )
    sampling.add_argument(
        "--vllm", type=_count, default=0, metavar="N", help="start N vLLM servers on this machine and sample on them"
    )
    parser.add_argument(
        "--tensor-parallel",
        type=_count,
        default=1,
        metavar="N",
        help="split the model of each server of --vllm over N GPUs (default: 1)",
    )
    parser.add_argument(
        "--vllm-command",
        type=shlex.split,
        metavar="COMMAND",
        help="command of the servers, to which options are added (default: vLLM of this Python)",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FOLDER",
        help="folder for the weights that replicas load, on a disk they mount under the same path (default: temporary)",
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def _url(text: str) -> str:
    try:
        address = urlsplit(text)
        is_valid = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise argparse.ArgumentTypeError(f"expected an address like http://host:8000, got {text!r}")
    return text


if __name__ == "__main__":
    sys.exit(main())
