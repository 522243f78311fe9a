"""One page of a layout as arrays, ready for sampling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sheets.layout import ChoiceField, DigitsField, Layout, LayoutPage, NumericField, VersionField

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

BLOCK_ROWS: Final = 5
"""Rows whose outlines are looked for together: enough to average marks and noise away, few enough to follow a curl."""
MAX_BLOCK_DIGITS: Final = 4
MIN_LEVEL_WIDTH: Final = 4
"""Bubbles in a row of which the median is a blank, whatever is marked."""
LONE_PITCH_MM: Final = 8.0
"""Taken for the distance to the next row or column where a block has only one."""


@dataclass(frozen=True, slots=True, eq=False)
class Ghosts:
    """Places beside a block where a bubble would be if the block went on, and is none: an outline found there means
    that the alignment is off by one bubble. ``centres`` (K, 2) mm."""

    block: int
    centres: Floats


@dataclass(frozen=True, slots=True)
class Row:
    """The bubbles among which one is meant, or any number where ``has_several``: a question's choices, or a place's
    digits. ``is_printed``: the printer may have filled it, so it says nothing of the student's hand."""

    bubbles: slice
    has_several: bool
    is_printed: bool


@dataclass(frozen=True, slots=True, eq=False)
class PagePlan:
    """One page's bubbles as arrays: ``centres`` and ``half_axes`` (N, 2) mm, ``groups`` (N,) by print.

    ``rows`` are in the bubbles' order; ``lone_rows`` are those where one bubble is meant, by index, one array (R, W)
    for each width from ``MIN_LEVEL_WIDTH`` on. ``blocks`` of neighbouring bubbles by index; ``block_of`` (N,): the one
    each bubble is in; ``block_centres`` (B, 2) mm; ``shapes``: half axes in mm and the blocks of bubbles that have
    them. ``markers`` (4, 2) mm.
    """

    centres: Floats
    half_axes: Floats
    groups: NDArray[np.intp]
    rows: tuple[Row, ...]
    lone_rows: tuple[NDArray[np.intp], ...]
    blocks: tuple[NDArray[np.intp], ...]
    block_of: NDArray[np.intp]
    block_centres: Doubles
    shapes: tuple[tuple[tuple[float, float], tuple[int, ...]], ...]
    ghosts: tuple[Ghosts, ...]
    markers: Doubles
    page_mm: tuple[float, float]


@lru_cache(maxsize=16)
def plan_page(layout: Layout, number: int) -> PagePlan:
    """The arrays of one page."""
    page = layout.page(number)
    centres = np.array(page.bubble_centres, np.float32)
    half_axes = np.array([(shape.width_mm / 2, shape.height_mm / 2) for shape in page.bubble_shapes], np.float32)
    prints: dict[tuple[str, float, float], int] = {}
    groups = [
        prints.setdefault((symbol, field.shape.width_mm, field.shape.height_mm), len(prints))
        for field, symbol, _ in page.bubbles
    ]
    blocks = _blocks(page)
    block_of = np.empty(len(centres), np.intp)
    shapes: dict[tuple[float, float], list[int]] = {}
    for index, block in enumerate(blocks):
        block_of[block] = index
        half_width, half_height = half_axes[block[0]]
        shapes.setdefault((float(half_width), float(half_height)), []).append(index)
    rows = tuple(_rows(page))
    return PagePlan(
        centres=centres,
        half_axes=half_axes,
        groups=np.array(groups, np.intp),
        rows=rows,
        lone_rows=tuple(_lone_rows(rows)),
        blocks=tuple(np.array(block, np.intp) for block in blocks),
        block_of=block_of,
        shapes=tuple((shape, tuple(members)) for shape, members in shapes.items()),
        block_centres=np.array([centres[block].mean(axis=0) for block in blocks], np.float64),
        ghosts=_ghosts(centres, blocks),
        markers=np.array(layout.markers.centres, np.float64),
        page_mm=(layout.paper.width_mm, layout.paper.height_mm),
    )


