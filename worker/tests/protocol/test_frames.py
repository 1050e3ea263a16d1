"""Frames and messages are read as TypeScript writes them; any other bytes raise a FrameError."""

import io
import json
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradus_worker.protocol.frames import (
    MAX_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    FrameError,
    TensorError,
    encode_frame,
    read_frame,
    unpack_tensors,
)
from gradus_worker.protocol.messages import ORDERED, read_request
from gradus_worker.protocol.schema import SchemaError, check, protocol_schema

GOLDEN = Path(__file__).parents[3] / "test" / "golden" / "protocol"
FRAMES: dict[str, Any] = json.loads((GOLDEN / "frames.json").read_text())
REPLIES = {"part", "error", *(name for name in FRAMES if name.endswith("-result"))}


class Dribble(io.BytesIO):
    """Returns at most 3 bytes per read, as a pipe may."""

    def readinto(self, buffer: Any, /) -> int:
        return super().readinto(memoryview(buffer)[:3])


@pytest.mark.parametrize("name", FRAMES)
def test_golden_frames_are_read_and_written_as_in_typescript(name: str) -> None:
    content, expected = (GOLDEN / f"{name}.bin").read_bytes(), FRAMES[name]
    stream = Dribble(content * 2)
    for _ in range(2):
        frame = read_frame(stream)
        assert frame is not None
        assert frame.header == expected["header"]
        tensors = unpack_tensors(frame.header["tensors"], frame.payload)
        assert {key: values.tolist() for key, values in tensors.items()} == expected["values"]
    assert read_frame(stream) is None
    header = {key: value for key, value in frame.header.items() if key != "tensors"}
    written = b"".join(encode_frame(header, tensors))
    # JavaScript writes 0.000001 and Python 1e-06; all replies have the same bytes.
    assert written == content or name == "optim-step"
    again = read_frame(io.BytesIO(written))
    assert again == frame


@pytest.mark.parametrize("name", FRAMES)
def test_golden_messages_are_valid_and_unknown_or_missing_fields_are_not(name: str) -> None:
    schema, header = protocol_schema()["reply" if name in REPLIES else "request"], FRAMES[name]["header"]
    check(schema, header, name)
    with pytest.raises(SchemaError, match="expected no field 'surprise'"):
        check(schema, {**header, "surprise": 1}, name)
    for field in header:
        with pytest.raises(SchemaError):
            check(schema, {key: value for key, value in header.items() if key != field}, name)
    if header["type"] == "result":
        check(protocol_schema()["results"][header["request"]], header["result"], name)


def test_ordered_requests_are_those_of_the_documentation() -> None:
    assert set(ORDERED) == set(
        "createModel sample logprobs forwardBackward gradientNorm optimStep saveState loadState exportModel".split()
    )


def test_the_digest_covers_everything_but_the_id() -> None:
    def digest(content: bytes, **change: Any) -> bytes:
        frame = read_frame(io.BytesIO(content))
        assert frame is not None
        frame.header.update(change)
        return read_request(frame).digest

    content = (GOLDEN / "logprobs.bin").read_bytes()
    other_payload = content[:-1] + bytes([content[-1] ^ 1])
    assert digest(content) == digest(content, id=77)
    assert len({digest(content), digest(content, temperature=1), digest(other_payload)}) == 3


@pytest.mark.parametrize("name", ["ping", "forward-backward", "part"])
def test_a_frame_truncated_anywhere_is_rejected(name: str) -> None:
    content = (GOLDEN / f"{name}.bin").read_bytes()
    for size in range(1, len(content)):
        with pytest.raises(FrameError, match="end of the stream"):
            read_frame(io.BytesIO(content[:size]))


def test_garbage_and_changed_bytes_give_frames_or_a_frame_error() -> None:
    dice = random.Random(7)
    content = (GOLDEN / "sample.bin").read_bytes()
    for _ in range(3000):
        changed = bytearray(content if dice.random() < 0.7 else dice.randbytes(dice.randrange(1, 200)))
        for _ in range(dice.randrange(1, 4)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        try:
            frame = read_frame(io.BytesIO(bytes(changed)))
        except FrameError:
            continue
        assert frame is not None
        read_request(frame)


@pytest.mark.parametrize(("header", "payload"), [(MAX_HEADER_BYTES + 1, 0), (1, 0), (2, MAX_PAYLOAD_BYTES + 1)])
def test_lengths_over_the_limit_are_rejected_before_allocating(header: int, payload: int) -> None:
    with pytest.raises(FrameError, match="the bytes are not frames"):
        read_frame(io.BytesIO(struct.pack("<II", header, payload)))


@pytest.mark.parametrize("text", ["{a", "NaN", '{"x": Infinity}', "[" * 200_000, "9" * 5000, '"\udcff"'])
def test_a_header_that_is_not_json_is_rejected(text: str) -> None:
    body = text.encode("utf-8", "surrogateescape")
    with pytest.raises(FrameError, match="header to be JSON"):
        read_frame(io.BytesIO(struct.pack("<II", len(body), 0) + body))


@pytest.mark.parametrize(("shape", "offset"), [([4], 0), ([1], 2), ([2**40, 2**40], 0), ([1], 2**60)])
def test_a_tensor_outside_its_payload_is_rejected(shape: list[int], offset: int) -> None:
    described = [{"name": "x", "dtype": "f32", "shape": shape, "offset": offset}]
    with pytest.raises(TensorError, match="tensor 'x'"):
        unpack_tensors(described, bytes(12))


def test_integers_may_be_written_with_a_decimal_point() -> None:
    body = b'{"a": [2.0, -0.0, 1e3, 0.5, 1e300]}'
    frame = read_frame(io.BytesIO(struct.pack("<II", len(body), 0) + body))
    assert frame is not None
    assert json.dumps(frame.header) == '{"a": [2, 0, 1000, 0.5, 1e+300]}'


def test_non_finite_numbers_and_lone_surrogates_are_encoded() -> None:
    header = {"a": [float("nan"), {"b": float("-inf")}], "c": "\ud800", "d": "∞"}
    frame = read_frame(io.BytesIO(b"".join(encode_frame(header, {"x": np.zeros(0, np.float32)}))))
    assert frame is not None
    empty = {"name": "x", "dtype": "f32", "shape": [0], "offset": 0}
    assert frame.header == {"a": [None, {"b": None}], "c": "\ud800", "d": "∞", "tensors": [empty]}
