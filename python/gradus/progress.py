"""Shows the events of a command: permanent lines, and one progress line that is redrawn."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

Event: TypeAlias = dict[str, Any]
"""One JSON line of a command; `type` is its kind, see the table of JSON lines in docs/cli.md."""

Progress: TypeAlias = bool | Callable[[Event], None]
"""True shows progress, False shows nothing, and a function is called with each event."""


class Observer(Protocol):
    """Follows the events of one command."""

    def event(self, event: Event) -> None: ...

    def close(self) -> None: ...


def observer(progress: Progress) -> Observer:
    """Creates the observer of a command's events."""
    if callable(progress):
        return _Passed(progress)
    return _Shown() if progress else _Passed(lambda _: None)


class _Passed:
    """Passes each event to a function."""

    def __init__(self, receive: Callable[[Event], None]) -> None:
        self.event = receive

    def close(self) -> None:
        pass


class _Shown:
    """Prints permanent lines; redraws the progress line in a notebook or on a terminal, and omits it elsewhere."""

    def __init__(self) -> None:
        self._handle = _notebook_line()
        self._is_terminal = self._handle is None and sys.stdout.isatty()

    def event(self, event: Event) -> None:
        text = line_of(event)
        if text is not None:
            self._draw("")
            print(text, flush=True)
        status = status_of(event)
        if status is not None:
            self._draw(status)

    def close(self) -> None:
        self._draw("")

    def _draw(self, text: str) -> None:
        if self._handle is not None:
            self._handle.update({"text/plain": text}, raw=True)
        elif self._is_terminal:
            sys.stdout.write(f"\r\x1b[K{text[:100]}")
            sys.stdout.flush()


def _notebook_line() -> Any:
    """Returns an updatable line in the notebook's cell; `None` outside a notebook."""
    if "ipykernel" not in sys.modules or "IPython" not in sys.modules:
        return None
    from IPython.display import display

    return display({"text/plain": ""}, raw=True, display_id=True)


def line_of(event: Event) -> str | None:
    """Returns the permanent line for an event, if it has one."""
    match event["type"]:
        case "run-start":
            return _printable(f"run: {event['run']}")
        case "stage-start" | "stage-end" | "staging-worth":
            return _printable(event["message"])
        case "warning":
            return _printable(f"! {event['message']}")
        case "plan" if "text" in event:
            return _printable(event["text"])
        case "evaluated":
            evaluation = event["evaluation"]
            accuracy = evaluation["overall"].get("accuracy")
            if accuracy is None:
                return None
            low, mean, high = (f"{100 * accuracy[end]:.1f}" for end in ("low", "mean", "high"))
            return _printable(f"{evaluation['suite']} after {event['step']} steps: {mean} % [{low}, {high}]")
    return None


def status_of(event: Event) -> str | None:
    """Returns the progress line after an event; `None` leaves the current line unchanged."""
    match event["type"]:
        case "progress":
            return _printable(f"{event['label']} {event['done']}/{event['total']}")
        case "step":
            reward = event["metrics"].get("reward/mean")
            shown = "" if reward is None else f" · reward {reward:.3f}"
            return _printable(f"{event['stage']} · step {event['stepInStage']}/{event['maxSteps']}{shown}")
    return None


def _printable(text: str) -> str:
    """Replaces control characters, so that names and model text cannot control the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "�" for char in text)
