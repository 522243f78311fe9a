"""Writing told from paper, print and red ink on small pictures: noise, blur, a lifted corner, a greyed slash."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.homework.worksheets import PAPER_MM, draw_worksheet
from sheets.homework import Doubt, Region, RegionReading, Verdict
from workers.vision.homework.alignment import GOOD_MATCH, Aligned, align, read_print
from workers.vision.homework.judging import MAX_DRIFT_MM, judge
from workers.vision.homework.paper import PX_PER_MM, Floats, Ink
from workers.vision.homework.reading import register_page
from workers.vision.homework.red_marks import find_red
from workers.vision.homework.strokes import blur_of, faintest, find_faint, find_strokes, print_margin

SIDE_MM = 60
SIDE = round(SIDE_MM * PX_PER_MM)
REGION = Region("1", 3, 3, 54, 54)
SEEN = np.ones((SIDE, SIDE), bool)
NONE = np.zeros((SIDE, SIDE), bool)
Point = tuple[float, float]


def line(layer: Floats, start: Point, end: Point, darkness: float, width_mm: float) -> None:
    """A straight stroke in mm, as dark as ``darkness``."""
    over = 4
    cover = np.zeros((SIDE * over, SIDE * over), np.float32)
    one, other = ((round(x * PX_PER_MM * over), round(y * PX_PER_MM * over)) for x, y in (start, end))
    cv2.line(cover, one, other, (1.0,), round(width_mm * PX_PER_MM * over))
    small = cv2.resize(cover, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    np.maximum(layer, np.float32(darkness) * small, out=layer)


def empty() -> Floats:
    return np.zeros((SIDE, SIDE), np.float32)


def a_line_of_print() -> Floats:
    printed = empty()
    for x in np.arange(6, 54, 3.0):
        line(printed, (x, 6), (x, 9), 0.9, 0.4)
        line(printed, (x, 7.5), (x + 1.5, 7.5), 0.9, 0.3)
    return printed


def blurred(layer: Floats, blur_mm: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(layer, (0, 0), blur_mm * PX_PER_MM), np.float32)


def noise(sigma: float, seed: int = 1) -> Floats:
    """As a photo of 3 pixels a mm has it: coarser than the page's pixels."""
    rng = np.random.default_rng(seed)
    coarse = rng.standard_normal((SIDE // 2, SIDE // 2), dtype=np.float32) * np.float32(sigma)
    return np.asarray(cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.float32)


def lying(blocks: NDArray[np.float64] | None = None) -> Aligned:
    """A page that lies where it should."""
    places = np.array([(x, 7.5) for x in np.arange(9.0, 52, 6)]) if blocks is None else blocks
    many = len(places)
    picture = np.full((SIDE, SIDE, 3), 255, np.uint8)
    return Aligned(picture, SEEN, places, np.full(many, 0.9), np.zeros(many), np.zeros(many, bool), PX_PER_MM)


def judged(dark: Floats, printed: Floats, red: Floats | None = None) -> RegionReading:
    ink = Ink(dark, empty() if red is None else red, has_colour=True)
    return judge(lying(), printed, ink, [REGION])[0]


@pytest.mark.parametrize("blur_mm", [0.1, 0.3, 0.5])
def test_the_blur_of_a_picture_is_measured_on_its_print(blur_mm: float) -> None:
    printed = a_line_of_print()
    assert blur_of(lying(), blurred(printed, blur_mm) + noise(0.02), printed) == pytest.approx(blur_mm, abs=0.08)


def test_the_rim_of_blurred_print_is_no_writing() -> None:
    printed = empty()
    for y in (20, 27, 34):
        line(printed, (10, y), (50, y), 1.0, 0.5)
    dark = blurred(printed, 0.5)
    sharp, wide = (find_strokes(dark, printed, SEEN, NONE, margin) for margin in (print_margin(0.0), print_margin(0.5)))
    assert sharp.labels.any()
    assert not wide.labels.any()


def test_a_hard_pencil_on_a_blurred_noisy_photo_is_not_blank() -> None:
    """Its strokes are hardly darker than the noise anywhere, and plain to see as a whole."""
    printed = a_line_of_print()
    dark = printed.copy()
    for start, end in (((30, 35), (32, 40)), ((32, 40), (34, 34)), ((36, 36), (41, 36)), ((41, 36), (36, 40))):
        line(dark, start, end, 0.2, 0.35)
    dark = blurred(dark, 0.43) + noise(0.03)
    assert not find_strokes(dark, printed, SEEN, NONE, print_margin(0.43)).labels.any()
    assert find_faint(dark, printed, SEEN, NONE, 0.43).labels.any()
    found = judged(dark, printed)
    assert (found.verdict, found.doubt) == (Verdict.UNSURE, Doubt.LITTLE_INK)


def test_noise_that_would_hide_a_hard_pencil_is_no_blank() -> None:
    printed = a_line_of_print()
    found = judged(blurred(printed, 0.36) + noise(0.07), printed)
    assert (found.verdict, found.doubt) == (Verdict.UNSURE, Doubt.TOO_NOISY)


def test_a_sharp_quiet_picture_without_writing_is_blank() -> None:
    printed = a_line_of_print()
    assert judged(blurred(printed, 0.15) + noise(0.01), printed).verdict is Verdict.BLANK


def test_what_an_eraser_leaves_is_blank() -> None:
    printed = a_line_of_print()
    dark = printed.copy()
    line(dark, (20, 35), (24, 40), 0.05, 0.5)
    line(dark, (24, 40), (28, 35), 0.05, 0.5)
    assert judged(blurred(dark, 0.2) + noise(0.008), printed).verdict is Verdict.BLANK


def test_noise_in_a_shadow_is_no_writing_and_hides_none_beside_it() -> None:
    dark = empty()
    line(dark, (8, 20), (12, 28), 0.12, 0.4)
    dark += noise(0.012)
    dark[:, SIDE // 2 :] = noise(0.06)[:, SIDE // 2 :]
    labels = find_strokes(dark, empty(), SEEN, NONE, print_margin(0.0)).labels
    assert labels[:, : SIDE // 2].any()
    assert not labels[:, SIDE // 2 + round(6 * PX_PER_MM) :].any()


def test_where_all_is_shaded_with_a_pencil_it_is_not_taken_for_paper() -> None:
    printed = a_line_of_print()
    dark = blurred(printed, 0.15) + noise(0.01)
    dark[SIDE // 3 : -20, 60:-60] += np.float32(0.2)
    assert judged(dark, printed).verdict is not Verdict.BLANK


def a_slash(colour_ends_mm: float) -> tuple[Floats, Floats]:
    """A teacher's slash from (14, 20) to (8, 32), and its red down to ``colour_ends_mm``, as a poor JPEG leaves it."""
    dark, red = empty(), empty()
    line(dark, (14, 20), (8, 32), 0.5, 0.8)
    line(red, (14, 20), (8, 32), 0.4, 0.8)
    red[round(colour_ends_mm * PX_PER_MM) :] = 0
    return dark, red


def test_where_a_red_slash_has_lost_its_colour_it_is_still_no_attempt() -> None:
    printed = a_line_of_print()
    dark, red = a_slash(27.5)
    seen = Ink(dark, red, has_colour=True)
    left = find_strokes(dark, printed, SEEN, find_red(seen, None, [REGION]).is_red, print_margin(0.1))
    assert left.areas.max() > 1.3
    found = judged(np.maximum(blurred(printed, 0.1), dark) + noise(0.01), printed, red)
    assert found.verdict is Verdict.UNSURE


def test_a_students_line_that_a_slash_crosses_is_an_attempt() -> None:
    printed = a_line_of_print()
    dark, red = a_slash(40)
    line(dark, (5, 26), (30, 27), 0.5, 0.5)
    assert judged(np.maximum(blurred(printed, 0.1), dark) + noise(0.01), printed, red).verdict is Verdict.ATTEMPTED


def test_a_hard_pencils_line_fades_with_blur() -> None:
    assert faintest(0.0, 0.0001) == pytest.approx(0.2)
    assert faintest(0.2) > faintest(0.4) > faintest(0.6) > 0


def test_a_page_whose_corner_lifts_is_laid_flat_up_to_its_last_rule() -> None:
    """No cubic bends like that: print there lies 3 mm off what the rest of the page says."""
    printed = read_print(register_page(draw_worksheet(31_000_069).page, PAPER_MM).picture)
    height, width = printed.ink.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    lift = np.float32(9.0 * PX_PER_MM) * (x / width) ** 3 * (y / height) ** 14
    page = np.rint(255 * (1 - printed.ink)).astype(np.uint8)
    picture = np.asarray(cv2.remap(page, x, y - lift, cv2.INTER_LINEAR, borderValue=(255,)), np.uint8)
    aligned = align(picture, printed, np.eye(3))
    assert (aligned.matches > GOOD_MATCH).all()
    assert float(aligned.drifts_mm.max()) < MAX_DRIFT_MM
