"""One page of a layout as arrays, ready for sampling."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sheets.layout import Layout

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

BLOCK_ROWS: Final = 5
"""Rows whose outlines are looked for together: enough to average marks and noise away, few enough to follow a curl."""
MAX_BLOCK_DIGITS: Final = 4
LONE_PITCH_MM: Final = 8.0
"""Taken for the distance to the next row or column where a block has only one."""


@dataclass(frozen=True, slots=True, eq=False)
class Ghosts:
    """Places beside a block where a bubble would be if the block went on, and is none: an outline found there means
    that the alignment is off by one bubble. ``centres`` (K, 2) mm."""

    block: int
    centres: Floats


@dataclass(frozen=True, slots=True, eq=False)
class PagePlan:
    """One page's bubbles as arrays: ``centres`` and ``half_axes`` (N, 2) mm, ``groups`` (N,) by print, ``blocks`` of
    neighbouring bubbles by index, ``block_centres`` (B, 2) mm, ``markers`` (4, 2) mm."""

    centres: Floats
    half_axes: Floats
    groups: NDArray[np.intp]
    blocks: tuple[NDArray[np.intp], ...]
    block_centres: Doubles
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
    groups: list[int] = []
    blocks: list[list[int]] = []
    last: tuple[float, float] | None = None
    rows_in_block = 0
    for field in page.questions:
        x, y = field.centres[0]
        starts = last is None or x != last[0] or y <= last[1]
        if starts or rows_in_block == BLOCK_ROWS:
            blocks.append([])
            rows_in_block = 0
        rows_in_block += 1
        last = (x, y)
        for choice in field.choices:
            blocks[-1].append(len(groups))
            key = (choice, field.shape.width_mm, field.shape.height_mm)
            groups.append(prints.setdefault(key, len(prints)))
    if page.student_number is not None:
        shape = page.student_number.shape
        count = len(page.student_number.columns)
        across = -(-count // MAX_BLOCK_DIGITS)
        parts: dict[tuple[int, int], list[int]] = {}
        for place, column in enumerate(page.student_number.columns):
            for digit in range(len(column)):
                part = (place * across // count, digit // BLOCK_ROWS)
                parts.setdefault(part, []).append(len(groups))
                key = (str(digit), shape.width_mm, shape.height_mm)
                groups.append(prints.setdefault(key, len(prints)))
        blocks.extend(parts.values())
    return PagePlan(
        centres=centres,
        half_axes=half_axes,
        groups=np.array(groups, np.intp),
        blocks=tuple(np.array(block, np.intp) for block in blocks),
        block_centres=np.array([centres[block].mean(axis=0) for block in blocks], np.float64),
        ghosts=_ghosts(centres, blocks),
        markers=np.array(layout.markers.centres, np.float64),
        page_mm=(layout.paper.width_mm, layout.paper.height_mm),
    )


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
