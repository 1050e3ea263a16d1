"""`python -m gradus_worker.cluster.vllm_guard COMMAND…`: runs a command in its own process group.

Kills the whole group when the command ends, stdin closes or SIGTERM arrives. Thus no process of a server outlives its
owner, even if the owner is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    # Ctrl-C reaches every process of a terminal; the owner decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    signal.signal(signal.SIGTERM, lambda *_: _kill_group(child.pid))
    threading.Thread(target=_kill_with_owner, args=[child.pid], daemon=True).start()
    code = child.wait()
    _kill_group(child.pid)
    return code


def _kill_with_owner(group: int) -> None:
    os.read(0, 1)
    _kill_group(group)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main())
