"""The sheet of paper in a photo, cut out and seen from straight above."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]
Corners = NDArray[np.float32]
Floats = NDArray[np.float32]

LOOK_PX: Final = 640
MIN_SHARE: Final = 0.25
"""Of the picture that a sheet of paper has to take; smaller bright things are something else."""
MAX_SHARE: Final = 0.985
MIN_PIECE_SHARE: Final = 0.04
"""Of the picture's long side: shorter straight edges are letters and grain."""
MAX_LEAN: Final = 0.6
"""Tangent of the angle at which a side may stand to the picture's: a phone is not held at 31 degrees to the page."""
SAME_LINE_PX: Final = 5.0
MOST_LINES: Final = 8
"""Of either direction, the best supported; four would be the sheet's and those of one shadow."""
STEP: Final = 0.045
"""Of the light by which paper is brighter than what lies just outside its edge: a light table's 240 against 250."""
REACH_PX: Final = 4.0
MIN_SUPPORT: Final = 0.55
"""Of a side's length along which that step is seen; a hand or a book may lie over the rest."""
MIN_MEAN_SUPPORT: Final = 0.75
BORDER_SUPPORT: Final = 0.6
"""What the picture's own border counts for as a side: a sheet may reach beyond it at one."""
MAX_COSINE: Final = 0.45
"""Of the corners' angles: between 63 and 117 degrees."""
MAX_SIDES_RATIO: Final = 1.45
"""Between sides that face each other."""


def cut_out_paper(image: GreyImage) -> GreyImage:
    """The sheet that ``image`` (H, W) shows on a darker table, made rectangular; ``image`` itself where there is none.

    A scan has no table: its outline is the picture's own, and nothing is done.
    """
    corners = find_paper(image)
    if corners is None:
        return image
    top, right, bottom, left = (float(np.linalg.norm(corners[index] - corners[(index + 1) % 4])) for index in range(4))
    width, height = round((top + bottom) / 2), round((left + right) / 2)
    if min(width, height) < 100:
        return image
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    flat = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """A straight edge: ``at`` + ``lean`` * t, where t is x for an edge across the picture and y for one down it.

    ``before``, ``after``: for each t how many of the places up to it have paper above (left of) the edge and none
    below (right), or the other way round; None for the picture's own border, which has nothing beyond.
    """

    at: float
    lean: float
    before: NDArray[np.int64] | None = None
    after: NDArray[np.int64] | None = None

    def support(self, start: float, stop: float, *, is_first: bool) -> float:
        """The share of the way from ``start`` to ``stop`` along which paper lies on one side of it, and no paper on
        the other. ``is_first``: it is the paper's upper (left) side.
        """
        counts = self.after if is_first else self.before
        if counts is None:
            return BORDER_SUPPORT
        first, last = (int(np.clip(round(t), 0, counts.size - 1)) for t in sorted((start, stop)))
        return float(counts[last] - counts[first]) / max(abs(stop - start), 1.0)


