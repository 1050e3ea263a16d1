"""JSON files of a model folder, and typed access to their keys."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

Json = Mapping[str, Any]


class ModelError(ValueError):
    """An invalid model folder; the message names file and key, the expected value and the actual one."""


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object from a file; raises ModelError if it is missing, not JSON, or not an object."""
    try:
        value = json.loads(path.read_bytes())
    except OSError as cause:
        raise ModelError(f"{path}: expected a JSON file ({cause})") from cause
    except ValueError as cause:
        raise ModelError(f"{path}: expected JSON, got text that does not parse ({cause})") from cause
    if not isinstance(value, dict):
        raise ModelError(f"{path}: expected a JSON object, got {describe(value)}")
    return value


def describe(value: object) -> str:
    """Formats a value for an error message: short, on one line."""
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"{text[:57]}…" if len(text) > 60 else text


class Keys:
    """Typed access to the keys of one object; every error names file and key. null counts as absent."""

    def __init__(self, source: Json, file: str, prefix: str = "") -> None:
        self.source, self.file, self.prefix = source, file, prefix

    def has(self, key: str) -> bool:
        return self.source.get(key) is not None

    def count(self, key: str, fallback: float | None = None) -> int:
        """Reads a whole number of at least 1."""
        value = self._value(key, fallback)
        if not (_is_positive(value) and value == int(value)):
            self.refuse(key, "a whole number of at least 1")
        return int(value)

    def positive(self, key: str, fallback: float | None = None) -> float:
        value = self._value(key, fallback)
        if not _is_positive(value):
            self.refuse(key, "a number above 0")
        return float(value)

    def optional(self, key: str) -> float | None:
        """Reads a number above 0 that may be absent."""
        return self.positive(key) if self.has(key) else None

    def flag(self, key: str, fallback: bool) -> bool:
        value = self._value(key, fallback)
        if not isinstance(value, bool):
            self.refuse(key, "true or false")
        return value

    def one_of(self, key: str, choices: tuple[str, ...], fallback: str | None = None) -> str:
        value = self._value(key, fallback)
        if value not in choices:
            self.refuse(key, " or ".join(f'"{choice}"' for choice in choices))
        return cast(str, value)

    def numbers(self, key: str, length: int) -> tuple[float, ...]:
        """Reads a list of at least `length` numbers above 0, and returns the first `length`."""
        return self._list(key, f"{length} numbers above 0", length, _is_positive)[:length]

    def indices(self, key: str) -> tuple[int, ...]:
        """Reads a list of whole numbers of at least 0."""
        return self._list(key, "whole numbers", 0, lambda one: type(one) is int and one >= 0)

    def choices(self, key: str, length: int, choices: tuple[Any, ...]) -> tuple[Any, ...]:
        """Reads a list of at least `length` of the choices, and returns the first `length`."""
        expected = f"{length} entries, each {' or '.join(map(str, choices))}"
        return self._list(key, expected, length, lambda one: one in choices)[:length]

    def only(self, key: str, value: object) -> None:
        """Rejects every other value; the key may be absent."""
        if self.has(key) and (
            self.source[key] != value or isinstance(self.source[key], bool) != isinstance(value, bool)
        ):
            self.refuse(key, f"{json.dumps(value)} (nothing else is supported)")

    def child(self, key: str) -> Keys | None:
        if not self.has(key):
            return None
        value = self.source[key]
        if not isinstance(value, dict):
            self.refuse(key, "an object")
        return Keys(value, self.file, f"{self.prefix}{key}.")

    def refuse(self, key: str, expected: str) -> NoReturn:
        got = describe(self.source.get(key))
        raise ModelError(f'{self.file}: expected "{self.prefix}{key}" to be {expected}, got {got}')

    def _value(self, key: str, fallback: object) -> Any:
        return self.source[key] if self.has(key) else fallback

    def _list(self, key: str, expected: str, length: int, is_right: Callable[[Any], bool]) -> tuple[Any, ...]:
        value = self.source.get(key)
        if not (isinstance(value, list) and len(value) >= length and all(map(is_right, value))):
            self.refuse(key, f"a list of {expected}")
        return tuple(value)


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf
