"""Where the lines of a page are and in which order they are read: columns, blocks, rows of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.text.pages import Box

MIN_LETTER_PX: Final = 4
HALVED_FROM_PX: Final = 2400
"""A long side from which letters are measured at half the resolution: in a quarter of the time (10 ms rather than 40),
and on 19 of 20 pages with the same result to a pixel."""
GAP_UNITS: Final = 1.15
"""Letters nearer than this many letter heights are one segment of a line, across the spaces between words."""
COLUMN_UNITS: Final = 5.0
"""A column of text is wider than this many letter heights in the median; a table's cells are narrower."""
COLUMN_LINES: Final = 3
BLOCK_GAP: Final = 1.75
"""Of the usual distance between lines: a longer one begins a new block."""
MAX_SEGMENTS: Final = 3000
"""Of one page, the largest: halftone and noise have no end of them."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Ink that stands together in one line. ``label``: its number in the map of labels."""

    box: Box
    label: int

    @property
    def middle(self) -> float:
        return self.box.y + self.box.height / 2

    @property
    def middle_x(self) -> float:
        return self.box.x + self.box.width / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Segments by line, lines by block, all in reading order. ``labels`` (H, W) int32 says whose each pixel is.

    ``unit``: the usual height of a letter in pixels.
    """

    blocks: tuple[tuple[tuple[Segment, ...], ...], ...]
    labels: NDArray[np.int32]
    unit: float


def letter_height(ink: NDArray[np.uint8], *, tallest_share: float = 0.125) -> float | None:
    """The usual height of a letter's larger parts in pixels; None where there are no letters.

    ``tallest_share``: of the picture's height; what is taller is a drawing.
    """
    factor = 2 if max(ink.shape) >= HALVED_FROM_PX else 1
    small = np.ascontiguousarray(ink[::factor, ::factor])
    _, _, stats, _ = cv2.connectedComponentsWithStats(small, connectivity=8)
    heights, widths, areas = stats[1:, cv2.CC_STAT_HEIGHT], stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_AREA]
    is_letter = (heights >= MIN_LETTER_PX) & (heights <= small.shape[0] * tallest_share) & (widths < small.shape[1] / 3)
    found = heights[is_letter & (areas >= 8)] * factor
    if found.size < 3:
        return None
    # Weighted by height: dots and strokes of a scan's grain are many, and say nothing.
    order = np.sort(found)
    weight = np.cumsum(order)
    return float(order[int(np.searchsorted(weight, weight[-1] * 0.6))])


def find_layout(ink: NDArray[np.uint8], rules: NDArray[np.uint8], unit: float) -> Layout | None:
    """The lines of ``ink`` (H, W; 255 is ink, upright, its rules taken out), whose letters are ``unit`` px high.

    None for a page without lines.
    """
    reach = max(round(unit * GAP_UNITS), 3)
    rise = max(round(unit * 0.3), 1)
    # A rule keeps what stands on its two sides apart, however near.
    barrier = cv2.morphologyEx(rules, cv2.MORPH_OPEN, np.ones((max(round(unit * 2), 8), 1), np.uint8))
    joined = cv2.morphologyEx(
        cv2.copyMakeBorder(ink, 0, 0, reach, reach, cv2.BORDER_CONSTANT, value=(0,)),
        cv2.MORPH_CLOSE,
        np.ones((1, reach), np.uint8),
    )[:, reach:-reach]
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, np.ones((rise, 1), np.uint8))
    joined = np.asarray(cv2.subtract(joined, barrier), np.uint8)
    _, found_labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    labels = np.asarray(found_labels, np.int32)
    segments = [
        Segment(Box(int(row[0]), int(row[1]), int(row[2]), int(row[3])), label)
        for label, row in enumerate(stats)
        if label and _may_be_text(row, unit)
    ]
    segments = sorted(segments, key=lambda found: -found.box.width * found.box.height)[:MAX_SEGMENTS]
    segments = _joined_strays(segments, labels, unit)
    if not segments:
        return None
    blocks = [block for column in _columns(segments, unit) for block in _blocks(_rows(column), unit)]
    return Layout(tuple(tuple(tuple(row) for row in block) for block in blocks), labels, unit)


def _may_be_text(stats: NDArray[np.int32], unit: float) -> bool:
    _, _, width, height, area = (int(value) for value in stats)
    if height > 5 * unit and width > 5 * unit and area > 0.25 * width * height and height > 0.5 * width:
        return False  # a picture
    return height >= 0.25 * unit and max(width, height) >= 0.5 * unit and area >= 0.1 * unit * unit


def _joined_strays(segments: list[Segment], labels: NDArray[np.int32], unit: float) -> list[Segment]:
    """What stands above, below or within a line's band without touching it (dots, accents) belongs to that line.

    ``labels`` (H, W) says so afterwards.
    """
    lines = [found for found in segments if found.box.height >= 0.6 * unit]
    boxes = {found.label: found.box for found in lines}
    for stray in segments:
        if stray.label in boxes:
            continue
        hosts = [
            host
            for host in lines
            if host.box.x - unit <= stray.middle_x <= host.box.right + unit
            and host.box.y - 0.25 * unit <= stray.middle <= host.box.bottom + 0.25 * unit
        ]
        if hosts:
            host = min(hosts, key=lambda found: abs(found.middle - stray.middle))
            own = labels[stray.box.y : stray.box.bottom, stray.box.x : stray.box.right]
            own[own == stray.label] = host.label
            boxes[host.label] = boxes[host.label].around(stray.box)
    return [Segment(box, label) for label, box in boxes.items()]


def _columns(segments: Sequence[Segment], unit: float, depth: int = 0) -> list[list[Segment]]:
    """Parts of the page to be read one after the other; within one, lines simply follow each other downwards."""
    cut = _gutter(segments, unit) if depth < 6 else None
    if cut is None:
        return [list(segments)]
    across = sorted((found for found in segments if found.box.x < cut < found.box.right), key=lambda found: found.box.y)
    parts: list[list[Segment]] = []
    rest = [found for found in segments if not found.box.x < cut < found.box.right]
    for stop in [*across, None]:
        band = [found for found in rest if stop is None or found.middle < stop.middle]
        rest = [found for found in rest if stop is not None and found.middle >= stop.middle]
        for side in ([f for f in band if f.box.right <= cut], [f for f in band if f.box.x >= cut]):
            if side:
                parts += _columns(side, unit, depth + 1)
        if stop is not None:
            parts.append([stop])
    return _merged_singles(parts)


def _merged_singles(parts: list[list[Segment]]) -> list[list[Segment]]:
    """Lines across the whole page that follow each other are one part."""
    merged: list[list[Segment]] = []
    was_single = False
    for part in parts:
        is_single = len(part) == 1
        if is_single and was_single:
            merged[-1] += part
        else:
            merged.append(list(part))
        was_single = is_single
    return merged


def _gutter(segments: Sequence[Segment], unit: float) -> float | None:
    """The x between two columns, or None. Nearly no line crosses it, and both sides are columns of text."""
    if len(segments) < 2 * COLUMN_LINES:
        return None
    left, right = min(found.box.x for found in segments), max(found.box.right for found in segments)
    crossing = np.zeros(right - left + 2, np.int64)
    for found in segments:
        crossing[found.box.x - left] += 1
        crossing[found.box.right - left + 1] -= 1
    crossing = np.cumsum(crossing)
    limit = max(1, round(0.12 * len(segments) / 2))
    free = crossing <= limit
    best: tuple[float, float] | None = None
    edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]])))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        lowest = int(crossing[start:stop].min())
        spots = np.flatnonzero(crossing[start:stop] == lowest)
        x = left + start + float(spots[len(spots) // 2])
        if not left + 0.15 * (right - left) < x < right - 0.15 * (right - left):
            continue
        sides = ([f for f in segments if f.box.right <= x], [f for f in segments if f.box.x >= x])
        if all(len(side) >= COLUMN_LINES and _is_column(side, unit) for side in sides):
            worth = (stop - start) / unit - 3 * lowest
            if (stop - start) >= 0.8 * unit and (best is None or worth > best[0]):
                best = (worth, x)
    return best[1] if best else None


def _is_column(side: Sequence[Segment], unit: float) -> bool:
    """Whether these are lines of a column rather than cells of a table: most are wide, alone in their row."""
    rows = _rows(side)
    if len(rows) < COLUMN_LINES:
        return False
    widths = [row[-1].box.right - row[0].box.x for row in rows]
    return float(np.median(widths)) >= COLUMN_UNITS * unit


def _rows(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Segments that stand side by side, from left to right, the rows from top to bottom."""
    rows: list[list[Segment]] = []
    for found in sorted(segments, key=lambda segment: segment.middle):
        row = rows[-1] if rows else None
        if row is not None:
            last = min(row, key=lambda other: _distance(other.box, found.box))
            overlap = min(last.box.bottom, found.box.bottom) - max(last.box.y, found.box.y)
            if overlap > 0.5 * min(last.box.height, found.box.height) and _distance(last.box, found.box) >= 0:
                row.append(found)
                continue
        rows.append([found])
    return [sorted(row, key=lambda segment: segment.box.x) for row in rows]


def _distance(this: Box, that: Box) -> int:
    """The gap between two boxes from left to right; negative where they overlap."""
    return max(this.x, that.x) - min(this.right, that.right)


def _blocks(rows: list[list[Segment]], unit: float) -> list[list[list[Segment]]]:
    """Rows that follow each other at the usual distance are one block."""
    if not rows:
        return []
    middles = [float(np.mean([found.middle for found in row])) for row in rows]
    steps = np.diff(middles)
    usual = float(np.median(steps)) if steps.size else unit
    blocks = [[rows[0]]]
    for row, step in zip(rows[1:], steps, strict=True):
        if step > BLOCK_GAP * max(usual, unit):
            blocks.append([])
        blocks[-1].append(row)
    return blocks
