"""Laying a layout over a picture: a homography from the markers, then a gentle bend from the printed bubbles.

The printed outlines of the bubbles are the proof that this is the sheet and that it lies as assumed; where the paper
is curled or a lens bends it, they also say by how much, block by block.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.ink import median_of, sample_grid
from workers.vision.markers import MarkerFit
from workers.vision.plan import PagePlan

GreyImage = NDArray[np.uint8]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

STEP_MM: Final = 0.3
OUTLINE_MM: Final = 0.25
OUTLINE_BLUR_MM: Final = 0.28
TEMPLATE_MARGIN_MM: Final = 0.7
SEARCH_MM: Final = 1.25
WIDE_SEARCH_MM: Final = 3.0
"""Half the distance of two bubbles in a row: beyond it a block could lock on to its neighbours."""
FINE_SEARCH_MM: Final = 0.75
SETTLED_MM: Final = 0.3
"""A third of the outline's blur: blocks that moved more are looked at again."""
SECOND_SEARCH_MM: Final = 1.5
MAX_NUDGE_MM: Final = 1.5
UNSETTLED_MM: Final = 0.9
RELATIVE_MATCH: Final = 0.6
GOOD_MATCH: Final = 0.4
OUTLIER_MM: Final = 0.35
BEND_TERMS: Final = 6
MAX_MATCHED: Final = 6
"""Blank outlines of a block that are looked at: their mean is sharp enough."""

_MILLIMETRE: Final = np.ones((1, 2), np.float32)
_MIDDLE: Final = np.array([-0.6, 0.0, 0.6], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where sheet points lie in a picture. ``homography`` (3, 3) from mm to pixels; ``bend`` (6, 2) mm, the
    coefficients of 1, x, y, x*y, x*x, y*y in units of the half page; ``nudges`` (B, 2) mm: what is left for each block;
    ``matches`` (B,): how
    well the printed outlines of each block are found where they should be, -1 to 1; ``agreement``: their median."""

    homography: Doubles
    bend: Doubles
    nudges: Doubles
    agreement: float
    matches: Doubles
    markers: tuple[MarkerFit | None, ...]

    def place(self, points: Floats | Doubles, plan: PagePlan) -> Floats:
        """Sheet ``points`` (N, 2) mm in picture pixels (N, 2)."""
        bent = points + bend_basis(points, plan.page_mm) @ self.bend
        return project(self.homography, bent)

    def place_bubbles(self, plan: PagePlan) -> Floats:
        """The centres of the plan's bubbles in picture pixels (N, 2)."""
        return self.place(plan.centres + self.nudges[plan.block_of], plan)

    def drift_mm(self, plan: PagePlan) -> float:
        """How far the bend and the nudges move any block."""
        moves = bend_basis(plan.block_centres, plan.page_mm) @ self.bend + self.nudges
        return float(np.hypot(moves[:, 0], moves[:, 1]).max())

    def axes(self, points: Floats | Doubles, half_axes: Floats) -> Floats:
        """What one half axis right and one down at ``points`` (N, 2) mm is in pixels, (N, 2, 2) as columns."""
        h = self.homography
        w = points @ h[2, :2] + h[2, 2]
        at = (points @ h[:2, :2].T + h[:2, 2]) / w[:, None]
        jacobian = (h[None, :2, :2] - at[:, :, None] * h[None, 2:, :2]) / w[:, None, None]
        scaled: Floats = (jacobian * half_axes[:, None, :]).astype(np.float32)
        return scaled


def project(homography: Doubles, points: Floats | Doubles) -> Floats:
    """``points`` (N, 2) through ``homography`` (3, 3)."""
    w = points @ homography[2, :2] + homography[2, 2]
    placed: Floats = ((points @ homography[:2, :2].T + homography[:2, 2]) / w[:, None]).astype(np.float32)
    return placed


def bend_basis(points: Floats | Doubles, page_mm: tuple[float, float]) -> Doubles:
    """The terms of a bend at ``points`` (N, 2) mm, (N, 6)."""
    x = points[:, 0] / (page_mm[0] / 2) - 1
    y = points[:, 1] / (page_mm[1] / 2) - 1
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1).astype(np.float64)


