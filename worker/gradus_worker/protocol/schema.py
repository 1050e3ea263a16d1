"""Validation by the part of JSON Schema in `protocol.schema.json`, which `scripts/write-protocol.ts` generates."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

Schema = Mapping[str, Any]


class SchemaError(Exception):
    """An invalid value; the message contains its path, the expected value and the actual one."""


@cache
def protocol_schema() -> Schema:
    """Loads the schemas: `request`, `reply`, and `results` by type of request."""
    text = (files(__package__) / "protocol.schema.json").read_text(encoding="utf-8")
    schema: Schema = json.loads(text)
    return schema


def check(schema: Schema, value: Any, place: str) -> None:
    """Raises SchemaError unless the value is valid. `place` is the path of the value, for messages."""
    for problem in _problems(schema, value, place):
        raise SchemaError(problem)


def _problems(schema: Schema, value: Any, place: str) -> Iterator[str]:
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices is not None:
        yield from _problems(_chosen(choices, value), value, place)
        return
    kinds = schema.get("type")
    if kinds is not None:
        names = [kinds] if isinstance(kinds, str) else kinds
        if not any(_KINDS[name](value) for name in names):
            yield f"{place}: expected {' or '.join(_WORDS[name] for name in names)}, got {_brief(value)}"
            return
    for keyword, holds in _RULES.items():
        if keyword in schema and _applies(keyword, value) and not holds(value, schema[keyword]):
            yield f"{place}: expected {_EXPECTED[keyword]} {_listed(schema[keyword])}, got {_brief(value)}"
    if isinstance(value, dict):
        yield from _object_problems(schema, value, place)
    if isinstance(value, list) and "items" in schema:
        for index, one in enumerate(value):
            yield from _problems(schema["items"], one, f"{place}[{index}]")


def _object_problems(schema: Schema, value: dict[str, Any], place: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{place}: expected {name!r}, got none"
    others = schema.get("additionalProperties", {})
    for name, one in value.items():
        if name in properties:
            yield from _problems(properties[name], one, f"{place}.{name}")
        elif others is False:
            yield f"{place}: expected no field {name!r}; known fields are {', '.join(properties)}"
        else:
            yield from _problems(others, one, f"{place}.{name}")


def _chosen(choices: list[Schema], value: Any) -> Schema:
    """Picks an alternative by the `type` field of an object, else the first of this kind of value."""
    if isinstance(value, dict):
        named = {one["properties"]["type"]["const"]: one for one in choices if "type" in one.get("properties", {})}
        if named:
            name = value.get("type")
            unknown: Schema = {"properties": {"type": {"enum": list(named)}}, "required": ["type"]}
            return named.get(name, unknown) if isinstance(name, str) else unknown
    fitting = (one for one in choices if _KINDS[one["type"]](value))
    return next(fitting, {"type": [one["type"] for one in choices]})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_KINDS: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == int(value),
}
_WORDS = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "boolean": "true or false",
    "null": "null",
    "number": "a finite number",
    "integer": "a whole number",
}
_RULES: dict[str, Callable[[Any, Any], bool]] = {
    "const": lambda value, wanted: value == wanted,
    "enum": lambda value, wanted: value in wanted,
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "minItems": lambda value, bound: len(value) >= bound,
    "maxItems": lambda value, bound: len(value) <= bound,
    # JavaScript counts UTF-16 units.
    "minLength": lambda value, bound: len(value.encode("utf-16-le", "surrogatepass")) // 2 >= bound,
    "maxLength": lambda value, bound: len(value.encode("utf-16-le", "surrogatepass")) // 2 <= bound,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
}
_EXPECTED = {
    "const": "",
    "enum": "one of",
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "minItems": "a minimum number of entries:",
    "maxItems": "a maximum number of entries:",
    "minLength": "a minimum number of characters:",
    "maxLength": "a maximum number of characters:",
    "pattern": "a match of",
}


def _applies(keyword: str, value: Any) -> bool:
    if keyword in ("minimum", "maximum", "exclusiveMinimum"):
        return _is_number(value)
    if keyword in ("minItems", "maxItems"):
        return isinstance(value, list)
    return keyword in ("const", "enum") or isinstance(value, str)


def _listed(wanted: Any) -> str:
    return ", ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value) if isinstance(value, str | bool) or value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
