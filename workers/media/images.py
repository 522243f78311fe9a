"""Photos and scans: bytes in, one upright grey page out.

Pixels are counted from the header before any is decoded. Pure: no paths, no state. A decoder works on hostile
bytes, so callers run it inside the sandboxed child; the caps here keep an honest mistake from looking like an
attack, the sandbox's limits keep an attack small.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

from workers.media import jpeg
from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.sniff import MediaFormat, sniff

ORIENTATION_TAG: Final = 0x0112  # EXIF 2.32, 4.6.4

# What Pillow's parsers are known to raise on damaged files: it documents only some of these.
_PARSE_ERRORS: Final = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    NotImplementedError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Caps on what is decoded, in pixels of the stored picture.

    ``keep_long_side_px``: a picture is decoded at 1/2 or 1/4 of its size when its long side keeps at least
    this many pixels; ``None`` decodes at full size (for OCR).
    """

    max_pixels: int = 80_000_000
    max_side_px: int = 30_000
    max_pages: int = 500
    keep_long_side_px: int | None = 1600


DEFAULT_LIMITS: Final = DecodeLimits()
FULL_SIZE_LIMITS: Final = DecodeLimits(keep_long_side_px=None)


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """A picture's header. ``width`` and ``height`` in pixels as it stands upright, at full size.

    ``orientation``: EXIF value 1 to 8; always 1 for HEIC and TIFF, whose decoders turn them.
    """

    format: MediaFormat
    width: int
    height: int
    orientation: int
    frames: int = 1


def probe_image(data: bytes) -> ImageInfo:
    """The header of the picture ``data``, without decoding a pixel. Raises ``BrokenMedia``."""
    kind = sniff(data)
    if kind is MediaFormat.PDF:
        raise BrokenMedia(MediaProblem.NOT_A_PICTURE, "This is a PDF, not a picture.")
    if kind is MediaFormat.JPEG:
        header = jpeg.read_header(data)
        return _info(kind, header.width, header.height, header.orientation)
    if kind is MediaFormat.HEIC:
        heic = _open_heic(data)
        with _parsing():
            width, height = heic.size
        return _info(kind, width, height, 1)
    picture = _open_with_pillow(data, kind)
    return _info(kind, *picture.size, _orientation_of(picture, kind), _frames_of(picture, kind))


def decode_grey(data: bytes, *, limits: DecodeLimits = DEFAULT_LIMITS, frame: int = 0) -> NDArray[np.uint8]:
    """The picture ``data`` as grey (H, W) uint8, upright, transparency on white paper.

    Large pictures come at 1/2 or 1/4 of their size, see ``DecodeLimits``: reading needs no more, a JPEG decodes
    twice as fast and a dithered scan turns grey. ``frame``: page of a TIFF, from 0. Raises ``BrokenMedia``.
    """
    info = _checked_info(data, limits, frame)
    factor = _reduction(max(info.width, info.height), limits.keep_long_side_px)
    if info.format is MediaFormat.JPEG:
        return _upright(jpeg.decode_grey(data, factor), info.orientation)
    if info.format is MediaFormat.HEIC:
        return _reduced(_heic_grey(data), factor)
    picture = _open_with_pillow(data, info.format)
    if frame:
        # Every page of a TIFF has a header of its own: the first one's size says nothing about the others.
        with _parsing():
            picture.seek(frame)
        check_size(*picture.size, limits)
        factor = _reduction(max(picture.size), limits.keep_long_side_px)
    orientation = _orientation_of(picture, info.format)
    with _parsing():
        has_transparency = picture.has_transparency_data
    if info.format is MediaFormat.PNG and not has_transparency:
        grey = _png_grey(data, picture.size)
    else:
        grey = _pillow_grey(picture)
    return _upright(_reduced(grey, factor), orientation)


def decode_colour(data: bytes, *, limits: DecodeLimits = DEFAULT_LIMITS, frame: int = 0) -> NDArray[np.uint8]:
    """As :func:`decode_grey`, BGR (H, W, 3). A picture without colours comes as grey in all three."""
    info = _checked_info(data, limits, frame)
    factor = _reduction(max(info.width, info.height), limits.keep_long_side_px)
    if info.format is MediaFormat.JPEG:
        return _upright(jpeg.decode_colour(data, factor), info.orientation)
    if info.format is MediaFormat.HEIC:
        heic = _open_heic(data)
        with _parsing():
            picture = heic.to_pillow()
        return _reduced(_pillow_colour(picture), factor)
    picture = _open_with_pillow(data, info.format)
    if frame:
        with _parsing():
            picture.seek(frame)
        check_size(*picture.size, limits)
        factor = _reduction(max(picture.size), limits.keep_long_side_px)
    orientation = _orientation_of(picture, info.format)
    return _upright(_reduced(_pillow_colour(picture), factor), orientation)


def _checked_info(data: bytes, limits: DecodeLimits, frame: int) -> ImageInfo:
    info = probe_image(data)
    check_size(info.width, info.height, limits)
    if not 0 <= frame < info.frames:
        raise BrokenMedia(MediaProblem.NO_SUCH_PAGE, f"The file has {info.frames} pages, page {frame + 1} is missing.")
    return info


def check_size(width: int, height: int, limits: DecodeLimits) -> None:
    """Raises ``BrokenMedia`` TOO_LARGE when a picture of this many pixels is over the caps."""
    if width * height > limits.max_pixels or max(width, height) > limits.max_side_px:
        raise BrokenMedia(
            MediaProblem.TOO_LARGE,
            f"The picture has {width} x {height} pixels, more than can be read "
            f"({limits.max_pixels // 1_000_000} megapixels). Please scan at 300 dpi or less.",
        )