def align(
    image: GreyImage,
    plan: PagePlan,
    homography: Doubles,
    markers: Sequence[MarkerFit | None],
    *,
    search_mm: float = SEARCH_MM,
) -> Alignment:
    """The alignment that starts from ``homography`` (mm to pixels of ``image`` (H, W)) and follows the outlines.

    A block's outlines are looked for within ``search_mm``. Never fails: ``agreement`` tells whether to believe it.
    """
    none = np.zeros((len(plan.blocks), 2))
    start = Alignment(homography, np.zeros((BEND_TERMS, 2)), none, -1.0, none[:, 0], tuple(markers))
    shifts, matches = match_blocks(image, plan, start, search_mm)
    agreement = median_of(matches)
    bend = _fit_bend(plan, shifts, matches, markers)
    bent = bend_basis(plan.block_centres, plan.page_mm) @ bend
    nudges = _limited(shifts - bent, matches)
    alignment = Alignment(homography, bend, nudges, agreement, matches, tuple(markers))
    if agreement < GOOD_MATCH / 2 or np.abs(bent + nudges).max() < SETTLED_MM:
        return alignment
    is_lost = matches < GOOD_MATCH
    if is_lost.any() and not is_lost.all():
        # where the curl outran the search, a neighbour tells where to look
        apart = np.hypot(*(plan.block_centres[:, None] - plan.block_centres[None]).transpose(2, 0, 1))
        nearest = np.where(is_lost[None, :], np.inf, apart).argmin(axis=1)
        nudges = np.where(is_lost[:, None], nudges[nearest], nudges)
        alignment = replace(alignment, nudges=nudges)
    shifts, matches = match_blocks(image, plan, alignment, SECOND_SEARCH_MM if is_lost.any() else FINE_SEARCH_MM)
    nudges = nudges + _limited(shifts, matches)
    agreement = median_of(matches)
    # a block still on the move, or much worse than its page, has not been found
    is_found = (np.hypot(shifts[:, 0], shifts[:, 1]) < UNSETTLED_MM) & (matches > RELATIVE_MATCH * agreement)
    return replace(alignment, nudges=nudges, agreement=agreement, matches=np.where(is_found, matches, 0.0))


def _limited(shifts: Doubles, matches: Doubles) -> Doubles:
    """``shifts`` (B, 2) where the match is good and the step small; nothing elsewhere."""
    is_good = (matches >= GOOD_MATCH) & (np.hypot(shifts[:, 0], shifts[:, 1]) <= MAX_NUDGE_MM)
    return np.where(is_good[:, None], shifts, 0.0)


def match_blocks(image: GreyImage, plan: PagePlan, alignment: Alignment, search_mm: float) -> tuple[Doubles, Doubles]:
    """How far each block's outlines lie from where ``alignment`` has them, (B, 2) mm, and how well they match (B,)."""
    shifts = np.zeros((len(plan.blocks), 2))
    quality = np.zeros(len(plan.blocks))
    placed = alignment.place_bubbles(plan)
    lightest = _lightest(image, plan, alignment, placed)
    for shape, blocks in plan.shapes:
        members = np.concatenate([lightest[block] for block in blocks])
        axes = alignment.axes(plan.centres[members], _MILLIMETRE)
        patches = sample_grid(image, placed[members], axes, _grid(shape, search_mm))
        template = _outline(*shape, search_mm)
        start = 0
        for block in blocks:
            size = len(lightest[block])
            shifts[block], quality[block] = _match(patches[start : start + size], template)
            start += size
    return shifts, quality


