"""Head of a group on a Ray cluster: serves the client and gives commands to the ranks. It stores no weights.

A lost rank ends the worker. The client starts another worker, which places the ranks on the remaining nodes, loads the
newest state and replays the updates since then.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from ..log import log_line
from ..model.json_file import ModelError
from ..pause import Pause
from ..protocol.messages import Request, RequestError
from ..ranks.group_engine import GroupEngine
from ..worker_exit import BROKEN, USAGE, WorkerExit
from .actor import Outcome, RankActor
from .versions import check_versions, own_versions

if TYPE_CHECKING:
    from ..server.server import OpenEngine

_WORKER = Path(__file__).parents[2]
_PLACEMENT_SECONDS = 60.0
_CONNECT_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_TO_RANKS = ("OMP_NUM_THREADS", "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
"""Environment variables that this process passes to the ranks."""


@contextmanager
def cluster_engines(address: str, size: int) -> Iterator[OpenEngine]:
    """Connects to a cluster (`auto`: that of this machine; `local`: a new one) and opens engines on it."""
    on_signal = signal.getsignal(signal.SIGTERM)
    _connect(address)
    # Ray replaces the handler with one that ends the process at once.
    signal.signal(signal.SIGTERM, on_signal)
    leads: list[RayLead] = []

    def open_engine(request: Request, pause: Pause) -> GroupEngine:
        if not leads:
            leads.append(RayLead(size, request["device"], pause))
        return GroupEngine(leads[0], request)

    try:
        yield open_engine
    finally:
        # When a driver ends, even by SIGKILL, the cluster ends its actors and placement groups.
        ray.shutdown()


def _connect(address: str) -> None:
    variables = {name: os.environ[name] for name in _TO_RANKS if name in os.environ}
    path = os.pathsep.join([str(_WORKER), *filter(None, [os.environ.get("PYTHONPATH")])])
    # Otherwise, Ray tries for a quarter of an hour to reach a cluster that has ended.
    os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "2")
    try:
        _reach(address)
        ray.init(
            address=address,
            log_to_driver=False,
            runtime_env={"env_vars": {**variables, "PYTHONPATH": path}},
            logging_level="WARNING",
        )
    except (RayError, OSError, RuntimeError, ValueError) as error:
        raise WorkerExit(USAGE, f"cannot use the Ray cluster at {address}: {error}") from error


def _reach(address: str) -> None:
    """Raises OSError if nothing listens at `host:port`."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()


class RayLead:
    """Gives commands to one actor per rank."""

    def __init__(self, size: int, device: str, pause: Pause) -> None:
        self.size, self._pause = size, pause
        group = _placed(size, _resources(device), pause)
        try:
            self._actors = [_start_actor(group, rank, _resources(device)) for rank in range(size)]
            check_versions(own_versions(), self._all([actor.versions.remote() for actor in self._actors]))
        except ModelError:
            remove_placement_group(group)
            raise
        host, port = self._all([self._actors[0].address.remote()])[0]
        shared = {"WORLD_SIZE": str(size), "MASTER_ADDR": host, "MASTER_PORT": str(port), "LOCAL_RANK": "0"}
        self._all([actor.join.remote({**shared, "RANK": str(rank)}) for rank, actor in enumerate(self._actors)])

    def call(self, command: str, *arguments: Any) -> list[Any]:
        try:
            content = ray.put(arguments)
        except RayError as error:
            raise WorkerExit(BROKEN, f"cannot pass {command} to the ranks ({_reason(error)})") from error
        outcomes: list[Outcome] = self._all([actor.run.remote(command, content) for actor in self._actors], _check)
        kind, detail = outcomes[0]
        if kind == "refused":
            raise RequestError(*detail)
        if kind != "done":
            raise WorkerExit(BROKEN, f"rank 0 was interrupted in {command}")
        return [result for _, result in outcomes]

    def stats(self, sampled: Mapping[str, float]) -> dict[str, float]:
        try:
            found: dict[str, float] = ray.get(self._actors[0].stats.remote(sampled), timeout=5)
        except RayError:
            return {}
        return found

    def _all(self, references: Sequence[Any], check: Callable[[int, Any], None] | None = None) -> list[Any]:
        """Returns the values in order; `check` may raise as each value arrives. Raises WorkerExit if a rank is lost.

        Calls `pause` while it waits; a pause that raises interrupts the ranks.
        """
        pending, interruption = {one: rank for rank, one in enumerate(references)}, None
        found: list[Any] = [None] * len(references)
        while pending:
            done, _ = ray.wait(list(pending), timeout=_PAUSE_SECONDS)
            for one in done:
                rank = pending.pop(one)
                try:
                    found[rank] = ray.get(one)
                except RayError as error:
                    raise WorkerExit(BROKEN, f"rank {rank} was lost ({_reason(error)})") from error
                if check is not None:
                    check(rank, found[rank])
            if interruption is None:
                try:
                    self._pause()
                except WorkerExit:
                    raise
                except BaseException as error:
                    interruption = error
                    self._actors[0].interrupt.remote()
        if interruption is not None:
            raise interruption
        return found


def _check(rank: int, outcome: Outcome) -> None:
    """Ends the worker at once when a rank is broken: the others may wait for it in a collective operation."""
    kind, detail = outcome
    if kind == "broken":
        raise WorkerExit(BROKEN, f"rank {rank} failed ({detail})")


def _reason(error: RayError) -> str:
    """Returns the first line of a message and the last, which names the cause of a failed start."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}" + (f" … {lines[-1].strip()}" if len(lines) > 1 else "")


def _resources(device: str) -> dict[str, float]:
    """Returns the resources of a rank. `auto`: a GPU if the cluster has any."""
    has_gpu = device != "cpu" and (device != "auto" or ray.cluster_resources().get("GPU", 0) > 0)
    return {"CPU": 1, "GPU": 1} if has_gpu else {"CPU": 1}


def _placed(size: int, resources: Mapping[str, float], pause: Pause) -> PlacementGroup:
    """Reserves the resources of every rank, on as few nodes as possible. Raises ModelError if the cluster lacks
    them."""
    group = placement_group([dict(resources)] * size, strategy="PACK")
    waited = 0.0
    while not group.wait(1):
        pause()
        waited += 1
        if waited == 5:
            log_line(f"waiting for {size} free {' and '.join(resources)} in the Ray cluster")
        if waited >= _PLACEMENT_SECONDS:
            free = ray.available_resources()
            remove_placement_group(group)
            names = ", ".join(f"{free.get(name, 0):.0f} {name}" for name in resources)
            raise ModelError(f"ranks: expected {size} free {' and '.join(resources)} in the cluster, got {names}")
    return group


def _start_actor(group: PlacementGroup, rank: int, resources: Mapping[str, float]) -> Any:
    actor = ray.remote(
        num_cpus=resources["CPU"],
        num_gpus=resources.get("GPU", 0),
        max_restarts=0,
        concurrency_groups={"control": 1},
        scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank),
    )(RankActor)
    return actor.remote()
