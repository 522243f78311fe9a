"""Reading one page of an answer sheet from a picture: the whole way from pixels to fields."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sheets.layout import VERSION, Layout
from sheets.reading import EssayCrop, FieldReading, FieldStatus, SheetReading
from workers.vision.alignment import Alignment, project
from workers.vision.ink import BubbleInk, measure_ink, sample_patches
from workers.vision.locate import LocatedPage, locate_page
from workers.vision.markers import MarkerFit
from workers.vision.marks import read_marks
from workers.vision.plan import PagePlan

GreyImage = NDArray[np.uint8]

SHARP_STEP: Final = 0.5
"""A step of half the contrast between two pixels is as sharp as sampling allows at any angle."""


def read_sheet(image: GreyImage, layout: Layout) -> SheetReading:
    """The page of ``layout`` that ``image`` (H, W) grey shows, at any angle, flat or photographed.

    The long side should have 800 pixels or more; above 2,600 it is reduced. Without a readable code a layout of one
    page is read all the same, with ``sheet_id`` None. Raises :class:`UnreadableSheet`.
    """
    return read_located(locate_page(image, layout), layout)


def read_located(located: LocatedPage, layout: Layout) -> SheetReading:
    """The reading of a page that was located already."""
    marks = read_marks(layout.page(located.page), measure_page(located), located.plan, located.is_trusted)
    found = [marker for marker in located.alignment.markers if marker is not None]
    return SheetReading(
        layout_fingerprint=layout.fingerprint,
        sheet_id=located.payload.sheet_id if located.payload else None,
        page=located.page,
        fields=marks.questions,
        student_number=marks.student_number,
        corners_found=len(found),
        rotation_degrees=_rotation(located.alignment, located.plan),
        sharpness=float(np.mean([_sharpness(marker) for marker in found])),
        version=agreed_version(located.payload.version if located.payload else "", marks.version),
        token=(located.payload.token or None) if located.payload else None,
        essays=_essay_crops(located, layout),
    )


def agreed_version(printed: str, marked: FieldReading | None) -> FieldReading | None:
    """The version of the exam: what the code says, unless somebody surely marked another one."""
    if not printed:
        return marked
    if marked is None:
        return FieldReading(VERSION, (printed,), FieldStatus.OK, 1.0)
    if marked.status is FieldStatus.BLANK or marked.values == (printed,):
        return replace(marked, values=(printed,), status=FieldStatus.OK, confidence=1.0)
    values = tuple(sorted({printed, *marked.values}))
    return replace(marked, values=values, status=FieldStatus.UNSURE, confidence=min(marked.confidence, 0.5))


def _essay_crops(located: LocatedPage, layout: Layout) -> tuple[EssayCrop, ...]:
    """The page's essay boxes in pixels of the picture as it was handed in."""
    crops = []
    for field in layout.page(located.page).essays:
        seen = located.alignment.place(np.array(field.box.corners, np.float64), located.plan)
        # reducing averages squares of pixels: the middle of the first lies half a square from the corner
        corners = (seen + 0.5) * located.factor - 0.5
        crops.append(EssayCrop(field.label, tuple((float(x), float(y)) for x, y in corners)))
    return tuple(crops)


def measure_page(located: LocatedPage) -> BubbleInk:
    """The ink of every bubble of a located page, in the order of its plan."""
    plan, alignment = located.plan, located.alignment
    centres = alignment.place_bubbles(plan)
    patches = sample_patches(located.image, centres, alignment.axes(plan.centres, plan.half_axes))
    blacks = [marker.black / max(marker.paper, 1.0) for marker in alignment.markers if marker is not None]
    return measure_ink(patches, plan.groups, plan.lone_rows, float(np.median(blacks)))


def _rotation(alignment: Alignment, plan: PagePlan) -> float:
    """How far the page's upright is turned clockwise in the picture, 0 up to 360 degrees."""
    width, height = plan.page_mm
    middle = np.array([[width / 2, height / 2 + 1], [width / 2, height / 2 - 1]])
    down, up = project(alignment.homography, middle)
    return math.degrees(math.atan2(float(up[0] - down[0]), float(down[1] - up[1]))) % 360


def _sharpness(marker: MarkerFit) -> float:
    return min(1.0, marker.sharpness / SHARP_STEP)
