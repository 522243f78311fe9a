"""JPEG: header, orientation and a grey decoding that refuses half a picture.

OpenCV fills the missing part of a cut-off JPEG with grey and says nothing; here the decoder's warnings count.
Marker layout from ITU-T T.81, annex B; EXIF from CIPA DC-008.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import simplejpeg  # type: ignore[import-untyped]  # ships no py.typed
from numpy.typing import NDArray

from workers.media.errors import BrokenMedia, MediaProblem

# Every scan of a progressive file is a pass over all pixels in a few bytes, so a small file can cost hours. Encoders
# write 10. Of other files a scan has bits for every block.
MAX_SCANS: Final = 100
_MAX_SEGMENTS: Final = 2000

_SEQUENTIAL_FRAMES: Final = frozenset({0xC0, 0xC1})  # Huffman-coded
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_SCAN_START: Final = re.compile(rb"\xff\xda")


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """``width``, ``height``: pixels as stored. ``components``: 1 grey, 3 colour, 4 CMYK. ``orientation``: 1 to 8."""

    width: int
    height: int
    components: int
    orientation: int
    is_adobe: bool
    is_sequential: bool


def read_header(data: bytes) -> JpegHeader:
    """The frame header and orientation, from the segments before the first scan. Raises ``BrokenMedia``."""
    frame: tuple[int, int, int] | None = None
    orientation, is_adobe, is_sequential = 1, False, False
    position = 2
    for _ in range(_MAX_SEGMENTS):
        position = data.find(b"\xff", position)
        while position >= 0 and data[position + 1 : position + 2] == b"\xff":
            position += 1
        if position < 0 or position + 4 > len(data):
            raise _truncated()
        marker = data[position + 1]
        if marker in _STANDALONE_MARKERS or marker == 0:
            position += 2
            continue
        if marker in {_START_OF_SCAN, _END_OF_IMAGE}:
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = data[position + 4 : position + 2 + max(length, 2)]
        if marker in _FRAME_MARKERS and frame is None and len(body) >= 6:
            height, width, components = struct.unpack_from(">HHB", body, 1)
            frame = (width, height, components)
            is_sequential = marker in _SEQUENTIAL_FRAMES
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = _exif_orientation(body[6:])
        elif marker == 0xEE and body.startswith(b"Adobe"):
            is_adobe = True
        position += 2 + max(length, 2)
    if frame is None:
        raise _damaged()
    return JpegHeader(*frame, orientation, is_adobe, is_sequential)


def decode_grey(data: bytes, factor: int) -> NDArray[np.uint8]:
    """The picture as stored (orientation not applied), grey (H, W) uint8, at 1 / ``factor`` (1, 2, 4) of its size.

    Raises ``BrokenMedia``: TRUNCATED when scan data or the end is missing, DAMAGED, UNSUPPORTED.
    """
    header, decoded = _decoded(data, factor, "GRAY")
    if header.components == 4:
        return _grey_of_cmyk(decoded, is_inverted=header.is_adobe)
    return decoded[:, :, 0]


def decode_colour(data: bytes, factor: int) -> NDArray[np.uint8]:
    """As :func:`decode_grey`, BGR (H, W, 3); what is not in colour, or in printers' inks, comes as grey in BGR."""
    header, decoded = _decoded(data, factor, "BGR")
    if header.components == 4:
        decoded = np.repeat(_grey_of_cmyk(decoded, is_inverted=header.is_adobe)[:, :, None], 3, axis=2)
    return decoded


def _decoded(data: bytes, factor: int, colours: str) -> tuple[JpegHeader, NDArray[np.uint8]]:
    """The header, and (H, W, C) in ``colours``, or as stored where those are printers' inks."""
    header = read_header(data)
    if header.components not in {1, 3, 4}:
        raise BrokenMedia(MediaProblem.UNSUPPORTED, "This kind of JPEG is not read. Please save it as a plain JPEG.")
    if not header.is_sequential and sum(1 for _ in _SCAN_START.finditer(data)) > MAX_SCANS:
        raise _damaged()
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise _refusal(error) from error
    if (width, height) != (header.width, header.height):
        raise _damaged()
    colours = "CMYK" if header.components == 4 else colours
    try:
        decoded = _decode(data, colours, -(-height // factor), -(-width // factor), is_strict=True)
    except ValueError as error:
        if "extraneous bytes" not in str(error):
            raise _refusal(error) from error
        # Padding between the last block and the end marker: many cameras write it, nothing is missing.
        decoded = _decode(data, colours, -(-height // factor), -(-width // factor), is_strict=False)
    return header, decoded


def _decode(data: bytes, colours: str, min_height: int, min_width: int, *, is_strict: bool) -> NDArray[np.uint8]:
    decoded = simplejpeg.decode_jpeg(data, colours, min_height=min_height, min_width=min_width, strict=is_strict)
    return np.asarray(decoded, dtype=np.uint8)


def _grey_of_cmyk(cmyk: NDArray[np.uint8], *, is_inverted: bool) -> NDArray[np.uint8]:
    """Luma of (H, W, 4); Adobe stores 255 for no ink. Row by row in bands, to keep the floats small."""
    grey = np.empty(cmyk.shape[:2], dtype=np.uint8)
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    for top in range(0, cmyk.shape[0], 256):
        band = cmyk[top : top + 256].astype(np.float32)
        if not is_inverted:
            band = 255 - band
        grey[top : top + 256] = np.rint(band[:, :, :3] @ weights * band[:, :, 3] / 255)
    return grey


def _exif_orientation(tiff: bytes) -> int:
    """Orientation in the first directory of an EXIF block, 1 when it has none or is damaged."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return 1
    (entries,) = struct.unpack_from(f"{order}H", tiff, start)
    for index in range(min(entries, 512)):
        position = start + 2 + 12 * index
        if position + 12 > len(tiff):
            break
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, position)
        if tag == 0x0112:
            return int(value) if kind == 3 and 1 <= value <= 8 else 1
    return 1


def _refusal(error: ValueError) -> BrokenMedia:
    text = str(error).lower()
    if "premature end" in text:
        return _truncated()
    if "unsupported" in text or "not supported" in text or "not implemented" in text:
        return BrokenMedia(MediaProblem.UNSUPPORTED, "This kind of JPEG is not read. Please save it as a plain JPEG.")
    return _damaged()


def _truncated() -> BrokenMedia:
    return BrokenMedia(MediaProblem.TRUNCATED, "The picture is cut off: its end is missing. Please upload it again.")


def _damaged() -> BrokenMedia:
    return BrokenMedia(MediaProblem.DAMAGED, "The picture is damaged. Please take or scan it again.")