def _rows(page: LayoutPage) -> Iterator[Row]:
    start = 0
    for field in page.bubble_fields:
        has_several = isinstance(field, ChoiceField) and field.has_several
        for column in field.columns:
            yield Row(slice(start, start + len(column)), has_several, isinstance(field, DigitsField | VersionField))
            start += len(column)


def rows_by_width(rows: Sequence[Row]) -> Iterator[tuple[list[Row], NDArray[np.intp]]]:
    """The ``rows`` of each width W, and their bubbles by index (R, W)."""
    of_width: dict[int, list[Row]] = {}
    for row in rows:
        of_width.setdefault(row.bubbles.stop - row.bubbles.start, []).append(row)
    for width, chosen in sorted(of_width.items()):
        yield chosen, np.array([row.bubbles.start for row in chosen], np.intp)[:, None] + np.arange(width)


def _lone_rows(rows: Sequence[Row]) -> Iterator[NDArray[np.intp]]:
    # where several may be marked the median of a row may be a mark
    for _, members in rows_by_width([row for row in rows if not row.has_several]):
        if members.shape[1] >= MIN_LEVEL_WIDTH:
            yield members


def _blocks(page: LayoutPage) -> list[list[int]]:
    """Neighbouring bubbles of one shape, by index."""
    blocks: list[list[int]] = []
    last: ChoiceField | None = None
    rows_in_block = 0
    start = 0
    for field in page.bubble_fields:
        count = sum(len(column) for column in field.columns)
        if isinstance(field, ChoiceField):
            if last is None or not _goes_on(last, field) or rows_in_block == BLOCK_ROWS:
                blocks.append([])
                rows_in_block = 0
            rows_in_block += 1
            last = field
            blocks[-1].extend(range(start, start + count))
        elif isinstance(field, VersionField):
            blocks.append(list(range(start, start + count)))
        else:
            blocks.extend(_column_blocks(field, start))
        start += count
    return blocks


def _goes_on(last: ChoiceField, field: ChoiceField) -> bool:
    (last_x, last_y), (x, y) = last.centres[0], field.centres[0]
    return x == last_x and 0 < y - last_y < 2 * LONE_PITCH_MM and field.shape == last.shape


def _column_blocks(field: DigitsField | NumericField, start: int) -> list[list[int]]:
    """The upper and the lower rows, at most ``MAX_BLOCK_DIGITS`` columns wide; a lone column stays whole."""
    count = len(field.columns)
    across = -(-count // MAX_BLOCK_DIGITS)
    rows = BLOCK_ROWS if count > 1 else 2 * BLOCK_ROWS
    parts: dict[tuple[int, int], list[int]] = {}
    for place, column in enumerate(field.columns):
        for row in range(len(column)):
            parts.setdefault((place * across // count, row // rows), []).append(start)
            start += 1
    return list(parts.values())


def _ghosts(centres: Floats, blocks: list[list[int]]) -> tuple[Ghosts, ...]:
    found = []
    for index, block in enumerate(blocks):
        members = centres[block]
        pitch_x, pitch_y = (_pitch(members[:, axis]) for axis in (0, 1))
        for step in ((-pitch_x, 0.0), (pitch_x, 0.0), (0.0, -pitch_y), (0.0, pitch_y)):
            places = members + np.array(step, np.float32)
            apart = np.hypot(*(places[:, None] - centres[None]).transpose(2, 0, 1)).min(axis=1)
            free = places[apart > 0.7 * min(pitch_x, pitch_y)]
            if len(free):
                found.append(Ghosts(index, free))
    return tuple(found)


def _pitch(values: Floats) -> float:
    """The distance between neighbours among coordinates (N,)."""
    steps = np.diff(np.unique(values))
    return float(steps.min()) if len(steps) else LONE_PITCH_MM
