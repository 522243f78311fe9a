"""The golden set: what is on each page, in which typeface, how it came in, and what has to be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.ocr.pages import (
    BARUN,
    BASE_DPI,
    GOTHIC,
    MYEONGJO,
    SANS,
    SERIF,
    THIN,
    DrawnPage,
    Face,
    Maker,
    english_page,
    exam_page,
    handout_page,
)
from benchmarks.omr.camera import PhoneDials, ScanDials, photograph_page, scan_page

GreyImage = NDArray[np.uint8]

FIRST_SEED: Final = 900_000
"""Apart from the seeds used while the reader was built."""
HANGUL_GOAL: Final = 0.03
ENGLISH_GOAL: Final = 0.005

CLEAN: Final = ScanDials(dpi=(300,), skew_degrees=0.0, noise=1.0, jpeg=(88, 95), shift_mm=0.0)
SCAN: Final = ScanDials(dpi=(200, 300), skew_degrees=1.5, noise=4.0, jpeg=(70, 92))
COARSE: Final = ScanDials(dpi=(150,), skew_degrees=1.5, noise=6.0, jpeg=(40, 55))
PHONE: Final = PhoneDials(
    long_side=(3400, 4000),
    tilt_degrees=14.0,
    roll_degrees=6.0,
    fill=(0.86, 0.97),
    shadow=(0.0, 0.4),
    blur=(0.3, 0.8),
    motion=1.0,
    noise=(1.5, 4.0),
    jpeg=(75, 92),
    curl_mm=2.0,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """What is on the page, in which typeface, and how it came in."""

    maker: Maker
    face: Face
    capture: ScanDials | PhoneDials
    pages: int
    goal: float
    quarter_turns: bool = False


CONDITIONS: Final = {
    "exam-clean": Condition(exam_page, MYEONGJO, CLEAN, 2, HANGUL_GOAL),
    "exam-scan": Condition(exam_page, MYEONGJO, SCAN, 3, HANGUL_GOAL, quarter_turns=True),
    "exam-coarse": Condition(exam_page, MYEONGJO, COARSE, 3, HANGUL_GOAL, quarter_turns=True),
    "exam-gothic": Condition(exam_page, GOTHIC, SCAN, 2, HANGUL_GOAL),
    "exam-thin": Condition(exam_page, THIN, SCAN, 2, HANGUL_GOAL),
    "exam-phone": Condition(exam_page, BARUN, PHONE, 3, HANGUL_GOAL, quarter_turns=True),
    "table-scan": Condition(handout_page, GOTHIC, SCAN, 2, HANGUL_GOAL),
    "table-phone": Condition(handout_page, MYEONGJO, PHONE, 2, HANGUL_GOAL),
    "english-clean": Condition(english_page, SERIF, CLEAN, 2, ENGLISH_GOAL),
    "english-scan": Condition(english_page, SERIF, SCAN, 2, ENGLISH_GOAL, quarter_turns=True),
    "english-phone": Condition(english_page, SANS, PHONE, 2, ENGLISH_GOAL),
}


def make_page(condition: Condition, seed: int) -> tuple[GreyImage, GreyImage, DrawnPage]:
    """One captured page as it came in, the same upright, and what is on it. The same arguments give the same page."""
    rng = np.random.default_rng(seed)
    page = condition.maker(rng, condition.face)
    if isinstance(condition.capture, ScanDials):
        image = scan_page(page.pixels, BASE_DPI, condition.capture, rng)
    else:
        image = photograph_page(page.pixels, BASE_DPI, condition.capture, rng)
    turns = int(rng.integers(0, 4)) if condition.quarter_turns else 0
    return np.ascontiguousarray(np.rot90(image, turns)), image, page
