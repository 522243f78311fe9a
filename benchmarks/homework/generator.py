"""Pages of homework with their truth: a worksheet, written on, scanned or photographed in a room's light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.homework.worksheets import DPI, Worksheet, draw_worksheet
from benchmarks.homework.writing import WritingDials, Written, write_page
from benchmarks.omr.camera import PhoneDials, ScanDials, photograph_page, scan_page

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Condition:
    """How a page comes in. ``cast``: how far the light's colour goes from white; ``grain``: noise of its colours."""

    capture: ScanDials | PhoneDials
    cast: float = 0.0
    grain: float = 0.0
    is_turned: bool = False
    writing: WritingDials = field(default_factory=WritingDials)


_UNTOUCHED: Final = WritingDials(blank=1.0, erased=0.0, marked=0.0)

CONDITIONS: Final[Mapping[str, Condition]] = {
    "scan": Condition(ScanDials(dpi=(150, 200), skew_degrees=1.0, noise=2.0, jpeg=(75, 95))),
    "phone": Condition(
        PhoneDials(
            long_side=(1900, 2600),
            tilt_degrees=20.0,
            roll_degrees=10.0,
            fill=(0.8, 0.97),
            shadow=(0.0, 0.45),
            blur=(0.4, 1.1),
            motion=2.0,
            noise=(1.5, 4.5),
            jpeg=(65, 92),
            curl_mm=4.0,
        ),
        cast=0.25,
        grain=3.0,
        is_turned=True,
    ),
    "hard-phone": Condition(
        PhoneDials(
            long_side=(1400, 1800),
            tilt_degrees=30.0,
            roll_degrees=25.0,
            fill=(0.72, 0.95),
            shadow=(0.35, 0.6),
            blur=(0.7, 1.5),
            motion=3.0,
            noise=(3.0, 7.0),
            jpeg=(45, 75),
            curl_mm=7.0,
        ),
        cast=0.4,
        grain=5.0,
        is_turned=True,
    ),
    "light": Condition(
        PhoneDials(
            long_side=(1900, 2600),
            tilt_degrees=20.0,
            roll_degrees=10.0,
            fill=(0.8, 0.97),
            shadow=(0.45, 0.7),
            blur=(0.4, 1.1),
            motion=2.0,
            noise=(1.5, 4.5),
            jpeg=(65, 92),
            curl_mm=4.0,
            glare=(0.1, 0.3),
        ),
        cast=0.5,
        grain=3.0,
        writing=_UNTOUCHED,
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """``image`` BGR as captured, the worksheet it shows, and by problem what was done."""

    image: Picture
    worksheet: Worksheet
    truth: tuple[Written, ...]


def make_sample(condition: Condition, seed: int, *, worksheet_seed: int | None = None) -> Sample:
    """The page that belongs to ``seed``; always the same one."""
    worksheet = draw_worksheet(seed if worksheet_seed is None else worksheet_seed)
    rng = np.random.default_rng([seed, 5])
    page, truth = write_page(worksheet.page, worksheet.problems, condition.writing, rng)
    return Sample(capture(page, condition, seed), worksheet, tuple(truth))


def capture(page: Picture, condition: Condition, seed: int) -> Picture:
    """``page`` BGR at ``DPI`` through the condition's scanner, channel by channel, or through its camera."""
    if isinstance(condition.capture, ScanDials):
        dials = condition.capture
        planes = [np.ascontiguousarray(page[:, :, channel]) for channel in range(3)]
        # the same for each: one scanner, one place
        taken = np.stack([scan_page(plane, DPI, dials, np.random.default_rng([seed, 9])) for plane in planes], axis=2)
    else:
        taken = photograph_page(page, DPI, condition.capture, np.random.default_rng([seed, 9]))
    rng = np.random.default_rng([seed, 11])
    image = taken.astype(np.float32)
    warm = rng.uniform(-0.4, 1.0) * condition.cast
    image *= np.array([1 - max(warm, 0), 1 - abs(warm) * 0.35, 1 - max(-warm, 0)], np.float32)
    if condition.grain:
        grain = rng.standard_normal(image.shape, dtype=np.float32)
        grain *= np.float32(condition.grain)
        image += grain
    stored = np.clip(image, 0, 255, out=image).astype(np.uint8)
    if condition.is_turned:
        stored = np.ascontiguousarray(np.rot90(stored, int(rng.integers(4))))
    quality = int(rng.integers(condition.capture.jpeg[0], condition.capture.jpeg[1] + 1))
    _, data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if decoded is None:
        raise AssertionError("OpenCV could not read its own JPEG")
    return np.asarray(decoded, np.uint8)
