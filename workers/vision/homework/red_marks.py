"""A teacher's red pen: what is red, and whether it is a ring (right) or a slash (wrong)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.homework import Mark, Region
from workers.vision.homework.paper import PX_PER_MM, Ink

RED: Final = 0.13
"""Green and blue light missing more than red; a blue or black pen and warm light stay below 0.05."""
CORE_RED: Final = 0.2
PALE_RED, PALE_CORE_RED = 0.05, 0.08
"""What a red line keeps of its colour in a JPEG of a dark room, if that is ``RED_SHARE`` of all its darkness."""
RED_SHARE: Final = 0.25
"""A red line has 0.27 at least (1 % below 0.32), other ink 0.21 at most (1 % above 0.14): 1,100 pieces, worst JPEGs."""
PALE_BLUR_MM: Final = 0.35
HALO_MM: Final = 0.7
"""JPEG keeps colours at half the resolution: round a red line is what looks grey and is none of the student's."""
MIN_MARK_MM: Final = 5.0
MIN_LOOP_SHARE: Final = 0.45
"""Of the box's area that a ring encloses; an ellipse fills 0.785 of it."""
MIN_STRAIGHTNESS: Final = 6.0
"""Length to width of a slash."""


@dataclass(frozen=True, slots=True, eq=False)
class RedInk:
    """``is_red`` (H, W) bool, with its halo; ``is_core`` with half of it.

    By region the teacher's mark, and mm^2 of red that is none.
    """

    is_red: NDArray[np.bool_]
    is_core: NDArray[np.bool_]
    marks: tuple[Mark, ...]
    other_mm2: tuple[float, ...]


def find_red(ink: Ink, is_greyed: NDArray[np.bool_] | None, regions: Sequence[Region]) -> RedInk:
    """What of ``ink`` a red pen wrote, and what it says of each region.

    ``is_greyed`` (H, W): strokes that are red as a whole, though too greyed by a JPEG to be so in each pixel.
    """
    height, width = ink.dark.shape
    none = np.zeros((height, width), bool)
    marks, other = [Mark.NONE] * len(regions), [0.0] * len(regions)
    if not ink.has_colour:
        return RedInk(none, none, tuple(marks), tuple(other))
    soft, pale = (cv2.GaussianBlur(ink.red, (0, 0), blur * PX_PER_MM) for blur in (0.15, PALE_BLUR_MM))
    dark = cv2.GaussianBlur(ink.dark, (0, 0), PALE_BLUR_MM * PX_PER_MM)
    is_pale_red = (pale > PALE_RED) & (pale > RED_SHARE * dark)
    is_red = ((soft > RED) | is_pale_red) & (ink.dark > 0.04)
    if is_greyed is not None:
        is_pale_red |= is_greyed
        is_red |= is_greyed
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_closed(is_red), connectivity=8)
    kept = np.zeros(count, bool)
    for index in range(1, count):
        x, y, w, h, _ = (int(value) for value in stats[index])
        piece = labels[y : y + h, x : x + w] == index
        area = float((piece & is_red[y : y + h, x : x + w]).sum()) / PX_PER_MM**2
        is_long = np.hypot(w, h) >= MIN_MARK_MM * PX_PER_MM
        is_core = float(soft[y : y + h, x : x + w][piece].max()) >= CORE_RED
        is_pale = is_long and float(pale[y : y + h, x : x + w][piece].max()) >= PALE_CORE_RED
        is_pale |= is_greyed is not None and bool((is_greyed[y : y + h, x : x + w] & piece).any())
        if area < 0.3 or not (is_core or is_pale):
            continue
        kept[index] = True
        mark = _mark_of(piece)
        for place in _places(piece, x, y, regions, is_mark=mark is not Mark.NONE):
            if mark is Mark.NONE:
                other[place] += area
            elif marks[place] is Mark.NONE or mark is Mark.RIGHT:
                marks[place] = mark
    core = (kept[labels] & ((soft > RED / 2) | is_pale_red)).astype(np.uint8)
    return RedInk(_grown(core, HALO_MM), _grown(core, HALO_MM / 2), tuple(marks), tuple(other))


def _grown(mask: NDArray[np.uint8], reach_mm: float) -> NDArray[np.bool_]:
    reach = 2 * round(reach_mm * PX_PER_MM) + 1
    return np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0)


def _closed(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Gaps of half a millimetre, as where a red line crosses print, closed."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel), np.uint8)


def _mark_of(piece: NDArray[np.bool_]) -> Mark:
    """What one piece of red (h, w) is."""
    points = np.argwhere(piece)[:, ::-1].astype(np.float32)
    (_, (one, other), _) = cv2.minAreaRect(points)
    long, short = max(one, other, 1.0), max(min(one, other), 1.0)
    if long < MIN_MARK_MM * PX_PER_MM:
        return Mark.NONE
    if _is_straight(points, long):
        return Mark.WRONG
    return Mark.RIGHT if short > 0.4 * long and _encloses(piece, long * short) else Mark.NONE


def _is_straight(points: NDArray[np.float32], long: float) -> bool:
    """Whether the points lie along one line, a hand's bow allowed."""
    centred = points - points.mean(axis=0)
    spread = np.linalg.eigvalsh(np.cov(centred.T))
    across = 4 * float(np.sqrt(max(spread[0], 0.0)))
    return long / max(across, 1.0) >= MIN_STRAIGHTNESS


def _encloses(piece: NDArray[np.bool_], box_area: float) -> bool:
    """Whether a ring, closed or nearly so, runs round the middle."""
    height, width = piece.shape
    drawn = np.zeros((height, width), np.uint8)
    contours, _ = cv2.findContours(piece.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return False
    hull = cv2.convexHull(np.concatenate(contours))
    cv2.fillConvexPoly(drawn, hull, (1,))
    inside = int(drawn.sum())
    middle = cv2.erode(drawn, np.ones((3, 3), np.uint8), iterations=max(round(min(height, width) * 0.22), 1))
    hollow = float((middle.astype(bool) & piece).sum()) / max(int(middle.sum()), 1)
    # seen from the middle there is red in nearly every direction
    rows, columns = np.nonzero(piece)
    angles = np.arctan2(rows - height / 2, columns - width / 2)
    seen = np.unique(((angles + np.pi) / (2 * np.pi) * 24).astype(int) % 24)
    return inside > MIN_LOOP_SHARE * box_area and hollow < 0.12 and len(seen) >= 19


def _places(piece: NDArray[np.bool_], left: int, top: int, regions: Sequence[Region], *, is_mark: bool) -> list[int]:
    """The regions that a piece is about: of a mark the one that it covers most, of other red all that it touches."""
    covered = []
    for index, region in enumerate(regions):
        x, y = round(region.x * PX_PER_MM) - left, round(region.y * PX_PER_MM) - top
        right, bottom = x + round(region.width * PX_PER_MM), y + round(region.height * PX_PER_MM)
        inside = int(piece[max(y, 0) : max(bottom, 0), max(x, 0) : max(right, 0)].sum())
        if inside:
            covered.append((inside, index))
    covered.sort(reverse=True)
    return [index for _, index in covered[: 1 if is_mark else None]]