def _info(kind: MediaFormat, width: int, height: int, orientation: int, frames: int = 1) -> ImageInfo:
    if width < 1 or height < 1:
        raise BrokenMedia(MediaProblem.DAMAGED, "The picture's header is damaged. Please take or scan it again.")
    if orientation >= 5:
        width, height = height, width
    return ImageInfo(kind, width, height, orientation, frames)


def _reduction(long_side: int, keep: int | None) -> int:
    if keep is None:
        return 1
    return next((factor for factor in (4, 2) if long_side >= keep * factor), 1)


def _reduced(grey: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    if factor == 1:
        return grey
    height, width = grey.shape[:2]
    size = (-(-width // factor), -(-height // factor))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _upright(grey: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """``grey`` (H, W) or (H, W, 3), turned as EXIF orientation 1 to 8 asks."""
    if orientation >= 5:
        grey = grey.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        grey = grey[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        grey = grey[::-1]
    return np.ascontiguousarray(grey)


def _damaged(error: Exception) -> BrokenMedia:
    if "truncated" in str(error) or isinstance(error, EOFError):
        return BrokenMedia(
            MediaProblem.TRUNCATED, "The picture is cut off: its end is missing. Please upload it again."
        )
    return BrokenMedia(MediaProblem.DAMAGED, "The picture is damaged. Please take or scan it again.")


@contextmanager
def _parsing() -> Iterator[None]:
    """Pillow's many errors as ``BrokenMedia``, its warnings unheard: a picture is read or refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Image.DecompressionBombError as error:
        raise BrokenMedia(
            MediaProblem.TOO_LARGE, "The picture has too many pixels. Please scan at 300 dpi or less."
        ) from error
    except _PARSE_ERRORS as error:
        raise _damaged(error) from error


def _open_with_pillow(data: bytes, kind: MediaFormat) -> Image.Image:
    with _parsing():
        return Image.open(io.BytesIO(data), formats=[kind.value.upper()])


def _orientation_of(picture: Image.Image, kind: MediaFormat) -> int:
    if kind is MediaFormat.TIFF:
        return 1  # Pillow turns these itself, in its size too
    try:
        with _parsing():
            value: object = picture.getexif().get(ORIENTATION_TAG)
    except BrokenMedia:
        return 1  # a picture with damaged EXIF is still a picture
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _frames_of(picture: Image.Image, kind: MediaFormat) -> int:
    count = 1
    with _parsing():
        while kind is MediaFormat.TIFF and count <= DEFAULT_LIMITS.max_pages:
            try:
                picture.seek(count)
            except EOFError:
                picture.seek(0)
                return count
            count += 1
    if count > DEFAULT_LIMITS.max_pages:
        raise BrokenMedia(
            MediaProblem.TOO_MANY_PAGES, f"The file has more than {DEFAULT_LIMITS.max_pages} pages. Please split it."
        )
    return count


def _png_grey(data: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An opaque PNG through OpenCV, which needs a third of Pillow's memory and half its time."""
    if not _are_png_chunks_whole(data):
        raise _damaged(OSError("truncated"))
    try:
        flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
        grey = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error as error:
        raise _damaged(error) from error
    if grey is None or grey.shape != (size[1], size[0]):
        raise _damaged(OSError("damaged"))
    return np.asarray(grey, dtype=np.uint8)


def _are_png_chunks_whole(data: bytes) -> bool:
    """Whether every chunk up to IEND lies inside ``data``: OpenCV reserves what its length claims (2 GiB)."""
    position = 8
    while position + 12 <= len(data):
        name = data[position + 4 : position + 8]
        position += 12 + int.from_bytes(data[position : position + 4], "big")
        if name == b"IEND":
            return position <= len(data)
    return False


def _pillow_grey(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode in {"F", "I"}:
        raise BrokenMedia(MediaProblem.UNSUPPORTED, "Pictures of 32-bit numbers are not read. Please save as PNG.")
    with _parsing():
        if picture.mode.startswith("I;16"):
            return (np.asarray(picture) >> 8).astype(np.uint8)
        if not picture.has_transparency_data:
            return np.asarray(picture.convert("L"))
        mode = "LA" if picture.mode in {"1", "L", "LA", "La"} else "RGBA"
        with_alpha = picture if picture.mode == mode else picture.convert(mode)
        ink = cv2.bitwise_not(np.asarray(with_alpha.convert("L")))
        alpha = np.asarray(with_alpha.getchannel("A"))
    return np.asarray(cv2.bitwise_not(cv2.multiply(ink, alpha, scale=1 / 255)), dtype=np.uint8)


def _pillow_colour(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode in {"F", "I"} or picture.mode.startswith("I;16"):
        return np.asarray(cv2.cvtColor(_pillow_grey(picture), cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    with _parsing():
        if picture.has_transparency_data:
            with_alpha = picture.convert("RGBA")
            paper = Image.new("RGBA", with_alpha.size, "white")
            picture = Image.alpha_composite(paper, with_alpha)
        rgb = np.asarray(picture.convert("RGB"))
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _open_heic(data: bytes) -> pillow_heif.HeifFile:
    with _parsing():
        return pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)


def _heic_grey(data: bytes) -> NDArray[np.uint8]:
    heic = _open_heic(data)
    with _parsing():
        picture = heic.to_pillow()
    return _pillow_grey(picture)
