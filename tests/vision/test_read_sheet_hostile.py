"""Pictures that are not the sheet: refused with a reason, never a confident reading, never another error."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from benchmarks.omr.generator import CONDITIONS, make_sample
from sheets.layout import design_layout
from sheets.reading import UnreadableReason, UnreadableSheet
from workers.vision.sheet import read_sheet

GreyImage = NDArray[np.uint8]

LAYOUT = design_layout(question_count=20)


def _reason(image: GreyImage) -> UnreadableReason:
    with pytest.raises(UnreadableSheet) as caught:
        read_sheet(image, LAYOUT)
    return caught.value.reason


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 0), np.uint8),
        np.zeros((0, 1200), np.uint8),
        np.zeros((1200, 900, 3), np.uint8),
        np.zeros((1200, 900), np.float32),
        np.zeros(1200, np.uint8),
    ],
)
def test_what_is_not_a_grey_picture_is_refused(image: GreyImage) -> None:
    assert _reason(image) is UnreadableReason.NOT_A_PICTURE


@pytest.mark.parametrize(
    ("level", "reason"),
    [(0, UnreadableReason.TOO_DARK), (30, UnreadableReason.TOO_DARK), (255, UnreadableReason.NO_SHEET)],
)
def test_one_even_grey_is_no_sheet(level: int, reason: UnreadableReason) -> None:
    assert _reason(np.full((1600, 1200), level, np.uint8)) is reason


@pytest.mark.parametrize("shape", [(1, 1), (3, 4000), (300, 200), (4000, 40)])
def test_a_tiny_or_thin_picture_is_no_sheet(shape: tuple[int, int]) -> None:
    assert _reason(np.full(shape, 200, np.uint8)) is UnreadableReason.NO_SHEET


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_no_sheet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (1400, 1000), np.uint8)
    if seed % 2:
        noise = cv2.GaussianBlur(noise, (0, 0), 5.0).astype(np.uint8)
        noise = np.where(noise > 128, 230, 20).astype(np.uint8)
    assert _reason(noise) in (UnreadableReason.NO_SHEET, UnreadableReason.BLURRED)


@pytest.mark.parametrize("seed", range(3))
def test_a_page_of_black_squares_is_no_sheet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = np.full((1600, 1200), 240, np.uint8)
    for x, y in rng.integers(50, 1100, (60, 2)):
        image[y : y + 40, x : x + 40] = 10
    assert _reason(image) is UnreadableReason.NO_SHEET


def test_a_hopelessly_blurred_photo_is_called_blurred() -> None:
    image = make_sample(LAYOUT, CONDITIONS["phone"], 8000).image
    blurred = cv2.GaussianBlur(image, (0, 0), 14.0).astype(np.uint8)
    assert _reason(blurred) is UnreadableReason.BLURRED


def test_a_photo_in_the_dark_is_called_dark() -> None:
    image = make_sample(LAYOUT, CONDITIONS["phone"], 8001).image
    assert _reason((image // 24).astype(np.uint8)) is UnreadableReason.TOO_DARK


def test_half_a_sheet_is_refused() -> None:
    image = make_sample(LAYOUT, CONDITIONS["flat"], 8002).image
    with pytest.raises(UnreadableSheet):
        read_sheet(np.ascontiguousarray(image[: image.shape[0] // 2]), LAYOUT)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    tile=hnp.arrays(np.uint8, st.tuples(st.integers(2, 24), st.integers(2, 24))),
    height=st.integers(500, 1200),
    width=st.integers(500, 1200),
)
def test_any_picture_is_refused_and_nothing_else_happens(tile: GreyImage, height: int, width: int) -> None:
    image = cv2.resize(tile, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    with pytest.raises(UnreadableSheet):
        read_sheet(image, LAYOUT)
