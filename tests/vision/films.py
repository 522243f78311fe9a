"""Small films for the tests, drawn in a second or two: 640 x 360 at 10 frames a second."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.video.generator import Dials, Film, Stay, Truth, write_film

SIZE: Final = (640, 360)
Picture = NDArray[np.uint8]


def draw_film(path: Path, dials: Dials, *, seed: int = 1) -> Truth:
    film = Film(dials, seed)
    write_film(film, path)
    return film.truth


def page_shown_at(truth: Truth, at: float) -> int | None:
    """The page that lies still at ``at`` seconds; ``None`` while one is turned."""
    return next((stay.page for stay in truth.stays if stay.start <= at <= stay.end), None)


def stays_of(truth: Truth, page: int) -> list[Stay]:
    return [stay for stay in truth.stays if stay.page == page]


def encode(
    pictures: Iterable[Picture],
    *,
    codec: str = "libx264",
    container: str = "mp4",
    rate: int = 10,
    options: dict[str, str] | None = None,
    prepare: Callable[[av.video.stream.VideoStream], None] | None = None,
) -> bytes:
    """The pictures, all of one size, as a video file."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        assert isinstance(stream, av.video.stream.VideoStream)
        stream.pix_fmt = "yuv420p"
        stream.options = dict(options or ({"preset": "ultrafast"} if codec == "libx264" else {}))
        stream.time_base = Fraction(1, rate)
        if prepare is not None:
            prepare(stream)
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return target.getvalue()


def noise(seed: int, *, size: tuple[int, int] = (96, 64)) -> Picture:
    """A picture with detail everywhere, (height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def scribble(seed: int) -> Picture:
    """A white page with strokes of a pen, (270, 480, 3)."""
    rng = np.random.default_rng(seed)
    page = np.full((270, 480, 3), 230, np.uint8)
    for _ in range(90):
        x, y = int(rng.integers(60, 400)), int(rng.integers(40, 220))
        cv2.line(page, (x, y), (x + int(rng.integers(-20, 20)), y + int(rng.integers(-9, 9))), (40, 40, 40), 2)
    return page
