"""Reading one page of an answer sheet from a picture: the whole way from pixels to fields."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.layout import Layout
from sheets.payload import PagePayload, parse_payload
from sheets.reading import SheetReading, UnreadableReason, UnreadableSheet
from workers.vision.alignment import GOOD_MATCH, Alignment, PagePlan, align, plan_page
from workers.vision.ink import BubbleInk, measure_ink, sample_patches
from workers.vision.marks import read_fields
from workers.vision.markers import (
    Hypothesis,
    MarkerFit,
    find_candidates,
    four_corner_hypotheses,
    measure_marker,
    reduce_image,
    thumbnail,
)
from workers.vision.page_code import read_code, read_code_at

GreyImage = NDArray[np.uint8]
Doubles = NDArray[np.float64]

MIN_LONG_SIDE: Final = 500
"""A4 at 500 pixels is 1.7 pixels per mm: a bubble's outline is gone and so is the proof of the alignment."""
WORKING_LONG_SIDE: Final = 2600
"""Larger pictures are halved: bubbles need 4 pixels per mm, and halving averages a scan's dither away."""
MAX_TRIES: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class LocatedPage:
    """A page found in a picture: the picture it was found in, how it lies, what its code says."""

    image: GreyImage
    plan: PagePlan
    page: int
    payload: PagePayload | None
    alignment: Alignment


def read_sheet(image: GreyImage, layout: Layout) -> SheetReading:
    """The page of ``layout`` that ``image`` (H, W) grey shows, at any angle, flat or photographed.

    The long side should have 800 pixels or more; above 2,600 it is reduced. Without a readable code a layout of one
    page is read all the same, with ``sheet_id`` None. Raises :class:`UnreadableSheet`.
    """
    located = locate_page(image, layout)
    fields, number = read_fields(layout.page(located.page), measure_page(located))
    found = [marker for marker in located.alignment.markers if marker is not None]
    return SheetReading(
        layout_fingerprint=layout.fingerprint,
        sheet_id=located.payload.sheet_id if located.payload else None,
        page=located.page,
        fields=fields,
        student_number=number,
        corners_found=len(found),
        rotation_degrees=_rotation(located.alignment, located.plan),
        sharpness=float(np.mean([_sharpness(marker) for marker in found])),
    )


def measure_page(located: LocatedPage) -> BubbleInk:
    """The ink of every bubble of a located page, in the order of its plan."""
    plan, alignment = located.plan, located.alignment
    centres = alignment.place(plan.centres, plan)
    patches = sample_patches(located.image, centres, alignment.axes(plan.centres, plan.half_axes))
    blacks = [marker.black / max(marker.paper, 1.0) for marker in alignment.markers if marker is not None]
    return measure_ink(patches, plan.groups, float(np.median(blacks)))


def locate_page(image: GreyImage, layout: Layout) -> LocatedPage:
    """Find the page in ``image`` (H, W) and lay the layout over it. Raises :class:`UnreadableSheet`."""
    _check_picture(image)
    factor = math.ceil(max(image.shape) / WORKING_LONG_SIDE)
    working = reduce_image(image, factor)
    small, step = thumbnail(working)
    candidates = find_candidates(small)
    markers = np.array(layout.markers.centres, np.float64)
    tried = 0
    for hypothesis in four_corner_hypotheses(candidates, markers, layout.markers.size_mm, layout.markers.hole_mm):
        fits = _measure_corners(working, hypothesis, step, layout)
        if any(fit is None for fit in fits):
            continue
        places = np.array([(fit.x, fit.y) for fit in fits if fit is not None], np.float32)
        homography = cv2.getPerspectiveTransform(markers.astype(np.float32), places).astype(np.float64)
        located = _lay_over(working, layout, homography, fits)
        if located is not None:
            return located
        tried += 1
        if tried == MAX_TRIES:
            break
    raise _why_not(working, layout, candidates_found=len(candidates))
