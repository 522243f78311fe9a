"""Values on the wire between a worker and a child it does not trust.

A frame is a msgpack structure and, beside it, the byte strings it refers to. The two are apart because one byte of
msgpack can become an empty dict of 64 bytes: the structure is capped tightly and pictures are not, so that a child
taken over by a hostile file can make the worker hold little more than what it sent. Nothing here runs code.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgpack  # type: ignore[import-untyped] # ships no types

Value = None | bool | int | float | str | bytes | list["Value"] | dict[str, "Value"]

MAX_STRUCTURE_BYTES = 4 * 1024 * 1024
MAX_BLOBS = 4096
BLOB_FLOOR_BYTES = 256
"""Shorter byte strings stay inside the structure."""

_HEAD = struct.Struct("!II")
_LENGTH = struct.Struct("!Q")
_BLOB_CODE = 1


class MalformedFrame(ValueError):
    """These bytes are no frame, or are one beyond the limits."""


class FrameTooLarge(ValueError):
    """This value is too large to cross."""


def encode(value: object, max_bytes: int) -> list[bytes]:
    """Give the frame of `value` as parts to be sent one after the other; long byte strings are not copied.

    Raises TypeError where the value holds anything but None, bool, int, float, str, bytes, lists, tuples and dicts,
    FrameTooLarge where the frame would be longer than `max_bytes`.
    """
    blobs: list[bytes] = []
    structure = msgpack.packb(_lift(value, blobs), use_bin_type=True)
    total = len(structure) + sum(map(len, blobs))
    if len(structure) > MAX_STRUCTURE_BYTES or len(blobs) > MAX_BLOBS or total > max_bytes:
        raise FrameTooLarge(f"{len(structure)} bytes of structure and {len(blobs)} blobs, {total} bytes in all")
    lengths = b"".join(_LENGTH.pack(len(blob)) for blob in blobs)
    return [_HEAD.pack(len(structure), len(blobs)) + lengths + structure, *blobs]


def _lift(value: object, blobs: list[bytes]) -> object:
    if isinstance(value, (bytes, bytearray, memoryview)):
        if len(value) < BLOB_FLOOR_BYTES:
            return bytes(value)
        blobs.append(bytes(value))
        return msgpack.ExtType(_BLOB_CODE, _LENGTH.pack(len(blobs) - 1))
    if isinstance(value, (list, tuple)):
        return [_lift(item, blobs) for item in value]
    if isinstance(value, dict):
        return {key: _lift(item, blobs) for key, item in value.items()}
    return value


def pack(value: object) -> bytes:
    """A short message between a worker and its zygote, which trust each other."""
    return bytes(msgpack.packb(value))


def unpack(packet: bytes) -> dict[str, object]:
    """The message in `packet`; an empty one where there is none."""
    value = msgpack.unpackb(packet) if packet else {}
    return value if isinstance(value, dict) else {}


class FrameReader:
    """Turns bytes as they arrive into values. Raises MalformedFrame for anything that `encode` would not write."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._structure_bytes = 0
        self._blob_lengths: list[int] | None = None
        self._needed = _HEAD.size

    def feed(self, data: bytes) -> Iterator[Value]:
        """Yield each value that `data` completes."""
        self._buffer += data
        while len(self._buffer) >= self._needed:
            if self._blob_lengths is None:
                self._read_lengths()
            else:
                yield self._take_value(self._blob_lengths)

    def _read_lengths(self) -> None:
        structure_bytes, blob_count = _HEAD.unpack_from(self._buffer)
        if structure_bytes > MAX_STRUCTURE_BYTES or blob_count > MAX_BLOBS:
            raise MalformedFrame(f"a structure of {structure_bytes} bytes with {blob_count} blobs")
        head = _HEAD.size + blob_count * _LENGTH.size
        if len(self._buffer) < head:
            self._needed = head
            return
        lengths = [_LENGTH.unpack_from(self._buffer, _HEAD.size + i * _LENGTH.size)[0] for i in range(blob_count)]
        total = structure_bytes + sum(lengths)
        if total > self._max_bytes:
            raise MalformedFrame(f"a frame of {total} bytes")
        self._structure_bytes, self._blob_lengths = structure_bytes, lengths
        self._needed = head + total

    def _take_value(self, lengths: list[int]) -> Value:
        start = _HEAD.size + len(lengths) * _LENGTH.size
        with memoryview(self._buffer) as view:
            structure = bytes(view[start : start + self._structure_bytes])
            start += self._structure_bytes
            blobs: list[bytes] = []
            for length in lengths:
                blobs.append(bytes(view[start : start + length]))
                start += length
        del self._buffer[: self._needed]
        self._blob_lengths, self._needed = None, _HEAD.size

        def blob(code: int, data: bytes) -> bytes:
            if code != _BLOB_CODE or len(data) != _LENGTH.size:
                raise MalformedFrame(f"an extension of code {code}")
            index: int = _LENGTH.unpack(data)[0]
            if index >= len(blobs):
                raise MalformedFrame("a blob that is not there")
            return blobs[index]

        try:
            value: Value = msgpack.unpackb(structure, ext_hook=blob, raw=False, strict_map_key=True)
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise MalformedFrame(str(error)[:200]) from error
        return value
