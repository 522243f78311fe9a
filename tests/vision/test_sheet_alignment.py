"""Laying a layout over a picture: geometry that holds for any camera."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.omr.generator import blank_page
from sheets.layout import design_layout
from workers.vision.alignment import Alignment, project
from workers.vision.ink import patch_points, sample_patches
from workers.vision.locate import locate_page
from workers.vision.plan import plan_page

LAYOUT = design_layout(question_count=40)
PLAN = plan_page(LAYOUT, 1)


def _homography(shifts: list[float], scale: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    flat = np.array([[0, 0], [210, 0], [210, 297], [0, 297]], np.float32)
    seen = flat * scale + np.array(shifts, np.float32).reshape(4, 2) + 60
    return cv2.getPerspectiveTransform(flat, seen.astype(np.float32)).astype(np.float64)


shifts = st.lists(st.floats(-60, 60), min_size=8, max_size=8)


@settings(max_examples=50, deadline=None)
@given(shifts=shifts, scale=st.floats(2, 10))
def test_axes_are_the_derivative_of_the_projection(shifts: list[float], scale: float) -> None:
    homography = _homography(shifts, scale)
    still = np.zeros((len(PLAN.blocks), 2))
    alignment = Alignment(homography, np.zeros((6, 2)), still, 1.0, still[:, 0], (None,) * 4)
    step = np.full((len(PLAN.centres), 2), 0.01, np.float32)
    axes = alignment.axes(PLAN.centres, step)
    centres = PLAN.centres.astype(np.float64)
    for axis in (0, 1):
        ahead = centres.copy()
        ahead[:, axis] += 0.01
        moved = project(homography, ahead).astype(np.float64) - project(homography, centres)
        assert np.allclose(moved, axes[:, :, axis], atol=3e-3 * scale)


@settings(max_examples=8, deadline=None)
@given(shifts=shifts)
def test_a_flat_page_is_found_to_a_fraction_of_a_pixel(shifts: list[float]) -> None:
    homography = _homography([value * 0.8 for value in shifts], 5.0)
    blank = blank_page(LAYOUT, sheet_id="bench", page=1)
    scale = blank.shape[0] / 297
    size = (210 * 5 + 120, 297 * 5 + 120)
    small = cv2.resize(blank, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    to_small = np.diag([scale / 2, scale / 2, 1.0])
    picture = cv2.warpPerspective(small, homography @ np.linalg.inv(to_small), size, borderValue=(90,))
    located = locate_page(picture.astype(np.uint8), LAYOUT)
    found = located.alignment.place_bubbles(located.plan)
    error = np.hypot(*(found - project(homography, PLAN.centres)).T)
    assert error.max() < 1.5
    assert located.coverage == 1.0


def test_a_patch_holds_the_bubble_upright_whichever_way_the_page_lies() -> None:
    ramp = np.tile(np.arange(200, dtype=np.uint8), (200, 1))
    centres = np.array([[100.0, 100.0]], np.float32)
    upright = sample_patches(ramp, centres, np.array([[[10, 0], [0, 10]]], np.float32))[0]
    turned = sample_patches(np.ascontiguousarray(ramp.T), centres, np.array([[[0, 10], [10, 0]]], np.float32))[0]
    x, _ = patch_points()
    assert np.allclose(upright, 100 + 10 * x, atol=1)
    assert np.allclose(turned, upright, atol=1)


@pytest.mark.parametrize("questions", [1, 40, 200])
def test_a_plan_holds_every_bubble_once(questions: int) -> None:
    layout = design_layout(question_count=questions, number_digits=12)
    for page in layout:
        plan = plan_page(layout, page.number)
        assert len(plan.centres) == len(page.bubble_centres)
        assert sorted(np.concatenate(plan.blocks)) == list(range(len(plan.centres)))