def _lightest(image: GreyImage, plan: PagePlan, alignment: Alignment, placed: Floats) -> list[NDArray[np.intp]]:
    """For each block those of its bubbles that are most likely blank, at most half and ``MAX_MATCHED``."""
    levels = sample_grid(image, placed, alignment.axes(plan.centres, plan.half_axes), _MIDDLE).mean(axis=(1, 2))
    return [block[np.argsort(-levels[block])[: min((len(block) + 1) // 2, MAX_MATCHED)]] for block in plan.blocks]


def match_ghosts(image: GreyImage, plan: PagePlan, alignment: Alignment) -> Doubles:
    """For each block how well an outline matches where none is printed, at its worst side, (B,)."""
    worst = np.zeros(len(plan.blocks))
    for shape, blocks in plan.shapes:
        members = [ghosts for ghosts in plan.ghosts if ghosts.block in blocks]
        if not members:
            continue
        centres = np.vstack([ghosts.centres + alignment.nudges[ghosts.block] for ghosts in members])
        axes = alignment.axes(centres, _MILLIMETRE)
        patches = sample_grid(image, alignment.place(centres, plan), axes, _grid(shape, FINE_SEARCH_MM))
        template = _outline(*shape, FINE_SEARCH_MM)
        start = 0
        for ghosts in members:
            seen = patches[start : start + len(ghosts.centres)]
            light = np.argsort(-seen.mean(axis=(1, 2)))[: (len(seen) + 1) // 2]
            worst[ghosts.block] = max(worst[ghosts.block], _match(seen[light], template)[1])
            start += len(ghosts.centres)
    return worst


def _grid(shape: tuple[float, float], search_mm: float) -> Floats:
    """Offsets in mm at which bubbles of half axes ``shape`` are sampled for matching."""
    steps = math.ceil((max(shape) + TEMPLATE_MARGIN_MM + search_mm) / STEP_MM)
    return (np.arange(-steps, steps + 1) * STEP_MM).astype(np.float32)


def _match(patches: GreyImage, template: Floats) -> tuple[tuple[float, float], float]:
    """The (x, y) shift in mm at which the mean of ``patches`` (K, P, P) fits ``template``, and how well."""
    side = patches.shape[1]
    mean = cv2.reduce(patches.reshape(-1, side * side), 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F).reshape(side, side)
    found = cv2.matchTemplate(mean, template, cv2.TM_CCOEFF_NORMED)
    _, peak, _, (column, row) = cv2.minMaxLoc(found)
    if not math.isfinite(peak):
        return (0.0, 0.0), 0.0
    middle = (found.shape[0] - 1) / 2
    x = column + _vertex(found[row], column) - middle
    y = row + _vertex(found[:, column], row) - middle
    return (x * STEP_MM, y * STEP_MM), float(peak)


def _vertex(values: NDArray[np.generic], peak: int) -> float:
    """Where the parabola through the peak and its neighbours is highest, -0.5 to 0.5."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, at, after = (float(value) for value in values[peak - 1 : peak + 2])
    bow = before - 2 * at + after
    return 0.0 if bow >= 0 else max(-0.5, min(0.5, 0.5 * (before - after) / bow))


@lru_cache(maxsize=16)
def _outline(half_width: float, half_height: float, search_mm: float) -> Floats:
    """A bubble's printed outline, dark on light, on the matching grid."""
    reach = max(half_width, half_height) + TEMPLATE_MARGIN_MM + search_mm
    side = 2 * math.ceil(reach / STEP_MM) + 1 - 2 * round(search_mm / STEP_MM)
    fine = 8
    picture = np.zeros((side * fine, side * fine), np.uint8)
    middle = (side * fine - 1) / 2
    pixel = STEP_MM / fine
    axes = ((half_width - OUTLINE_MM / 2) / pixel, (half_height - OUTLINE_MM / 2) / pixel)
    box = ((middle, middle), (2 * axes[0], 2 * axes[1]), 0.0)
    cv2.ellipse(picture, box, (255,), max(1, round(OUTLINE_MM / pixel)), cv2.LINE_AA)
    coarse = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    return 255 - cv2.GaussianBlur(coarse, (0, 0), OUTLINE_BLUR_MM / STEP_MM).astype(np.float32)


def _fit_bend(plan: PagePlan, shifts: Doubles, quality: Doubles, markers: Sequence[MarkerFit | None]) -> Doubles:
    """The smooth bend (6, 2) through the blocks' shifts; markers that were measured stay where they are."""
    weights = np.clip(quality - 0.2, 0, None) * 2
    found = np.array([marker is not None for marker in markers])
    points = np.vstack([plan.block_centres, plan.markers[found]])
    wanted = np.vstack([shifts, np.zeros((int(found.sum()), 2))])
    weights = np.concatenate([weights, np.full(int(found.sum()), 1.0)])
    basis = bend_basis(points, plan.page_mm)
    # a few blocks must not invent a curl: the quadratic terms have to be earned
    ridge = np.diag([0.01, 0.02, 0.02, 0.15, 0.15, 0.15])
    bend: Doubles = np.zeros((BEND_TERMS, 2))
    for _ in range(3):
        weighted = basis * weights[:, None]
        bend = np.asarray(np.linalg.solve(weighted.T @ basis + ridge, weighted.T @ wanted), np.float64)
        miss = np.hypot(*(basis @ bend - wanted).T)
        weights = weights * np.where(miss > OUTLIER_MM, (OUTLIER_MM / np.maximum(miss, 1e-9)) ** 2, 1.0)
    return bend
