"""One page of a layout as arrays, ready for sampling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
class _Row:
    """The bubbles among which one is meant, or any number where ``has_several``: a question's choices, or a place's
    digits. ``is_printed``: the printer may have filled it, so it says nothing of the student's hand."""

    start: int
    width: int
    has_several: bool
    is_printed: bool


@dataclass(frozen=True, slots=True, eq=False)
class PagePlan:
    """One page's bubbles as arrays: ``centres`` and ``half_axes`` (N, 2) mm, ``groups`` (N,) by print.

    ``row_starts`` (R,) are in the bubbles' order. Bubbles by index, one array (K, W) for each width W of row: in
    ``rows`` all, beside whether several may be meant (K,); in ``answered`` and ``printed`` those of rows that only a
    person fills and that the printer may; in ``lone_rows``, from ``MIN_LEVEL_WIDTH`` on, where one is meant.
    ``blocks`` of neighbouring bubbles by index; ``block_of`` (N,): the one each bubble is in; ``block_centres`` (B, 2)
    mm; ``shapes``: half axes in mm and the blocks of bubbles that have them. ``markers`` (4, 2) mm.
    """

    centres: Floats
    half_axes: Floats
    groups: NDArray[np.intp]
    row_starts: NDArray[np.intp]
    rows: tuple[tuple[NDArray[np.intp], NDArray[np.bool_]], ...]
    answered: tuple[NDArray[np.intp], ...]
    printed: tuple[NDArray[np.intp], ...]
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
        row_starts=np.array([row.start for row in rows], np.intp),
        rows=tuple((_members(same), np.array([row.has_several for row in same])) for same in _by_width(rows)),
        answered=tuple(_members(same) for same in _by_width(row for row in rows if not row.is_printed)),
        printed=tuple(_members(same) for same in _by_width(row for row in rows if row.is_printed)),
        # where several may be marked the median of a row may be a mark
        lone_rows=tuple(
            _members(same)
            for same in _by_width(row for row in rows if not row.has_several)
            if same[0].width >= MIN_LEVEL_WIDTH
        ),
        blocks=tuple(np.array(block, np.intp) for block in blocks),
        block_of=block_of,
        shapes=tuple((shape, tuple(members)) for shape, members in shapes.items()),
        block_centres=np.array([centres[block].mean(axis=0) for block in blocks], np.float64),
        ghosts=_ghosts(centres, blocks),
        markers=np.array(layout.markers.centres, np.float64),
        page_mm=(layout.paper.width_mm, layout.paper.height_mm),
    )


def _rows(page: LayoutPage) -> Iterator[_Row]:
    start = 0
    for field in page.bubble_fields:
        has_several = isinstance(field, ChoiceField) and field.has_several
        for column in field.columns:
            yield _Row(start, len(column), has_several, isinstance(field, DigitsField | VersionField))
            start += len(column)


def _by_width(rows: Iterable[_Row]) -> list[list[_Row]]:
    found: dict[int, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.width, []).append(row)
    return [found[width] for width in sorted(found)]


def _members(rows: Sequence[_Row]) -> NDArray[np.intp]:
    """The bubbles by index (R, W) of ``rows`` of one width."""
    return np.array([row.start for row in rows], np.intp)[:, None] + np.arange(rows[0].width)


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
