"""The page straightened, with what was read drawn on it: what a teacher looks at before believing a reading."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.boxes import OVERLAY_PIXELS_PER_MM
from sheets.layout import (
    BubbleShape,
    ChoiceField,
    DigitsField,
    EssayField,
    Layout,
    NumericField,
    Point,
    VersionField,
)
from sheets.reading import FieldReading, FieldStatus, SheetReading
from workers.vision.alignment import Alignment
from workers.vision.locate import LocatedPage, locate_page, working_factor
from workers.vision.markers import reduce_image

ColourImage = NDArray[np.uint8]
Doubles = NDArray[np.float64]

GREEN: Final = (72, 148, 22)
AMBER: Final = (16, 140, 240)
RED: Final = (50, 40, 214)
GREY: Final = (150, 150, 150)
_COLOUR: Final = {
    FieldStatus.OK: GREEN,
    FieldStatus.UNSURE: AMBER,
    FieldStatus.MULTIPLE: RED,
    FieldStatus.BLANK: GREY,
}
_SHIFT: Final = 4


def draw_overlay(
    image: NDArray[np.uint8], layout: Layout, reading: SheetReading, located: LocatedPage | None = None
) -> ColourImage:
    """The page in ``image``, grey (H, W) or BGR (H, W, 3), straightened to (h, w, 3) BGR at about 100 dpi.

    Marked choices are ringed: green read, amber unsure, red where there are several; a blank or undecided question gets
    a frame; digits stand above their columns; the boxes that are cut out for teachers are outlined. ``reading`` is that
    of the same image, and so is ``located``, which saves locating the page a second time. Raises
    :class:`~sheets.reading.UnreadableSheet` as reading does.
    """
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    located = located or locate_page(grey, layout)
    working = reduce_image(image, working_factor(image))
    canvas = _straighten(working, layout, located.alignment)
    places = _places(located)
    page = layout.page(located.page)
    by_label = {field.label: field for field in reading.fields}
    by_label |= {found.label: found for found in (reading.student_number, reading.version) if found is not None}
    start = 0
    for field in page.bubble_fields:
        stop = start + sum(len(column) for column in field.columns)
        found = by_label.get(field.label)
        if found is None:
            pass
        elif isinstance(field, ChoiceField | VersionField):
            _draw_question(canvas, found, field, places[start:stop])
        else:
            _draw_digits(canvas, field, found, places[start:stop])
        start = stop
    for essay in page.essays:
        _draw_box(canvas, located, essay)
    return canvas


def _straighten(image: NDArray[np.uint8], layout: Layout, alignment: Alignment) -> ColourImage:
    scale = OVERLAY_PIXELS_PER_MM
    size = (round(layout.paper.width_mm * scale), round(layout.paper.height_mm * scale))
    to_picture = alignment.homography @ np.diag([1 / scale, 1 / scale, 1.0])
    straight = cv2.warpPerspective(
        image, to_picture, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    if straight.ndim == 2:
        straight = cv2.cvtColor(straight, cv2.COLOR_GRAY2BGR)
    return np.ascontiguousarray(straight, np.uint8)


def _places(located: LocatedPage) -> Doubles:
    """The plan's bubbles on the straightened page, (N, 2) pixels, curl and all."""
    alignment, plan = located.alignment, located.plan
    seen = alignment.place_bubbles(plan).astype(np.float64)[None]
    places: Doubles = cv2.perspectiveTransform(seen, np.linalg.inv(alignment.homography))[0] * OVERLAY_PIXELS_PER_MM
    return places


def _draw_question(
    canvas: ColourImage, found: FieldReading, field: ChoiceField | VersionField, places: Doubles
) -> None:
    colour = _COLOUR[found.status]
    shape = field.shape
    for value in found.values:
        if value in field.choices:  # the version may come from the code
            _ring(canvas, places[field.choices.index(value)], shape, colour)
    if found.status is FieldStatus.BLANK or (found.status is FieldStatus.UNSURE and not found.values):
        half_x, half_y = shape.width_mm / 2 + 0.9, shape.height_mm / 2 + 0.7
        _frame(canvas, places[0], places[-1], (half_x, half_y), colour)


