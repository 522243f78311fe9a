"""Damaged and hostile bytes: whatever is uploaded, the only error is ``BrokenMedia``, within bounded memory."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.vision.test_media_images import RESOURCES, corner_picture, saved
from tests.vision.test_media_pages import pdf_of
from workers.media.errors import BrokenMedia
from workers.media.images import DecodeLimits
from workers.media.pages import decode_page, page_count

KINDS = ("jpeg", "progressive", "png", "alpha", "tiff", "webp", "bmp", "heic", "pdf", "scan")
SMALL = DecodeLimits(max_pixels=2_000_000, max_side_px=4000)
fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def valid(kind: str) -> bytes:
    noise = np.random.default_rng(11).integers(0, 255, (40, 48), dtype=np.uint8)
    picture = Image.fromarray(np.where(corner_picture(40, 48) == 60, noise, corner_picture(40, 48)))
    if kind == "heic":
        return (RESOURCES / "corner.heic").read_bytes()
    if kind == "pdf":
        return pdf_of([(200, 100)] * 2)
    if kind == "progressive":
        return saved(picture, "JPEG", progressive=True)
    if kind == "alpha":
        return saved(picture.convert("RGBA"), "PNG")
    return saved(picture, {"scan": "PDF"}.get(kind, kind.upper()))


def survives(data: bytes) -> None:
    for read in (lambda: page_count(data, limits=SMALL), lambda: decode_page(data, 0, limits=SMALL)):
        with suppress(BrokenMedia):
            read()


@fuzz
@given(st.binary(max_size=400))
def test_random_bytes_never_crash(data: bytes) -> None:
    survives(data)


@fuzz
@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7\n", b"II*\0", b"BM", b"\0\0\0\x18ftypheic"]),
    st.binary(max_size=400),
)
def test_random_bytes_behind_a_true_magic_never_crash(magic: bytes, data: bytes) -> None:
    survives(magic + data)


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_is_survived(kind: str) -> None:
    data = valid(kind)
    for length in range(1, len(data), max(1, len(data) // 60)):
        survives(data[:length])


@fuzz
@given(st.sampled_from(KINDS), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), min_size=1, max_size=6))
def test_flipped_bits_are_survived(kind: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray(valid(kind))
    for place, bit in flips:
        data[min(int(place * len(data)), len(data) - 1)] ^= 1 << bit
    survives(bytes(data))


def test_memory_stays_bounded_at_the_pixel_cap(tmp_path: Path) -> None:
    """79 megapixels with transparency, the dearest kind, decoded in a child under 2 GiB of address space."""
    path = tmp_path / "wide.png"
    Image.new("RGBA", (9000, 8800), (0, 0, 0, 0)).save(path, "PNG", compress_level=1)
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from workers.media.images import decode_grey\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "grey = decode_grey(Path(sys.argv[1]).read_bytes())\n"
        "assert grey.shape == (2200, 2250) and grey.min() == 255\n"
        # Not ru_maxrss, which begins with what this process holds: a child is its copy until it runs the program.
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(status.split('VmHWM:')[1].split()[0]) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 900  # MiB: the picture itself is 302
