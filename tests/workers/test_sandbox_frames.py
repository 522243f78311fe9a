"""Frames: what was encoded comes back, and what was not is refused without harm."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.sandbox.frames import FrameReader, FrameTooLarge, MalformedFrame, encode

MAX_BYTES = 1 << 20

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=600),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@given(value=values, step=st.integers(1, 700))
def test_value_survives_however_its_bytes_arrive(value: object, step: int) -> None:
    data = b"".join(encode(value, MAX_BYTES)) * 2
    reader = FrameReader(MAX_BYTES)

    read = [item for start in range(0, len(data), step) for item in reader.feed(data[start : start + step])]

    assert read == [value, value]


@given(data=st.binary(max_size=2000))
def test_noise_is_refused_or_waits_for_more(data: bytes) -> None:
    try:
        list(FrameReader(MAX_BYTES).feed(data))
    except MalformedFrame:
        return


@given(value=values, place=st.integers(0, 5000), byte=st.integers(0, 255))
def test_damaged_frame_raises_nothing_but_malformed(value: object, place: int, byte: int) -> None:
    data = bytearray(b"".join(encode(value, MAX_BYTES)))
    data[place % len(data)] = byte
    try:
        list(FrameReader(MAX_BYTES).feed(bytes(data)))
    except MalformedFrame:
        return


@pytest.mark.parametrize("value", [bytes(MAX_BYTES + 1), ["x" * (5 << 20)], [b"b" * 300] * 5000])
def test_value_beyond_the_limits_is_not_encoded(value: object) -> None:
    with pytest.raises(FrameTooLarge):
        encode(value, 64 << 20 if isinstance(value, list) else MAX_BYTES)


@pytest.mark.parametrize("head", [struct.pack("!II", 5 << 20, 0), struct.pack("!II", 1, 5000)])
def test_length_beyond_the_limits_is_refused_before_its_bytes_arrive(head: bytes) -> None:
    with pytest.raises(MalformedFrame):
        list(FrameReader(MAX_BYTES).feed(head))


def test_bomb_of_nested_lists_is_refused() -> None:
    structure = b"\x91" * 100_000 + b"\xc0"

    with pytest.raises(MalformedFrame):
        list(FrameReader(MAX_BYTES).feed(struct.pack("!II", len(structure), 0) + structure))


@pytest.mark.parametrize(
    "structure", [b"\xd4\x02\x00", b"\xd7\x01" + b"\xff" * 8, b"\xd4\x01\x00"], ids=["unknown", "no blob", "short"]
)
def test_extension_that_is_no_blob_is_refused(structure: bytes) -> None:
    with pytest.raises(MalformedFrame):
        list(FrameReader(MAX_BYTES).feed(struct.pack("!II", len(structure), 0) + structure))
