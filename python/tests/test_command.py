"""Finding and running the command, with a script in place of Gradus."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from pathlib import Path

import pytest

import gradus
from gradus.errors import error_from
from gradus.progress import line_of, status_of

checkout = Path(__file__).resolve().parents[2]


def write_command(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\nimport json, signal, sys, time\n{body}")
    path.chmod(0o755)
    return path


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def use(body: str) -> None:
        monkeypatch.setenv("GRADUS_BIN", str(write_command(tmp_path / "gradus", body)))

    return use


def test_every_error_of_the_command_line_has_an_exception() -> None:
    source = (checkout / "src/core/errors.ts").read_text("utf-8")
    names = re.findall(r"export class (\w+) extends \w+", source)
    assert "RunError" in names
    for name in names:
        if name == "GradusError":
            continue
        error = error_from({"name": name, "code": "SOME_CODE", "message": "what came", "tryNext": "gradus doctor"})
        assert type(error) is getattr(gradus, name)
        assert str(error) == "what came\ntry: gradus doctor"
    assert type(error_from({"name": "New", "code": "NEW", "message": "m"})) is gradus.GradusError


def test_returns_the_last_line_and_passes_events_on(script) -> None:
    script("print(json.dumps({'type': 'step', 'step': 1}))\nprint(json.dumps({'words': sys.argv[1:]}))")
    events: list[dict[str, object]] = []
    assert gradus.call("runs", "list", progress=events.append) == {"words": ["--json", "runs", "list"]}
    assert events == [{"type": "step", "step": 1}]


def test_error_keeps_the_result_printed_before_it(script) -> None:
    script(
        "print('{\"run\": \"runs/a\"}')\nprint('! a warning', file=sys.stderr)\n"
        "sys.exit(json.dumps({'error': {'name': 'RunError', 'code': 'RUN_WENT_WRONG', 'message': 'm'}}))"
    )
    with pytest.raises(gradus.RunError) as caught:
        gradus.call("train", "recipe.toml")
    assert caught.value.code == "RUN_WENT_WRONG"
    assert caught.value.result == {"run": "runs/a"}


def test_failure_without_a_described_error_shows_what_was_printed(script) -> None:
    script("sys.exit('the interpreter is too old')")
    with pytest.raises(gradus.GradusError, match=r"ended with code 1\nthe interpreter is too old"):
        gradus.call("train")
    script("print('usage: another program')")
    with pytest.raises(gradus.GradusError, match="expected lines of JSON, got 'usage: another program"):
        gradus.call("train")


def test_interrupt_stops_the_command_once_and_names_the_command_to_continue(script) -> None:
    script(
        "count = 0\n"
        "def stop(*_):\n"
        "    global count\n"
        "    count += 1\n"
        "signal.signal(signal.SIGINT, stop)\n"
        "print(json.dumps({'type': 'run-start', 'run': 'runs/a'}), flush=True)\n"
        "end = time.monotonic() + 10\n"
        "while count == 0 and time.monotonic() < end: time.sleep(0.01)\n"
        "time.sleep(0.1)\n"
        "error = {'name': 'RunError', 'code': 'INTERRUPTED', 'message': f'{count} signal', 'tryNext': 'resume'}\n"
        "sys.exit(json.dumps({'error': error}))"
    )

    def interrupt(_: object) -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt, match="1 signal\ntry: resume"):
        gradus.call("train", progress=interrupt)


def test_finds_the_command_as_npx_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADUS_BIN", str(tmp_path / "missing"))
    with pytest.raises(gradus.ConfigError, match=r"GRADUS_BIN=.*missing: expected the gradus command"):
        gradus.find_gradus()
    monkeypatch.delenv("GRADUS_BIN")
    script = write_command(tmp_path / "node_modules/gradus/bin/gradus.mjs", "")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    node = write_command(tmp_path / "path/node", "")
    monkeypatch.setenv("PATH", str(node.parent))
    monkeypatch.setattr("gradus.command.__file__", str(tmp_path / "elsewhere/command.py"))
    assert gradus.find_gradus() == [str(node), str(script)]
    tmp_path.chmod(0o1777)
    with pytest.raises(gradus.ConfigError, match="found none"):
        gradus.find_gradus()
    tmp_path.chmod(0o700)
    script.unlink()
    with pytest.raises(gradus.ConfigError, match=r"found none; install it .*\ntry: npm install"):
        gradus.find_gradus()
    on_path = write_command(tmp_path / "path/gradus", "")
    assert gradus.find_gradus() == [str(on_path)]


def test_progress_describes_events_without_control_characters() -> None:
    assert status_of({"type": "progress", "label": "measuring", "done": 3, "total": 9}) == "measuring 3/9"
    step = {"type": "step", "stage": "a\x1b[2J", "stepInStage": 1, "maxSteps": 2, "metrics": {"reward/mean": 0.5}}
    assert status_of(step) == "a�[2J · step 1/2 · reward 0.500"
    assert line_of(step) is None
    assert line_of({"type": "warning", "message": "m"}) == "! m"
    overall = {"accuracy": {"low": 0.1, "mean": 0.25, "high": 0.4}}
    evaluated = {"type": "evaluated", "step": 4, "evaluation": {"suite": "held-out", "overall": overall}}
    assert line_of(evaluated) == "held-out after 4 steps: 25.0 % [10.0, 40.0]"
    assert line_of({"type": "unknown"}) is status_of({"type": "unknown"}) is None
