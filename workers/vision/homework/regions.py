"""Where the problems of a page are: found by the numbers they begin with, for a person to correct.

A number is what stands first in its line, is shaped like one (``1.`` ``12)`` ``01`` ``①``), and stands under others
like it. What the digits are is not read: problems are numbered in the order in which they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.homework import MAX_REGIONS, Region
from workers.vision.homework.paper import PX_PER_MM, Floats

PRINTED: Final = 0.35
DIGIT_HEIGHT_MM: Final = (1.6, 7.5)
SPECK_MM: Final = 0.25
CLEAR_LEFT_MM: Final = 5.0
"""Nothing stands before a problem's number, for two characters and more."""
ALIGNED_MM: Final = 1.6
MIN_COLUMN_MM: Final = 45.0
ABOVE_MM: Final = 2.2
BEFORE_MM: Final = 2.0
MARGIN_MM: Final = 6.0
MIN_HEIGHT_MM: Final = 6.0
FOOTER_MM: Final = 14.0
GUTTER_INK: Final = 0.03
"""Rows of a strip between two columns that something reaches into: a figure a little too wide."""


class Kind(IntEnum):
    """What a number looks like, the surest first."""

    DOTTED = 0
    PAIR = 1
    CIRCLED = 2


@dataclass(frozen=True, slots=True)
class Number:
    """What may be a problem's number: its box in mm."""

    kind: Kind
    x: float
    y: float
    height: float


def propose_regions(ink: Floats, first_label: int = 1) -> tuple[Region, ...]:
    """The problems of a page whose ``ink`` (H, W) is given at ``PX_PER_MM``, in reading order; () when none is seen.

    Labels count on from ``first_label``.
    """
    columns = _columns(_numbers(ink), ink)
    if sum(map(len, columns)) < 2:
        return ()
    return _boxes(columns, (ink.shape[1] / PX_PER_MM, ink.shape[0] / PX_PER_MM), first_label)


def _numbers(ink: Floats) -> list[Number]:
    _, _, stats, _ = cv2.connectedComponentsWithStats((ink > PRINTED).astype(np.uint8), connectivity=8)
    boxes = stats[1:, :4].astype(np.float64) / PX_PER_MM  # x, y, width, height
    areas = stats[1:, 4] / PX_PER_MM**2
    is_piece = (boxes[:, 3] >= SPECK_MM) & (boxes[:, 2] >= 0.15) & (boxes[:, 3] <= DIGIT_HEIGHT_MM[1])
    is_piece &= boxes[:, 2] <= 12
    boxes, areas = boxes[is_piece], areas[is_piece]
    everything = stats[1:, :4].astype(np.float64) / PX_PER_MM
    everything = everything[(everything[:, 2] >= SPECK_MM) | (everything[:, 3] >= SPECK_MM)]
    order = np.argsort(boxes[:, 0])
    boxes, areas = boxes[order].astype(np.float64), areas[order].astype(np.float64)
    found = []
    pieces, inked = np.asarray(boxes, np.float64), np.asarray(areas, np.float64)
    for index, (x, y, width, height) in enumerate(pieces):
        if not DIGIT_HEIGHT_MM[0] <= height <= DIGIT_HEIGHT_MM[1] or width > 1.35 * height:
            continue
        is_around = (boxes[:, 0] < x) & (boxes[:, 1] < y) & (boxes[:, 0] + boxes[:, 2] > x + width)
        if (is_around & (boxes[:, 1] + boxes[:, 3] > y + height)).any():
            continue  # the digit within a circled number
        if _is_something_left(everything, x, y, height):
            continue
        kind = _kind(pieces, inked, index)
        if kind is not None:
            found.append(Number(kind, float(x), float(y), float(height)))
    return found


def _is_something_left(boxes: NDArray[np.float64], x: float, y: float, height: float) -> bool:
    right = boxes[:, 0] + boxes[:, 2]
    is_level = (boxes[:, 1] < y + 0.8 * height) & (boxes[:, 1] + boxes[:, 3] > y + 0.2 * height)
    # what encloses the number, as a frame does, is not before it
    is_before = (boxes[:, 0] < x - 0.05) & (right > x - CLEAR_LEFT_MM) & (right < x + 0.3 * height)
    is_rule = boxes[:, 2] < 0.6
    is_rule &= boxes[:, 3] > 15  # the line between two columns
    return bool((is_level & is_before & ~is_rule).any())


