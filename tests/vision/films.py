"""Small films for the tests, drawn in a second or two: 640 x 360 at 10 frames a second."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.video.generator import Dials, Film, Stay, Truth, write_film

SIZE: Final = (640, 360)
SPOKEN_SIZE: Final = (320, 180)
SPOKEN_RATE: Final = 30
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


def spoken_film(
    seconds: int = 12,
    *,
    codec: str = "libx264",
    sound: str | None = "aac",
    container: str = "mp4",
    keyframe_every: int = 30,
    rotation: int = 0,
    size: tuple[int, int] = SPOKEN_SIZE,
    is_noisy: bool = False,
) -> bytes:
    """A picture that gets brighter second by second, with a tone."""
    options = {"movflags": "+faststart"} if container == "mp4" else {}  # done to a real file only
    with (
        NamedTemporaryFile(suffix=f".{container}") as handle,
        av.open(handle.name, "w", format=container, options=options) as out,
    ):
        pictures = out.add_stream(codec, rate=SPOKEN_RATE)
        assert isinstance(pictures, av.video.stream.VideoStream)
        pictures.width, pictures.height, pictures.pix_fmt = *size, "yuv420p"
        if codec == "libx264":
            pictures.options = {"preset": "ultrafast", "g": str(keyframe_every), "sc_threshold": "0"}
        tone = out.add_stream(sound, rate=48_000) if sound else None
        for number in range(seconds * SPOKEN_RATE):
            picture = np.full((size[1], size[0], 3), 20 * (number // SPOKEN_RATE) % 240, np.uint8)
            picture[: size[1] // 2, : size[0] // 2] = 255  # which way is up
            if is_noisy:  # so that it is no less than films of cameras are
                picture[size[1] // 2 :: 4, ::4] = noise(
                    number, size=(-(-size[0] // 4), -(-(size[1] - size[1] // 2) // 4))
                )
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, SPOKEN_RATE)
            out.mux(pictures.encode(frame))
            if isinstance(tone, av.audio.stream.AudioStream):
                wave = np.sin(np.arange(1600) / 9, dtype=np.float32)[None].repeat(2, 0) * 0.2
                sample = av.AudioFrame.from_ndarray(wave, format="fltp", layout="stereo")
                sample.sample_rate, sample.pts, sample.time_base = 48_000, number * 1600, Fraction(1, 48_000)
                out.mux(tone.encode(sample))
        out.mux(pictures.encode(None))
        if isinstance(tone, av.audio.stream.AudioStream):
            out.mux(tone.encode(None))
        out.close()
        data = Path(handle.name).read_bytes()
    return _held_sideways(data) if rotation else data


def _held_sideways(data: bytes) -> bytes:
    """The picture track's matrix turned by 90 degrees (ISO 14496-12, 8.3.2)."""
    upright = np.array([0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000], ">i4").tobytes()
    turned = np.array([0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000], ">i4").tobytes()
    place = data.index(upright, data.index(b"tkhd"))
    return data[:place] + turned + data[place + len(upright) :]
