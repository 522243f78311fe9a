from __future__ import annotations

import io
import pickle
import struct
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.images import DEFAULT_LIMITS, FULL_SIZE_LIMITS, DecodeLimits, decode_grey, probe_image
from workers.media.sniff import MediaFormat

RESOURCES = Path(__file__).parent.parent / "resources" / "media"


def corner_picture(height: int = 64, width: int = 96) -> NDArray[np.uint8]:
    """Background 60, a bright top left corner and a middling bottom right one: every turn of it looks different."""
    picture = np.full((height, width), 60, dtype=np.uint8)
    picture[: height // 3, : width // 4] = 250
    picture[-height // 3 :, -width // 4 :] = 140
    return picture


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg_bytes(picture: NDArray[np.uint8], **options: object) -> bytes:
    return saved(Image.fromarray(picture), "JPEG", quality=95, **options)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(width: int, height: int, depth: int, colour_type: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def problem_of(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> MediaProblem:
    with pytest.raises(BrokenMedia) as caught:
        decode_grey(data, limits=limits)
    assert caught.value.message
    return caught.value.reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_every_format_gives_the_same_grey_page(kind: str) -> None:
    expected = corner_picture()
    options = {"quality": 95} if kind in {"JPEG", "WEBP"} else {}
    data = saved(Image.fromarray(expected).convert("RGB"), kind, **options)
    assert probe_image(data).format.value == kind.lower()
    assert (probe_image(data).width, probe_image(data).height) == (96, 64)
    assert np.abs(decode_grey(data).astype(int) - expected).mean() < 2


def test_a_phone_heic_is_read() -> None:
    data = (RESOURCES / "corner.heic").read_bytes()
    info = probe_image(data)
    assert (info.format, info.width, info.height, info.orientation) == (MediaFormat.HEIC, 96, 64, 1)
    grey = decode_grey(data)
    assert abs(int(grey[5, 5]) - 250) < 6
    assert abs(int(grey[60, 90]) - 140) < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(corner_picture()).convert("RGB")
    data = saved(stored, kind, exif=exif)
    # Pillow's own transposition is the independent reference.
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation)
    expected = np.asarray((stored.transpose(turn) if turn is not None else stored).convert("L"))
    info = probe_image(data)
    assert info.orientation == (1 if kind == "TIFF" else orientation)
    assert (info.height, info.width) == expected.shape
    assert np.abs(decode_grey(data).astype(int) - expected).mean() < 4


@pytest.mark.parametrize("offset", [0, 8, 100, 0xFFFFFFFF])
def test_damaged_exif_does_not_cost_the_picture(offset: int) -> None:
    exif = b"Exif\0\0II*\0" + struct.pack("<I", offset) + b"\xff\xff" + b"\x12\x01\x03\0" * 3
    data = jpeg_bytes(corner_picture(), exif=exif)
    assert decode_grey(data).shape == (64, 96)


def test_transparent_parts_are_white_paper() -> None:
    rgba = np.zeros((40, 40, 4), dtype=np.uint8)
    rgba[10:20, 10:20, 3] = 255
    rgba[25:35, 25:35, 3] = 128
    grey = decode_grey(saved(Image.fromarray(rgba), "PNG"))
    assert (int(grey[0, 0]), int(grey[15, 15])) == (255, 0)
    assert abs(int(grey[30, 30]) - 127) <= 1
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0, 255, 255, 255])
    assert int(decode_grey(saved(palette, "PNG", transparency=0))[0, 0]) == 255
    assert int(decode_grey(saved(Image.new("LA", (8, 8), (0, 0)), "PNG"))[0, 0]) == 255


def test_sixteen_bit_and_one_bit_pngs_keep_their_tones() -> None:
    row = b"\0" + struct.pack(">H", 0x80FF) * 30
    assert set(np.unique(decode_grey(png_of(30, 20, 16, 0, row * 20)))) == {128}
    bits = decode_grey(png_of(16, 4, 1, 0, b"\0\xf0\x0f" * 4))
    assert bits[0].tolist() == [255] * 4 + [0] * 8 + [255] * 4


def test_a_sixteen_bit_tiff_keeps_its_tones() -> None:
    data = saved(Image.fromarray(np.full((8, 8), 0x80FF, dtype=np.uint16)), "TIFF")
    assert set(np.unique(decode_grey(data))) == {128}


def test_cmyk_jpegs_are_not_turned_into_negatives() -> None:
    expected = corner_picture()
    data = saved(Image.fromarray(expected).convert("RGB").convert("CMYK"), "JPEG", quality=95)
    assert np.abs(decode_grey(data).astype(int) - expected).mean() < 4


def test_a_multi_page_tiff_gives_each_page() -> None:
    tones = [Image.new("L", (20, 10), tone) for tone in (10, 120, 240)]
    data = saved(tones[0], "TIFF", save_all=True, append_images=tones[1:])
    assert probe_image(data).frames == 3
    assert [int(decode_grey(data, frame=page)[0, 0]) for page in range(3)] == [10, 120, 240]
    with pytest.raises(BrokenMedia) as caught:
        decode_grey(data, frame=3)
    assert caught.value.reason is MediaProblem.NO_SUCH_PAGE


def test_a_later_tiff_page_is_capped_too() -> None:
    pages = [Image.new("L", (10, 10)), Image.new("L", (2000, 2000))]
    data = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    with pytest.raises(BrokenMedia) as caught:
        decode_grey(data, frame=1, limits=DecodeLimits(max_pixels=1_000_000))
    assert caught.value.reason is MediaProblem.TOO_LARGE


@pytest.mark.parametrize(("long_side", "factor"), [(3199, 1), (3200, 2), (6399, 2), (6400, 4)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_pictures_come_at_a_half_or_a_quarter(long_side: int, factor: int, kind: str) -> None:
    stored = corner_picture(long_side, 201)
    grey = decode_grey(saved(Image.fromarray(stored), kind))
    assert grey.shape == (-(-long_side // factor), -(-201 // factor))
    assert abs(int(grey[5, 5]) - 250) < 4
    assert decode_grey(saved(Image.fromarray(stored), kind), limits=FULL_SIZE_LIMITS).shape == stored.shape


def test_a_dithered_scan_turns_grey_at_half_size() -> None:
    dots = (np.indices((3400, 400)).sum(axis=0) % 2 * 255).astype(np.uint8)
    grey = decode_grey(saved(Image.fromarray(dots).convert("1", dither=Image.Dither.NONE), "PNG"))
    assert grey.shape == (1700, 200)
    assert abs(int(grey[800, 100]) - 128) <= 1


def test_a_pixel_bomb_is_refused_from_its_header_within_milliseconds() -> None:
    rows = zlib.compress(bytes(100_000_000))
    bomb = png_of(30_000, 30_000, 8, 0, b"")
    bomb = bomb.replace(png_chunk(b"IDAT", zlib.compress(b"")), png_chunk(b"IDAT", rows))
    assert 90_000 < len(bomb) < 200_000
    with pytest.raises(BrokenMedia):
        probe_image(b"\x89PNG\r\n\x1a\n")  # the first call pays for loading the decoder
    start = time.process_time()
    assert problem_of(bomb) is MediaProblem.TOO_LARGE
    assert time.process_time() - start < 0.05


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_the_pixel_cap_holds_for_every_format(kind: str) -> None:
    data = saved(Image.new("RGB", (300, 200)), kind)
    assert problem_of(data, DecodeLimits(max_pixels=59_999)) is MediaProblem.TOO_LARGE
    assert problem_of(data, DecodeLimits(max_side_px=299)) is MediaProblem.TOO_LARGE
    assert decode_grey(data, limits=DecodeLimits(max_pixels=60_000, max_side_px=300)).shape == (200, 300)


@pytest.mark.parametrize("is_progressive", [False, True])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.97])
@pytest.mark.parametrize("is_ended", [False, True])
def test_half_a_jpeg_is_refused_even_with_an_end_marker(is_progressive: bool, kept: float, is_ended: bool) -> None:
    noise = np.random.default_rng(7).integers(0, 255, (240, 320), dtype=np.uint8)
    whole = jpeg_bytes(noise, progressive=is_progressive)
    cut = whole[: int(len(whole) * kept)] + (b"\xff\xd9" if is_ended else b"")
    assert problem_of(cut) is MediaProblem.TRUNCATED


def test_a_jpeg_without_its_end_marker_is_refused() -> None:
    assert problem_of(jpeg_bytes(corner_picture())[:-2]) is MediaProblem.TRUNCATED


def test_padding_before_the_end_marker_is_harmless() -> None:
    data = jpeg_bytes(corner_picture())
    padded = data[:-2] + b"\0" * 40 + data[-2:]
    assert np.array_equal(decode_grey(padded), decode_grey(data))


def test_bytes_after_the_picture_are_ignored() -> None:
    data = jpeg_bytes(corner_picture())
    assert np.array_equal(decode_grey(data + b"%PDF-1.4 trailer" * 50), decode_grey(data))


def test_a_jpeg_of_too_many_scans_is_refused() -> None:
    data = jpeg_bytes(corner_picture())
    scan = data[data.index(b"\xff\xda") : -2]
    assert problem_of(data[:-2] + scan * 200 + b"\xff\xd9") is MediaProblem.DAMAGED


def test_half_a_png_is_refused() -> None:
    data = saved(Image.fromarray(np.random.default_rng(3).integers(0, 255, (50, 60), dtype=np.uint8)), "PNG")
    assert problem_of(data[: len(data) // 2]) is MediaProblem.TRUNCATED
    assert problem_of(data[:-20]) is MediaProblem.TRUNCATED
    short_rows = png_of(50, 60, 8, 0, (b"\0" + bytes(50)) * 20)
    assert problem_of(short_rows) is MediaProblem.DAMAGED


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", MediaProblem.EMPTY),
        (b"hello, I am a text file", MediaProblem.NOT_A_PICTURE),
        (b"<html><body>", MediaProblem.NOT_A_PICTURE),
        (b"\0" * 500, MediaProblem.NOT_A_PICTURE),
        (b"\xff\xd8\xff", MediaProblem.TRUNCATED),
        (b"\xff\xd8\xff\xd9", MediaProblem.TRUNCATED),
        (b"GIF89a" + b"\0" * 50, MediaProblem.UNSUPPORTED),
        (b"PK\x03\x04" + b"\0" * 50, MediaProblem.UNSUPPORTED),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 50, MediaProblem.UNSUPPORTED),
        (b"\0\0\0\x20ftypisom" + b"\0" * 50, MediaProblem.UNSUPPORTED),
        (b"%PDF-1.7", MediaProblem.NOT_A_PICTURE),
    ],
)
def test_what_is_not_a_picture_is_named(data: bytes, problem: MediaProblem) -> None:
    assert problem_of(data) is problem


def test_the_declared_name_never_matters_only_the_bytes() -> None:
    png = saved(Image.fromarray(corner_picture()), "PNG")
    assert probe_image(png).format is MediaFormat.PNG
    assert problem_of(b"GIF89a" + png) is MediaProblem.UNSUPPORTED


def test_the_error_survives_the_way_between_processes() -> None:
    error = BrokenMedia(MediaProblem.EMPTY, "empty")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reason, copy.message) == (MediaProblem.EMPTY, "empty")


def test_reduced_decoding_is_the_mean_of_the_full_one() -> None:
    noise = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 255, (3300, 240), dtype=np.uint8), (0, 0), 3)
    data = jpeg_bytes(np.asarray(noise, dtype=np.uint8))
    full = decode_grey(data, limits=FULL_SIZE_LIMITS)
    mean = full.reshape(1650, 2, 120, 2).mean(axis=(1, 3))
    assert np.abs(decode_grey(data).astype(float) - mean).mean() < 1
