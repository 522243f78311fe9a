"""What tells a mark from an erasure, a stray stroke or noise: numbers for each bubble that do not depend on the pen.

Ink is divided by that of this person's usual mark and by the page's own noise, beside what the other bubbles of the row
show and what the page as a whole looks like. :mod:`workers.vision.mark_model` weighs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workers.vision.ink import AROUND_SECTORS, INNER_RADIUS, BubbleInk, median_of, patch_points, quantile_of
from workers.vision.plan import PagePlan

Floats = NDArray[np.float32]

RADII: Final = (0.0, 0.3, 0.6, INNER_RADIUS, 1.2, 1.6)
"""Between two of these, in half axes, lies one ring of the radial profile."""
SHAPE_FLOOR: Final = 0.2
"""Of the usual darkness: paler samples do not count towards a mark's shape."""
MIN_MASS: Final = 0.0008
"""Share of a patch that has to be inked for its ink to have a shape."""
MIN_NOISE: Final = 0.001
USUAL_FILL: Final = 0.4
USUAL_DARK: Final = 0.6
"""A middling pencil: what a mark is taken to be on a page with hardly any."""
USUAL_WEIGHT: Final = 2.0
MIN_FILL: Final = 0.02
"""Five times the spread of blank bubbles in clean photos."""
TRACE_NOISE: Final = 3.0
PLAUSIBLE_DARK: Final = 0.12
STYLED: Final = 0.5
"""Of the usual mark's strength: what is weaker does not tell how a person marks."""
MIN_STYLED: Final = 4
LIMIT: Final = 5.0
"""No number is larger than this either way."""


@dataclass(frozen=True, slots=True)
class UsualMark:
    """What one person's mark looks like on this page."""

    fill: float
    dark: float


def describe_bubbles(ink: BubbleInk, plan: PagePlan) -> Floats:
    """The numbers of each bubble, (N, F), in the order of ``plan``."""
    usual = usual_mark(ink, plan.answered, UsualMark(USUAL_FILL, USUAL_DARK))
    usual_fill = np.full(len(ink.fill), usual.fill, np.float32)
    usual_dark = np.full(len(ink.fill), usual.dark, np.float32)
    if plan.printed:
        # the number and the version may be inked by the printer: what a person's mark is like, answers tell
        of_print = usual_mark(ink, plan.printed, usual)
        for members in plan.printed:
            usual_fill[members], usual_dark[members] = of_print.fill, of_print.dark
    own = _of_bubbles(ink, usual_fill, usual_dark)
    own = np.concatenate([own, _off_style(own, plan)], axis=1)
    around = _of_rows(own, plan)
    best = np.maximum.reduceat(own[:, _STRENGTH], plan.row_starts)
    page = (
        usual.dark,
        usual.fill,
        20 * ink.noise,
        20 * ink.edge_noise,
        5 * ink.dark_noise,
        float((best > 0.3).mean()),
        *(quantile_of(np.sort(best), share) for share in (0.25, 0.5)),
    )
    columns = [own, around, np.broadcast_to(np.array(page, np.float32), (len(own), len(page)))]
    columns += [usual_dark[:, None], usual_fill[:, None]]
    return np.clip(np.concatenate(columns, axis=1), -LIMIT, LIMIT).astype(np.float32)


def usual_mark(ink: BubbleInk, rows: Sequence[NDArray[np.intp]], prior: UsualMark) -> UsualMark:
    """The median of the darkest bubbles of ``rows``, (R, W) for each width W, drawn towards ``prior`` where few are
    marked."""
    best = _fullest(ink.fill, rows)
    floor = max(MIN_FILL, TRACE_NOISE * ink.noise)
    plausible = best[(ink.fill[best] > floor) & (ink.dark[best] > PLAUSIBLE_DARK)]
    if len(plausible) == 0:
        return prior
    count = len(plausible)
    fill, dark = median_of(ink.fill[plausible]), median_of(ink.dark[plausible])
    weight = count + USUAL_WEIGHT
    return UsualMark(
        (count * fill + USUAL_WEIGHT * prior.fill) / weight, (count * dark + USUAL_WEIGHT * prior.dark) / weight
    )


