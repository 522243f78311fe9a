"""When one marker is hidden: guesses at the page's perspective from three, to be proved by the printed outlines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.alignment import GOOD_MATCH, WIDE_SEARCH_MM, Alignment, align, match_blocks, project
from workers.vision.markers import Hypothesis, MarkerFit
from workers.vision.plan import PagePlan

GreyImage = NDArray[np.uint8]
Doubles = NDArray[np.float64]

FOCAL_SHARES: Final = (0.8, 1.1)
"""Focal length over the picture's long side of phone cameras: main lens, and cropped or 2x."""
MIN_POINTS: Final = 7
INLIER_PIXELS: Final = 4.0
MARKER_WEIGHT: Final = 3
MAX_MARKER_MISS_MM: Final = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """A ``homography`` (3, 3) from mm to pixels that three candidates allow; a lower ``cost`` is likelier."""

    corners: Hypothesis
    homography: Doubles
    cost: float


def guess_from_three(
    hypotheses: Sequence[Hypothesis],
    shape: tuple[int, int],
    markers: Doubles,
    size_mm: float,
    step: int,
    code: tuple[Doubles, Doubles] | None,
) -> list[Guess]:
    """Homographies for triples of candidates, likeliest first.

    ``shape``: the picture's (H, W); candidates are in pixels of a picture ``step`` times smaller. Each triple is seen
    as a scan (affine) and by cameras of usual focal length over a flat page (P3P, up to four poses); the cost is how
    far the candidates' sizes are from what the pose makes of ``size_mm``, and how far the code, if it was read, lies
    from where the pose puts it. ``code``: its corners in mm and in pixels, both (4, 2).
    """
    guesses: list[Guess] = []
    for hypothesis in hypotheses:
        seen = np.array([index for index, corner in enumerate(hypothesis.corners) if corner is not None])
        corners = [corner for corner in hypothesis.corners if corner is not None]
        places = (np.array([(corner.x, corner.y) for corner in corners]) + 0.5) * step - 0.5
        sides = np.array([corner.side for corner in corners]) * step
        holes = sum(abs(corner.solidity - 1.0) for index, corner in zip(seen, corners, strict=True) if index)
        for homography in _poses(shape, markers[seen], places):
            scales = np.sqrt(np.abs(_area_scales(homography, markers[seen])))
            cost = float(np.abs(np.log(sides / np.maximum(scales * size_mm, 1e-6))).sum()) + 1.5 * holes
            if code is not None:
                miss = np.hypot(*(project(homography, code[0]) - code[1]).T).mean()
                cost += float(miss / sides.mean())
            guesses.append(Guess(hypothesis, homography, cost))
    guesses.sort(key=lambda guess: guess.cost)
    return guesses


def _poses(shape: tuple[int, int], markers: Doubles, places: Doubles) -> Iterator[Doubles]:
    affine = cv2.getAffineTransform(markers.astype(np.float32), places.astype(np.float32))
    yield np.vstack([affine, [0.0, 0.0, 1.0]]).astype(np.float64)
    height, width = shape
    flat = np.column_stack([markers, np.zeros(3)])
    for share in FOCAL_SHARES:
        focal = share * max(shape)
        camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
        _, turns, moves = cv2.solveP3P(flat, places, camera, None, cv2.SOLVEPNP_AP3P)
        for turn, move in zip(turns, moves, strict=True):
            rotation = cv2.Rodrigues(turn)[0]
            homography = camera @ np.column_stack([rotation[:, :2], move.ravel()])
            if homography[2, 2] > 0 and np.linalg.det(homography) > 0:
                yield (homography / homography[2, 2]).astype(np.float64)


def _area_scales(homography: Doubles, points: Doubles) -> Doubles:
    """By how much areas grow at ``points`` (N, 2) under ``homography`` (3, 3), (N,)."""
    w = points @ homography[2, :2] + homography[2, 2]
    scales: Doubles = np.linalg.det(homography) / np.where(np.abs(w) < 1e-9, 1e-9, w) ** 3
    return scales


def align_widely(
    image: GreyImage,
    plan: PagePlan,
    homography: Doubles,
    fits: Sequence[MarkerFit | None],
    code: tuple[Doubles, Doubles] | None,
) -> Alignment | None:
    """The alignment reached from a rough ``homography``: blocks whose outlines are found correct it, so that the next
    look reaches further. ``code``, corners in mm and pixels (4, 2), helps at first. None if too few are found."""
    seen = np.array([fit is not None for fit in fits])
    known = [plan.markers[seen]] * MARKER_WEIGHT
    known_places = [np.array([(fit.x, fit.y) for fit in fits if fit is not None], np.float64)] * MARKER_WEIGHT
    if code is not None:
        known, known_places = [*known, code[0]], [*known_places, code[1]]
        homography = _homography(np.vstack(known), np.vstack(known_places), 0, homography)
    for search in (WIDE_SEARCH_MM, WIDE_SEARCH_MM, WIDE_SEARCH_MM / 2):
        none = np.zeros((len(plan.blocks), 2))
        start = Alignment(homography, np.zeros((6, 2)), none, -1.0, none[:, 0], tuple(fits))
        shifts, matches = match_blocks(image, plan, start, search)
        is_good = matches >= GOOD_MATCH
        if int(is_good.sum()) + int(seen.sum()) < MIN_POINTS:
            return None
        moved = project(homography, (plan.block_centres + shifts)[is_good])
        here = np.vstack([plan.block_centres[is_good], *known])
        homography = _homography(here, np.vstack([moved, *known_places]), cv2.RANSAC, homography)
    return align(image, plan, homography, _kept(plan, homography, fits))


def _kept(plan: PagePlan, homography: Doubles, fits: Sequence[MarkerFit | None]) -> list[MarkerFit | None]:
    """``fits`` without those that are not where the rest of the page says: something else that looked like a marker."""
    kept: list[MarkerFit | None] = []
    for marker, fit in zip(plan.markers, fits, strict=True):
        if fit is not None:
            here, beside = project(homography, np.array([marker, marker + np.array([MAX_MARKER_MISS_MM, 0.0])]))
            limit = float(np.hypot(*(beside - here)))
            if math.hypot(fit.x - float(here[0]), fit.y - float(here[1])) > limit:
                fit = None
        kept.append(fit)
    return kept


def _homography(here: Doubles, there: Doubles, method: int, otherwise: Doubles) -> Doubles:
    """The homography (3, 3) from ``here`` to ``there``, both (N, 2), or ``otherwise`` where there is no solution."""
    found: object = cv2.findHomography(here, there, method, INLIER_PIXELS)[0]
    return found.astype(np.float64) if isinstance(found, np.ndarray) else otherwise