def _kind(boxes: NDArray[np.float64], areas: NDArray[np.float64], first: int) -> Kind | None:
    """What begins with the piece ``first``: the pieces that follow closely on its line decide."""
    x, y, width, height = boxes[first]
    is_inside = (boxes[:, 0] > x) & (boxes[:, 0] + boxes[:, 2] < x + width)
    is_inside &= (boxes[:, 1] > y) & (boxes[:, 1] + boxes[:, 3] < y + height)
    if 0.85 <= width / height <= 1.18 and is_inside.any() and areas[first] < 0.5 * width * height:
        return Kind.CIRCLED
    digits = [first] if width <= 0.95 * height else []
    end, base = x + width, y + height
    for index in np.argsort(boxes[:, 0]):
        px, py, pw, ph = boxes[index]
        if index == first or px < end - 0.25 * height or not digits:
            continue
        gap = px - end
        if gap > 0.55 * height:
            if py < base and py + ph > y:
                break
            continue
        is_dot = ph <= 0.34 * height and pw <= 0.34 * height and abs(py + ph - base) <= 0.18 * height
        is_bracket = pw <= 0.45 * height and 1.0 * height <= ph <= 1.55 * height and py <= y + 0.1 * height
        is_digit = abs(py - y) <= 0.15 * height and abs(py + ph - base) <= 0.15 * height and pw <= 0.95 * height
        if is_dot or (is_bracket and not is_digit):
            return Kind.DOTTED
        if not is_digit:
            if py < base and py + ph > y:
                return None
            continue
        digits.append(int(index))
        end = px + pw
        if len(digits) > 3:
            return None
    return Kind.PAIR if len(digits) == 2 else None


def _columns(numbers: Sequence[Number], ink: Floats) -> list[list[Number]]:
    """The numbers by the left edge that they share, from the left: one group for each column of the page.

    Numbers within a problem, as those of its choices, stand further right than its own.
    """
    groups: list[list[Number]] = []
    for number in sorted(numbers, key=lambda found: found.x):
        if groups and number.x - groups[-1][0].x <= ALIGNED_MM:
            groups[-1].append(number)
        else:
            groups.append([number])
    kept: list[list[Number]] = []
    for group in groups:
        if not kept:
            if len(group) >= 2:
                kept.append(_alike(group, group, ink.shape[0] / PX_PER_MM))
            continue
        is_apart = group[0].x - kept[-1][0].x >= MIN_COLUMN_MM
        alike = _alike(group, kept[0], ink.shape[0] / PX_PER_MM)
        if is_apart and alike and _is_gutter(ink, group[0].x, kept[0]):
            kept.append(alike)
    return kept


def _alike(group: Sequence[Number], model: Sequence[Number], height_mm: float) -> list[Number]:
    """Those of ``group`` that are of the kind and size of ``model``'s most, in the part of the page where it is."""
    kinds = [number.kind for number in model]
    common = max(set(kinds), key=kinds.count)
    height = float(np.median([number.height for number in model if number.kind is common]))
    top = min(number.y for number in model)
    bottom = min(max(number.y for number in model) + 60, height_mm - FOOTER_MM)
    found = [
        number
        for number in group
        if (number.kind is common or Kind.CIRCLED not in (number.kind, common))
        and 0.75 * height <= number.height <= 1.35 * height
        and top - 12 <= number.y <= bottom
    ]
    return sorted(found, key=lambda number: number.y)


def _is_gutter(ink: Floats, x: float, first: Sequence[Number]) -> bool:
    """Whether the strip left of ``x`` mm is empty from the first column's top on, but for a line between columns."""
    top = round((min(number.y for number in first) + 2) * PX_PER_MM)
    bottom = ink.shape[0] - round(FOOTER_MM * PX_PER_MM)
    strip = ink[top:bottom, max(round((x - 3.5) * PX_PER_MM), 0) : round((x - 0.8) * PX_PER_MM)] > PRINTED
    if not strip.size:
        return False
    columns = strip.mean(axis=0) < 0.6  # not the line
    return bool(columns.any()) and float(strip[:, columns].any(axis=1).mean()) < GUTTER_INK


def _boxes(columns: list[list[Number]], paper_mm: tuple[float, float], first_label: int) -> tuple[Region, ...]:
    regions: list[Region] = []
    lefts = [min(number.x for number in column) - BEFORE_MM for column in columns]
    for index, column in enumerate(columns):
        right = lefts[index + 1] - 0.5 if index + 1 < len(columns) else paper_mm[0] - MARGIN_MM
        left = max(lefts[index], 0.5)
        tops = [max(number.y - ABOVE_MM, 0.5) for number in sorted(column, key=lambda found: found.y)]
        for top, below in zip(tops, [*tops[1:], paper_mm[1] - MARGIN_MM], strict=True):
            if below - top < MIN_HEIGHT_MM or right - left < MIN_HEIGHT_MM:
                continue
            label = str(first_label + len(regions))
            regions.append(Region(label, round(left, 2), round(top, 2), round(right - left, 2), round(below - top, 2)))
    return tuple(regions[:MAX_REGIONS])
