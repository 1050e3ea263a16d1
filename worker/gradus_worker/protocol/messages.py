"""Requests and replies, as defined by `src/protocol/messages.ts`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .frames import Array, Frame, TensorError, dtype_name, unpack_tensors
from .schema import SchemaError, check, protocol_schema

PROTOCOL_VERSION = 1

ErrorCode = Literal["oom", "bad-request", "conflict", "non-finite", "mismatch", "internal"]


class RequestError(Exception):
    """Ends a request with an error of this code. The worker continues."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code


def bad_request(message: str) -> RequestError:
    return RequestError("bad-request", message)


def conflict(message: str) -> RequestError:
    return RequestError("conflict", message)


@dataclass(frozen=True)
class Reply:
    """The body of a `result`."""

    result: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Array] = field(default_factory=dict)


Outcome = Reply | RequestError
"""The outcome of a request."""


@dataclass(frozen=True)
class Request:
    id: int
    type: str
    """Empty if the message has no known type."""
    fields: Mapping[str, Any]
    """The header; valid according to the schema unless `refusal` is set."""
    tensors: Mapping[str, Array]
    seq: int | None = None
    """Sequence number of an ordered request."""
    digest: bytes = b""
    """Checksum of everything but `id`, equal for a repeated request. Empty without `seq`."""
    refusal: str | None = None
    """Reason for the reply `bad-request`; None for a valid message."""

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def tensor(self, name: str, dtype: str, length: int) -> Array:
        """Returns a tensor; raises bad-request unless it has this type and length."""
        found = self.tensors.get(name)
        if found is None or dtype_name(found) != dtype or len(found) != length:
            got = "none" if found is None else f"{len(found)} x {dtype_name(found)}"
            raise bad_request(f"{self.type}: expected the tensor {name!r} with {length} x {dtype}, got {got}")
        return found


def _ordered_types() -> frozenset[str]:
    """Returns the types of requests that have `seq`."""
    shapes = (one["properties"] for one in protocol_schema()["request"]["oneOf"])
    return frozenset(shape["type"]["const"] for shape in shapes if "seq" in shape)


ORDERED = _ordered_types()


def read_request(frame: Frame) -> Request:
    """Reads the request of a frame. An invalid request gets a `refusal`, because it uses up its `seq` too."""
    header = frame.header if isinstance(frame.header, dict) else {}
    refusal: str | None = None
    tensors: dict[str, Array] = {}
    try:
        check(protocol_schema()["request"], frame.header, str(header.get("type", "message")))
        tensors = unpack_tensors(header["tensors"], frame.payload)
    except (SchemaError, TensorError) as error:
        refusal = str(error)
    kind = header.get("type")
    known = kind if isinstance(kind, str) else ""
    seq = _place(header.get("seq")) if known in ORDERED else None
    return Request(
        id=_place(header.get("id")) or 1,
        type=known,
        fields=header,
        tensors=tensors,
        seq=seq,
        digest=b"" if seq is None else _digest(header, frame.payload),
        refusal=refusal,
    )


def _place(value: Any) -> int | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value < 2**53
    return int(value) if usable and value == int(value) else None


def _digest(header: Mapping[str, Any], payload: bytes | bytearray) -> bytes:
    content = {name: value for name, value in header.items() if name != "id"}
    hashed = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    hashed.update(b"\0")
    hashed.update(payload)
    return hashed.digest()
