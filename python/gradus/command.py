"""Finds the `gradus` command, runs it with `--json`, and returns its result."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

from gradus.errors import ConfigError, GradusError, error_from
from gradus.progress import Progress, observer


def find_gradus() -> list[str]:
    """Returns the command that starts Gradus, as a list of arguments.

    Searches, in this order: the environment variable GRADUS_BIN; the checkout that contains this file; as npx does,
    `node_modules` in the current folder and the folders above it, or a checkout there; the PATH. Downloads nothing, and
    skips folders that all users share, such as `/tmp`.

    Raises:
        ConfigError: GRADUS_BIN does not name a file or command, or no command was found.
    """
    named = os.environ.get("GRADUS_BIN")
    if named:
        found = shutil.which(named) or (named if Path(named).is_file() else None)
        if found is None:
            raise ConfigError(f"GRADUS_BIN={named}: expected the gradus command, found nothing there", "GRADUS_MISSING")
        return _started(found)
    here = Path.cwd()
    for folder in (*Path(__file__).resolve().parents, here, *here.parents):
        if _is_shared(folder):
            continue
        for script in (folder / "node_modules/gradus/bin/gradus.mjs", folder / "bin/gradus.mjs"):
            if script.is_file():
                return _started(str(script))
    on_path = shutil.which("gradus")
    if on_path is not None:
        return [on_path]
    raise ConfigError(
        f"expected the gradus command in node_modules of {here} or a folder above it, or on the PATH, found none; "
        "install it there with npm, or set GRADUS_BIN to its path",
        "GRADUS_MISSING",
        "npm install --ignore-scripts gradus-0.1.0.tgz",
    )


def _is_shared(folder: Path) -> bool:
    """Returns whether all users share a folder, where another user could put a script that this user would run."""
    shared = stat.S_IWOTH | stat.S_ISVTX
    try:
        return folder.stat().st_mode & shared == shared
    except OSError:
        return False


def _started(command: str) -> list[str]:
    """Returns the arguments that start a command; Node runs JavaScript files."""
    if not command.endswith((".mjs", ".js")):
        return [command]
    node = shutil.which("node") or os.environ.get("GRADUS_NODE")
    if node is None:
        raise ConfigError(
            "expected Node, which Gradus needs, on the PATH, found none; install it, or set GRADUS_NODE to its path",
            "NODE_MISSING",
            "install Node 24 from nodejs.org",
        )
    return [node, command]


def call(*words: object, progress: Progress = True) -> Any:
    """Runs a Gradus command and returns its result, parsed from JSON; `None` if it has no result.

    Every command works, with the options of `gradus <command> --help`:
    `gradus.call("data", "check", "problems.jsonl", "--max-prompt-tokens", 200)`.

    Args:
        words: command, arguments and options.
        progress: True shows progress, False shows nothing, a function receives each event.

    Raises:
        GradusError: the command failed; the class, code and message are those of the command line.
        KeyboardInterrupt: you interrupted the command. A run stops cleanly, and can be resumed.
    """
    show = observer(progress)
    result: Any = None
    try:
        with contextlib.closing(lines(*words, progress=progress)) as printed:
            for value in printed:
                if isinstance(value, dict) and "type" in value:
                    show.event(value)
                else:
                    result = value
    except GradusError as error:
        error.result = result
        raise
    finally:
        show.close()
    return result


def lines(*words: object, progress: Progress = True) -> Generator[Any, None, None]:
    """Runs a command with `--json`; yields each line of its output, parsed, as it is printed."""
    command = [*find_gradus(), "--json", *(str(word) for word in words)]
    # Start a new session, so that Ctrl-C reaches Gradus only once, through `_interrupt`; a second signal would kill it.
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    errors = _Errors(process, is_shown=progress is not False)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            yield _parsed(line, command)
        process.wait()
    except BaseException as stopped:
        _interrupt(process)
        if isinstance(stopped, KeyboardInterrupt):
            raise KeyboardInterrupt(str(errors.found() or "")) from None
        raise
    error = errors.found()
    if process.returncode != 0:
        raise error or GradusError(f"{' '.join(command)}: ended with code {process.returncode}\n{errors.rest()}")


def _parsed(line: str, command: list[str]) -> Any:
    try:
        return json.loads(line)
    except ValueError as cause:
        raise GradusError(
            f"{' '.join(command)}: expected lines of JSON, got {line[:200]!r}; is this the gradus command from npm?",
            "OUTPUT_UNREADABLE",
        ) from cause


def _interrupt(process: subprocess.Popen[str]) -> None:
    """Asks the process to stop cleanly and waits; a second Ctrl-C kills it."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        assert process.stdout is not None
        process.stdout.read()
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()


class _Errors:
    """Reads stderr while the process writes; shows warnings and keeps the error."""

    def __init__(self, process: subprocess.Popen[str], *, is_shown: bool) -> None:
        assert process.stderr is not None
        self._stream = process.stderr
        self._is_shown = is_shown
        self._error: GradusError | None = None
        self._rest: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def found(self) -> GradusError | None:
        """Returns the error that the command reported, once it has ended."""
        self._thread.join()
        return self._error

    def rest(self) -> str:
        """Returns the last lines on stderr, without the error."""
        self._thread.join()
        return "".join(self._rest[-20:])

    def _read(self) -> None:
        for line in self._stream:
            described = _described(line)
            if described is not None:
                self._error = error_from(described)
            else:
                self._rest.append(line)
                if line.startswith("! ") and self._is_shown:
                    sys.stderr.write(line)


def _described(line: str) -> dict[str, Any] | None:
    """Parses the fields of an error printed with `--json`."""
    if not line.startswith('{"error":'):
        return None
    try:
        described = json.loads(line)["error"]
    except ValueError:
        return None
    return described if isinstance(described, dict) else None