def _draw_digits(canvas: ColourImage, field: DigitsField | NumericField, found: FieldReading, places: Doubles) -> None:
    """What was read above each column, with a ring round its bubble."""
    start = 0
    for symbols, status, symbol in zip(field.symbols, found.places, _symbols_of(field, found), strict=True):
        column = places[start : start + len(symbols)]
        start += len(symbols)
        if status is FieldStatus.BLANK and isinstance(field, NumericField):
            continue
        colour = GREEN if symbol in symbols else _COLOUR[FieldStatus.UNSURE]
        if symbol in symbols:
            _ring(canvas, column[symbols.index(symbol)], field.shape, colour)
        _letter(canvas, symbol, column[0] + (column[0] - column[1]) * 1.4, colour)
    if isinstance(field, NumericField) and found.status in (FieldStatus.BLANK, FieldStatus.UNSURE):
        half = (field.shape.width_mm / 2 + 0.7, field.shape.height_mm / 2 + 0.7)
        _frame(canvas, places.min(axis=0), places.max(axis=0), half, _COLOUR[found.status])


def _symbols_of(field: DigitsField | NumericField, found: FieldReading) -> list[str]:
    """The symbol that was read in each column, ``?`` where there is none."""
    symbols = []
    start = 0
    for options, status in zip(field.symbols, found.places, strict=True):
        ink = found.ink[start : start + len(options)]
        start += len(options)
        symbols.append(options[int(np.argmax(ink))] if status is FieldStatus.OK and ink else "?")
    return symbols


def _draw_box(canvas: ColourImage, located: LocatedPage, essay: EssayField) -> None:
    seen = located.alignment.place(np.array(essay.box.corners, np.float64), located.plan).astype(np.float64)[None]
    corners = cv2.perspectiveTransform(seen, np.linalg.inv(located.alignment.homography))[0] * OVERLAY_PIXELS_PER_MM
    cv2.polylines(canvas, [corners.round().astype(np.int32)], True, GREEN, 2, cv2.LINE_AA)


def _ring(canvas: ColourImage, place: Doubles, shape: BubbleShape, colour: tuple[int, int, int]) -> None:
    scale = (1 << _SHIFT) * OVERLAY_PIXELS_PER_MM
    centre = tuple(round(float(value) * (1 << _SHIFT)) for value in place)
    axes = (round((shape.width_mm / 2 + 0.75) * scale), round((shape.height_mm / 2 + 0.75) * scale))
    cv2.ellipse(canvas, (centre[0], centre[1]), axes, 0, 0, 360, colour, 3, cv2.LINE_AA, _SHIFT)


def _frame(canvas: ColourImage, first: Doubles, last: Doubles, half_mm: Point, colour: tuple[int, int, int]) -> None:
    margin = np.array(half_mm) * OVERLAY_PIXELS_PER_MM
    top_left, bottom_right = np.minimum(first, last) - margin, np.maximum(first, last) + margin
    corners = [tuple(round(float(value)) for value in corner) for corner in (top_left, bottom_right)]
    cv2.rectangle(canvas, corners[0], corners[1], colour, 2, cv2.LINE_AA)


def _letter(canvas: ColourImage, letter: str, place: Doubles, colour: tuple[int, int, int]) -> None:
    font, size, weight = cv2.FONT_HERSHEY_DUPLEX, 0.8, 2
    (width, height), _ = cv2.getTextSize(letter, font, size, weight)
    corner = (round(float(place[0]) - width / 2), round(float(place[1]) + height / 2))
    cv2.putText(canvas, letter, corner, font, size, (255, 255, 255), weight + 3, cv2.LINE_AA)
    cv2.putText(canvas, letter, corner, font, size, colour, weight, cv2.LINE_AA)