def find_paper(image: GreyImage) -> Corners | None:
    """The paper's corners (4, 2) in pixels, from the top left clockwise; None where no sheet stands out.

    A shadow's edge is as straight as paper's, and brightness alone takes what lies in the light for the sheet. So
    each straight edge is a side that may be, and of the quadrangles whose sides all step down the largest wins.
    """
    factor = max(max(image.shape) / LOOK_PX, 1.0)
    size = (max(round(image.shape[1] / factor), 1), max(round(image.shape[0] / factor), 1))
    if min(size) < 60:
        return None
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # Letters go, the paper they stand on stays. In logarithms a step is the same in the light and in shadow.
    bright = cv2.morphologyEx(cv2.medianBlur(small, 5), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    light = np.log(bright.astype(np.float32) + 6).astype(np.float32)
    best: tuple[float, Corners] | None = None
    for worth, corners in _quadrangles(light):
        if best is None or worth > best[0]:
            best = worth, corners
    return None if best is None else (best[1] * np.float32(factor)).astype(np.float32)


def _quadrangles(light: Floats) -> Iterator[tuple[float, Corners]]:
    """What may be the sheet in ``light`` (h, w), with how much speaks for it."""
    height, width = light.shape
    pieces = _pieces(light)
    across = list(_pairs(_lines(light, pieces), height, width))
    down = list(_pairs(_lines(light.T, pieces[:, [1, 0, 3, 2]]), width, height))
    for top, bottom in across:
        for left, right in down:
            sides = (top, right, bottom, left)
            if sum(side.after is None for side in sides) > 1:
                continue
            corners = np.array(
                [_crossing(a, d) for a, d in ((top, left), (top, right), (bottom, right), (bottom, left))]
            )
            if not _may_be_a_sheet(corners, (width, height)):
                continue
            (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
            supports = (
                top.support(ax, bx, is_first=True),
                right.support(by, cy, is_first=False),
                bottom.support(dx, cx, is_first=False),
                left.support(ay, dy, is_first=True),
            )
            if min(supports) >= MIN_SUPPORT and sum(supports) / 4 >= MIN_MEAN_SUPPORT:
                share = float(cv2.contourArea(corners.astype(np.float32))) / (width * height)
                yield share + sum(supports) / 4, corners.astype(np.float32)


def _pieces(light: Floats) -> Floats:
    """Straight edges as they are found, (n, 4): x, y, x, y."""
    height, width = light.shape
    levels = np.clip((light - light.min()) * (255 / max(float(np.ptp(light)), 0.1)), 0, 255).astype(np.uint8)
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD, 1.0).detect(levels)[0]
    if found is None:
        return np.zeros((0, 4), np.float32)
    pieces = np.asarray(found, np.float32).reshape(-1, 4)
    lengths = np.hypot(pieces[:, 2] - pieces[:, 0], pieces[:, 3] - pieces[:, 1])
    return np.asarray(pieces[lengths >= MIN_PIECE_SHARE * max(height, width)], np.float32)


def _lines(light: Floats, pieces: Floats) -> list[_Side]:
    """``pieces`` across ``light`` that lie on one line, joined: the ``MOST_LINES`` longest; then two of its borders."""
    run, rise = pieces[:, 2] - pieces[:, 0], pieces[:, 3] - pieces[:, 1]
    is_across = np.abs(rise) <= MAX_LEAN * np.abs(run)
    pieces, run, rise = pieces[is_across], run[is_across], rise[is_across]
    is_used = np.zeros(len(pieces), np.bool_)
    found: list[tuple[float, float, float]] = []
    for index in np.argsort(-np.abs(run)):
        if is_used[index]:
            continue
        lean = float(rise[index] / run[index])
        at = float(pieces[index, 1] - lean * pieces[index, 0])
        is_same = np.zeros(len(pieces), np.bool_)
        for _ in range(2):  # the second time along the line found rather than along its longest piece
            is_same = np.abs(pieces[:, [1, 3]] - (at + lean * pieces[:, [0, 2]])).max(1) <= SAME_LINE_PX
            is_same[index] = True
            points = pieces[is_same].reshape(-1, 2)
            lean, at = (float(value) for value in np.polyfit(points[:, 0], points[:, 1], 1))
        is_used |= is_same
        found.append((float(np.abs(run[is_same]).sum()), at, lean))
    longest = sorted(found, reverse=True)[:MOST_LINES]
    return [_measured(light, at, lean) for _, at, lean in longest] + [_Side(0.0, 0.0), _Side(light.shape[0] - 1.0, 0.0)]


def _measured(light: Floats, at: float, lean: float) -> _Side:
    height, width = light.shape
    t = np.arange(width)
    middle = at + lean * t
    above, below = (np.round(middle + reach).astype(np.int64) for reach in (-REACH_PX, REACH_PX))
    is_seen = (above >= 0) & (below < height)
    step = light[np.clip(below, 0, height - 1), t] - light[np.clip(above, 0, height - 1), t]
    return _Side(at, lean, np.cumsum(is_seen & (step <= -STEP)), np.cumsum(is_seen & (step >= STEP)))


def _pairs(sides: list[_Side], aside: int, along: int) -> Iterator[tuple[_Side, _Side]]:
    """Two of ``sides`` far enough apart to have a page between them, the first before the second."""
    for this, that in combinations(sorted(sides, key=lambda side: side.at + side.lean * along / 2), 2):
        if that.at - this.at + (that.lean - this.lean) * along / 2 >= MIN_SHARE * aside:
            yield this, that


def _crossing(across: _Side, down: _Side) -> tuple[float, float]:
    # y = a + b x and x = c + d y
    x = (down.at + down.lean * across.at) / (1 - down.lean * across.lean)
    return x, across.at + across.lean * x


def _may_be_a_sheet(corners: NDArray[np.float64], size: tuple[int, int]) -> bool:
    """Whether a rectangle of paper, photographed, can look like ``corners`` (4, 2) in a picture of ``size``."""
    width, height = size
    slack = 0.02 * max(size)
    if corners.min() < -slack or corners[:, 0].max() > width + slack or corners[:, 1].max() > height + slack:
        return False
    if not MIN_SHARE <= cv2.contourArea(corners.astype(np.float32)) / (width * height) <= MAX_SHARE:
        return False
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    cosines = (sides * np.roll(sides, -1, axis=0)).sum(1) / (lengths * np.roll(lengths, -1))
    facing = lengths / np.roll(lengths, 2)
    return float(np.abs(cosines).max()) <= MAX_COSINE and float(facing.max()) <= MAX_SIDES_RATIO
