"""Reading one page of an answer sheet from a picture: the whole way from pixels to fields."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.layout import Layout
from sheets.payload import PagePayload, parse_payload
from sheets.reading import SheetReading, UnreadableReason, UnreadableSheet
from workers.vision.alignment import Alignment, PagePlan, align, plan_page, project
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
MIN_AGREEMENT: Final = 0.4
"""Of the printed outlines: true alignments of generated pictures have 0.55 to 0.9, false ones up to 0.3."""
MIN_BLOCK_MATCH: Final = 0.25
"""A block of bubbles whose print is not there is covered, glaring or torn."""
MIN_BLOCK_BUBBLES: Final = 8
MIN_CONTRAST: Final = 25.0
DARK_LEVEL: Final = 60.0
SHARP_STEP: Final = 0.5
"""A step of half the contrast between two pixels is as sharp as sampling allows at any angle."""
BLURRED_SHARPNESS: Final = 0.25


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
    fields, number = read_fields(layout.page(located.page), measure_page(located), _trusted(located))
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
    centres = alignment.place_bubbles(plan)
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
    raise _why_not(working, layout, corners_seen=0)


def _check_picture(image: GreyImage) -> None:
    if image.ndim != 2 or image.dtype != np.uint8 or image.size == 0:
        raise UnreadableSheet(
            UnreadableReason.NOT_A_PICTURE, "This is not a picture. Hand in a photo or a scan of the sheet."
        )
    if max(image.shape) < MIN_LONG_SIDE or min(image.shape) < MIN_LONG_SIDE // 3:
        raise UnreadableSheet(
            UnreadableReason.NO_SHEET, "The picture is too small to read. Hand in the original photo, not a preview."
        )


def _measure_corners(
    image: GreyImage, hypothesis: Hypothesis, step: int, layout: Layout
) -> tuple[MarkerFit | None, ...]:
    size, hole = layout.markers.size_mm, layout.markers.hole_mm
    fits: list[MarkerFit | None] = []
    for index, corner in enumerate(hypothesis.corners):
        if corner is None:
            fits.append(None)
            continue
        share = 1.0 if index else 1 - (hole / size) ** 2
        x, y = (corner.x + 0.5) * step - 0.5, (corner.y + 0.5) * step - 0.5
        fits.append(measure_marker(image, x, y, corner.side * step, share))
    return tuple(fits)


def _lay_over(
    image: GreyImage, layout: Layout, homography: Doubles, fits: Sequence[MarkerFit | None]
) -> LocatedPage | None:
    """The page under ``homography`` if its print is really there, else None.

    Raises :class:`UnreadableSheet` when the print's code says that this is another sheet.
    """
    payload = _payload(read_code_at(image, homography, layout.code), layout)
    if payload is not None:
        pages: Sequence[int] = (payload.page,)
    elif len(layout.pages) == 1:
        pages = (1,)
    else:
        return None
    for page in pages:
        plan = plan_page(layout, page)
        alignment = align(image, plan, homography, fits)
        if alignment.agreement >= MIN_AGREEMENT:
            return LocatedPage(image, plan, page, payload, alignment)
    return None


def _payload(text: str | None, layout: Layout) -> PagePayload | None:
    """The code's content, None without one. Raises :class:`UnreadableSheet` for another sheet's code."""
    if text is None:
        return None
    try:
        payload = parse_payload(text)
    except ValueError:
        payload = None
    if payload is None or payload.fingerprint != layout.fingerprint or payload.page > len(layout.pages):
        raise UnreadableSheet(
            UnreadableReason.OTHER_SHEET, "This is another answer sheet. Check that it belongs to this exam."
        )
    return payload


def _why_not(image: GreyImage, layout: Layout, *, corners_seen: int) -> UnreadableSheet:
    """The likeliest reason why no page was found, for the person who took the picture."""
    bright = float(np.percentile(image[::8, ::8], 98))
    dark = float(np.percentile(image[::8, ::8], 2))
    if bright < DARK_LEVEL:
        return UnreadableSheet(UnreadableReason.TOO_DARK, "The picture is too dark. Turn on a light and try again.")
    if bright - dark < MIN_CONTRAST:
        return UnreadableSheet(UnreadableReason.NO_SHEET, "No answer sheet was found in this picture.")
    _payload(read_code(image), layout)
    return UnreadableSheet(UnreadableReason.NO_SHEET, "No answer sheet was found in this picture.")


def _trusted(located: LocatedPage) -> NDArray[np.bool_]:
    """For each bubble (N,) whether the print of its block was found."""
    trusted = np.ones(len(located.plan.centres), np.bool_)
    for block, match in zip(located.plan.blocks, located.alignment.matches, strict=True):
        if match < MIN_BLOCK_MATCH and len(block) >= MIN_BLOCK_BUBBLES:
            trusted[block] = False
    return trusted


def _rotation(alignment: Alignment, plan: PagePlan) -> float:
    """How far the page's upright is turned clockwise in the picture, 0 up to 360 degrees."""
    width, height = plan.page_mm
    middle = np.array([[width / 2, height / 2 + 1], [width / 2, height / 2 - 1]])
    down, up = project(alignment.homography, middle)
    return math.degrees(math.atan2(float(up[0] - down[0]), float(down[1] - up[1]))) % 360


def _sharpness(marker: MarkerFit) -> float:
    return min(1.0, marker.sharpness / SHARP_STEP)
