"""A Ray cluster on loopback addresses of this machine: a head node on which no rank can run, and nodes with one CPU
each.

As a program, for `bench/ray-kills.ts`: prints the cluster's address as JSON, then obeys a command per line of stdin.
`kill` kills one node and prints its address; `add` starts another; `ranks` counts the processes of ranks. End of file
stops the cluster.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

# Ray reads this variable when it is imported. Without it, Ray abandons a node that needs 30 s to start.
os.environ.setdefault("RAY_raylet_start_wait_time_s", "180")
from ray.cluster_utils import Cluster

ENVIRONMENT = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
    "OMP_NUM_THREADS": "1",
    # Actors with environment variables get new processes, so processes started in advance would stay unused.
    "RAY_enable_worker_prestart": "0",
    # By default Ray gives its workers a low priority, which starves them on a busy machine.
    "RAY_worker_niceness": "0",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_agent_register_timeout_ms": "300000",
    # Disabled, because memory that other processes use must not make Ray kill a worker.
    "RAY_memory_monitor_refresh_ms": "0",
}
T = TypeVar("T")


class Nodes:
    """The nodes of a cluster, on addresses 127.0.0.2, 127.0.0.3, …"""

    def __init__(self, count: int) -> None:
        self.folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        self._started = 0
        self.cluster = self._until_started(
            lambda settings: Cluster(
                initialize_head=True,
                head_node_args={
                    **settings, "num_cpus": 0, "include_dashboard": False, "temp_dir": self.folder,
                },
            )
        )  # fmt: skip
        for _ in range(count):
            self.add()

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self) -> None:
        """Starts a node of one CPU."""
        self._until_started(lambda settings: self.cluster.add_node(**settings, num_cpus=1))

    def kill(self, node: Any) -> None:
        """Kills all processes of a node at once, as a power failure does."""
        raylet = node.all_processes["raylet"][0].process
        for pid in [raylet.pid, *descendants(raylet.pid)]:
            with_errors_ignored(pid)
        self.cluster.remove_node(node, allow_graceful=False)

    def with_ranks(self) -> list[Any]:
        """Returns the nodes on which a rank runs."""
        return [one for one in self.cluster.worker_nodes if ranks_under(one.all_processes["raylet"][0].process.pid)]

    def ranks(self) -> int:
        """Counts the processes of ranks on all nodes."""
        raylets = [one.all_processes["raylet"][0].process.pid for one in self.cluster.list_all_nodes()]
        return sum(len(ranks_under(pid)) for pid in raylets)

    def stop(self) -> None:
        self.cluster.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _until_started(self, start: Callable[[dict[str, Any]], T]) -> T:
        self._started += 1
        # Ray resolves 127.0.0.1 to another address of the machine, but not the other loopback addresses.
        address = "127.0.0.1" if sys.platform == "darwin" else f"127.0.0.{1 + self._started}"
        names = ("runtime_env_agent_port", "metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port")
        ports = dict(zip(names, free_ports(address, len(names)), strict=True))
        node = secrets.token_hex(28)
        os.environ["RAY_OVERRIDE_NODE_ID_FOR_TESTING"] = node
        try:
            with self._ports_told(node, ports):
                return start({"object_store_memory": 100 * 2**20, "node_ip_address": address, **ports})
        finally:
            del os.environ["RAY_OVERRIDE_NODE_ID_FOR_TESTING"]

    @contextmanager
    def _ports_told(self, node: str, ports: Mapping[str, int]) -> Iterator[None]:
        """Writes the files in which agents of a node report their ports; a raylet aborts after 15 s without them."""
        has_started = threading.Event()

        def write() -> None:
            while not has_started.wait(0.05):
                for session in Path(self.folder).glob("session_2*"):
                    for name, port in ports.items():
                        file = session / f"{name}_{node}"
                        if not file.exists():
                            # Renamed, because the raylet may read it while it is written.
                            new = file.with_name(f"new_{file.name}")
                            new.write_text(str(port))
                            new.rename(file)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            yield
        finally:
            has_started.set()
            writer.join()


def with_errors_ignored(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def free_ports(address: str, count: int) -> list[int]:
    with ExitStack() as held:
        found = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.bind((address, 0))
        return [one.getsockname()[1] for one in found]


def descendants(pid: int) -> list[int]:
    """Returns all descendants of a process."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found, wanted = [], [pid]
    while wanted:
        own = wanted.pop()
        below = [child for child, parent in parents.items() if parent == own]
        found += below
        wanted += below
    return found


def ranks_under(pid: int) -> list[int]:
    """Returns the processes of ranks below a raylet."""
    found = []
    for one in descendants(pid):
        try:
            if b"ray::RankActor" in Path(f"/proc/{one}/cmdline").read_bytes():
                found.append(one)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@contextmanager
def nodes(count: int, environment: Mapping[str, str] = ENVIRONMENT) -> Iterator[Nodes]:
    """Starts a cluster with `count` nodes for ranks, and stops it."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        started = Nodes(count)
        try:
            yield started
        finally:
            started.stop()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def main() -> None:
    chance = random.Random(int(sys.argv[1]))
    with nodes(2) as started:
        say({"address": started.address, "environment": ENVIRONMENT})
        for line in sys.stdin:
            command = line.strip()
            if command == "kill":
                victim = chance.choice(started.with_ranks())
                started.kill(victim)
                say({"killed": victim.node_ip_address})
            elif command == "add":
                started.add()
                say({"added": True})
            else:
                say({"ranks": started.ranks()})
    until = time.monotonic() + 30
    while (left := processes_in(started.folder)) and time.monotonic() < until:
        time.sleep(0.2)
    say({"left": left})


def processes_in(folder: str) -> list[str]:
    """Returns the processes of a cluster: those that have files open in its folder, or whose command line names it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            files = [os.readlink(one) for one in (process / "fd").iterdir()]
            title = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if folder in title or any(file.startswith(folder) for file in files):
            found.append(f"{process.name} {title[:80]}")
    return found


def say(found: Mapping[str, Any]) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
