"""Frames: `u32 header length | u32 payload length | JSON header | tensors`, little-endian."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

MAX_HEADER_BYTES = 2**24
MAX_PAYLOAD_BYTES = 2**30
_PREFIX = struct.Struct("<II")
_DTYPES = {"f32": np.dtype("<f4"), "i32": np.dtype("<i4"), "u32": np.dtype("<u4")}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}

Array = NDArray[Any]


class FrameError(Exception):
    """Bytes that are not a frame. Nothing after them can be parsed."""


class TensorError(Exception):
    """A tensor that does not fit its payload."""


class Readable(Protocol):
    def readinto(self, buffer: memoryview, /) -> int | None: ...


@dataclass(frozen=True)
class Frame:
    header: Any
    """Any JSON value; `messages.py` validates it."""
    payload: bytes | bytearray


def encode_frame(header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> list[bytes | memoryview]:
    """Encodes a frame as pieces to write in order; fills in `tensors` of the header from one-dimensional arrays.

    Non-finite numbers become null. Raises FrameError if header or payload exceeds its limit.
    """
    described, pieces, offset = [], [], 0
    for name, array in (arrays or {}).items():
        packed = np.ascontiguousarray(array)
        described.append({"name": name, "dtype": dtype_name(packed), "shape": list(packed.shape), "offset": offset})
        pieces.append(packed.data.cast("B") if packed.size else b"")
        offset += packed.nbytes
    text = json.dumps(_finite({**header, "tensors": described}), ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf-8", "backslashreplace")  # A lone surrogate has no UTF-8 encoding, but JSON can escape it.
    _check_lengths(len(body), offset)
    return [_PREFIX.pack(len(body), offset), body, *pieces]


def read_frame(stream: Readable) -> Frame | None:
    """Reads the next frame; returns None at the end of the stream. Raises FrameError for anything else."""
    prefix = _read(stream, _PREFIX.size, may_end=True)
    if prefix is None:
        return None
    header_bytes, payload_bytes = _PREFIX.unpack(prefix)
    _check_lengths(header_bytes, payload_bytes)
    header = _read(stream, header_bytes)
    payload = _read(stream, payload_bytes)
    assert header is not None
    assert payload is not None
    return Frame(_parse(header), payload)


def unpack_tensors(described: Sequence[Mapping[str, Any]], payload: bytes | bytearray) -> dict[str, Array]:
    """Returns flat views of the payload, by name."""
    found: dict[str, Array] = {}
    for one in described:
        name, dtype, offset = one["name"], _DTYPES[one["dtype"]], one["offset"]
        length = 1
        for size in one["shape"]:
            length *= size
        end = offset + length * dtype.itemsize
        if offset % 4 != 0 or end > len(payload) or name in found:
            raise TensorError(
                f"tensor {name!r}: expected {length} x {one['dtype']} within {len(payload)} bytes, at an offset "
                f"divisible by 4, and each name once; got bytes {offset} to {end}{', a second time' * (name in found)}"
            )
        found[name] = np.frombuffer(payload, dtype, length, offset) if length else np.empty(0, dtype)
    return found


def dtype_name(array: Array) -> str:
    """Returns `f32`, `i32` or `u32`."""
    return _NAMES[array.dtype]


def _read(stream: Readable, length: int, may_end: bool = False) -> bytearray | None:
    taken = bytearray(length)
    view, filled = memoryview(taken), 0
    while filled < length:
        count = stream.readinto(view[filled:])
        if not count:
            if may_end and filled == 0:
                return None
            raise FrameError(f"expected {length - filled} more bytes of a frame, got the end of the stream")
        filled += count
    return taken


def _check_lengths(header: int, payload: int) -> None:
    if 2 <= header <= MAX_HEADER_BYTES and payload <= MAX_PAYLOAD_BYTES:
        return
    raise FrameError(
        f"expected a frame with a header of 2 to {MAX_HEADER_BYTES} bytes and a payload of at most {MAX_PAYLOAD_BYTES}"
        f", got {header} and {payload}: the bytes are not frames, or the batch is too large for one"
    )


def _parse(header: bytearray) -> Any:
    try:
        return json.loads(header.decode("utf-8"), parse_float=_number, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as cause:
        raise FrameError(f"expected a frame's header to be JSON ({cause})") from cause


def _number(text: str) -> float:
    """Parses a number; 2.0 becomes an int, because JSON does not distinguish it from 2."""
    value = float(text)
    return int(value) if abs(value) < 2**53 and value.is_integer() else value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
