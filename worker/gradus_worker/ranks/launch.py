"""Joins the group in the environment variables of `torchrun`, or starts the ranks of a new group."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch.distributed import TCPStore  # type: ignore[attr-defined]
from torch.distributed.distributed_c10d import Store

from ..pause import Pause
from ..protocol.messages import Request
from ..server.inbox import Inbox
from ..worker_exit import BROKEN, WorkerExit, force_exit
from .group import SINGLE, DistributedGroup, Group
from .group_engine import GroupEngine
from .lead import RankZero, dismiss
from .rank import Rank

if TYPE_CHECKING:
    from ..server.server import OpenEngine

_OWNED = "GRADUS_WORKER_OWNED"
"""Set for ranks that end with their parent: their stdin is a pipe from it."""


def join_group() -> Group:
    """Joins the group in the environment variables; without them, returns a single rank."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return SINGLE
    if os.environ.get(_OWNED):
        threading.Thread(target=_end_with_parent, daemon=True).start()
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    # Ranks may wait for the next command for as long as the client is idle.
    control = dist.new_group(backend="gloo", timeout=timedelta(days=365))
    return DistributedGroup(control, dist.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def group_engines(size: int, inbox: Inbox) -> Iterator[OpenEngine]:
    """Opens engines on all ranks: those of the environment, else `size` new ranks. Ends the ranks at the end."""
    if "RANK" in os.environ:
        group, store = join_group(), None
    else:
        group, store = _start_group(size, inbox)
    leads: list[RankZero] = []

    def open_engine(request: Request, pause: Pause) -> GroupEngine:
        leads.append(RankZero(Rank(group, pause)))
        return GroupEngine(leads[-1], request)

    yield open_engine
    if not any(lead.is_busy for lead in leads):
        dismiss(group)
    del store


def _start_group(size: int, inbox: Inbox) -> tuple[Group, Store]:
    """Starts the ranks 1 … size - 1 on this machine and joins them as rank 0. If one of them ends, the worker ends."""
    store = TCPStore("127.0.0.1", 0, size, is_master=True, wait_for_workers=False)
    threads = max(1, (os.cpu_count() or 1) // size)
    shared = {
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        # As under torchrun, this process serves the store and every rank is a client.
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "GLOO_SOCKET_IFNAME": os.environ.get("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo"),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
    }
    for rank in range(1, size):
        _start_rank(rank, {**shared, "RANK": str(rank), "LOCAL_RANK": str(rank), _OWNED: "1"}, inbox)
    os.environ.update(shared, RANK="0", LOCAL_RANK="0")
    torch.set_num_threads(int(shared["OMP_NUM_THREADS"]))
    return join_group(), store


def _start_rank(rank: int, variables: Mapping[str, str], inbox: Inbox) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "gradus_worker"],
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )

    def watch() -> None:
        code = process.wait()
        if code != 0:
            ending = WorkerExit(BROKEN, f"rank {rank} ended with exit code {code}")
            inbox.put(ending)
            force_exit(ending)

    threading.Thread(target=watch, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when the pipe from its parent closes, even inside a collective."""
    # Do not use sys.stdin: a thread that waits for its lock would abort the interpreter at exit.
    os.read(0, 1)
    os._exit(0)