def _fullest(values: Floats, rows: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    """The bubble with the most of each of ``rows``, (R, W) for each width W, by index."""
    found = [members[np.arange(len(members)), values[members].argmax(axis=1)] for members in rows]
    return np.concatenate([np.empty(0, np.intp), *found])


_FILL, _DARK, _STRENGTH, _EDGE, _CROSSING, _FULL, _AROUND, _SIDES, _LONG, _WIDE = range(10)


def _of_bubbles(ink: BubbleInk, usual_fill: Floats, usual_dark: Floats) -> Floats:
    """What each bubble shows by itself, (N, F1). The first ten columns are named above."""
    masks = _masks()
    fill, dark, edge = ink.fill / usual_fill, ink.dark / usual_dark, ink.edge / usual_fill
    # a tick has little ink but as dark as usual, an erasure covers the bubble but is pale: the product tells them
    strength = np.sqrt(np.clip(fill, 0, None) * np.clip(dark, 0, None))
    around = ink.around / usual_dark[:, None]
    darkness = ink.samples / usual_dark[:, None]
    inside, share = darkness[:, : len(masks.inside)], masks.inside
    off_centre, length, width = _shape(darkness)
    columns = [
        fill,
        dark,
        strength,
        edge,
        _crossing(around),
        (inside > 0.3) @ share,
        around.max(axis=1),
        (around > 0.25).mean(axis=1),
        length,
        width,
        off_centre,
        np.log(np.maximum(strength, 0.01)),
        np.log1p(np.clip(ink.fill / max(ink.noise, MIN_NOISE), 0, 50)),
        np.log1p(np.clip(ink.edge / max(ink.edge_noise, MIN_NOISE), 0, 50)),
        np.log1p(np.clip(ink.dark / max(ink.dark_noise, 0.01), 0, 20)),
        (inside > 0.6) @ share,
        ink.darkest / usual_dark,
        # where correction tape or a full mark lies the printed letter is gone, and less than no ink is left
        -10 * (np.minimum(inside, 0) @ share) * usual_dark,
        *(darkness @ masks.rings).T,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _crossing(around: Floats) -> Floats:
    """Ink leaving the bubble on two opposite sides, as a line across it does, (N,)."""
    steps = np.arange(AROUND_SECTORS)
    opposite = np.max(
        [around[:, (steps + AROUND_SECTORS // 2 + turn) % AROUND_SECTORS] for turn in (-2, -1, 0, 1, 2)], axis=0
    )
    crossing: Floats = np.minimum(around, opposite).max(axis=1)
    return crossing


def _shape(darkness: Floats) -> tuple[Floats, Floats, Floats]:
    """How far the ink lies from the centre, how long it is and how wide, each (N,), in half axes; 0 for no ink."""
    masks = _masks()
    inked = darkness * (darkness > SHAPE_FLOOR)
    total = inked.sum(axis=1)
    is_inked = total > MIN_MASS * darkness.shape[1]
    moments = inked @ masks.moments / np.maximum(total, 1e-3)[:, None]
    x, y, xx, yy, xy = moments.T
    middle = (xx - x * x + yy - y * y) / 2
    turned = np.hypot((xx - x * x - yy + y * y) / 2, xy - x * y)
    long_side, wide_side = np.sqrt(np.clip(middle + turned, 0, None)), np.sqrt(np.clip(middle - turned, 0, None))
    return np.where(is_inked, np.hypot(x, y), 0), np.where(is_inked, long_side, 0), np.where(is_inked, wide_side, 0)


def _off_style(own: Floats, plan: PagePlan) -> Floats:
    """How far each bubble is from the way in which this person marks, (N, F3): among crosses a stroke that ends in a
    bubble is none, among ticks it may be one."""
    named = own[:, [_CROSSING, _FULL, _AROUND, _SIDES, _LONG, _WIDE]]
    marks = _fullest(own[:, _STRENGTH], plan.answered)
    marks = marks[own[marks, _STRENGTH] > STYLED]
    if len(marks) < MIN_STYLED:
        return np.zeros_like(named)
    usual: Floats = np.sort(named[marks], axis=0)[len(marks) // 2]
    return named - usual


def _of_rows(own: Floats, plan: PagePlan) -> Floats:
    """What the other bubbles of the same row show, (N, F2)."""
    found = np.zeros((len(own), 9), np.float32)
    named = own[:, [_STRENGTH, _FILL, _DARK, _CROSSING, _EDGE]]
    for members, has_several in plan.rows:
        width = members.shape[1]
        values = named[members]  # (R, W, 5)
        ordered = np.sort(values, axis=1)
        most, second = ordered[:, -1:], ordered[:, -2:-1]
        found[members, :5] = np.where(values == most, second, most)
        third = ordered[:, -3:-2, 0] if width > 2 else np.zeros((len(members), 1), np.float32)
        found[members, 5] = np.where(values[:, :, 0] >= second[:, :, 0], third, second[:, :, 0])
        found[members, 6] = has_several[:, None]
        found[members, 7] = width / 10
    found[:, 8] = np.clip(named[:, 0] - found[:, 0], -2, 2)
    return found


@dataclass(frozen=True, slots=True)
class _Masks:
    inside: Floats  # (I,), of the samples inside, which come first: sums to 1
    rings: Floats  # (S, 5), each column sums to 1
    moments: Floats  # (S, 5): x, y, x^2, y^2, xy


@lru_cache(maxsize=1)
def _masks() -> _Masks:
    x, y = patch_points()
    radius = np.hypot(x, y)
    rings = np.stack([(radius >= inner) & (radius < outer) for inner, outer in pairwise(RADII)], axis=1).astype(
        np.float32
    )
    moments = np.stack([x, y, x * x, y * y, x * y], axis=1)
    count = int((radius <= INNER_RADIUS).sum())
    return _Masks(np.full(count, 1 / count, np.float32), rings / rings.sum(axis=0), moments.astype(np.float32))
