"""Laying a picture over its registered page to a fraction of a stroke: the perspective, then the bend of the paper.

Pieces of print are looked for where the perspective has them; where they are found says how the paper curls, how well
they are found says how far to believe it, piece by piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.homework.paper import PX_PER_MM, Floats, Picture, darkness

Doubles = NDArray[np.float64]

BLOCK_MM: Final = 11.0
BLOCK_STEP_MM: Final = 6.0
MIN_PRINT_MM2: Final = 1.6
"""Print in a block, for it to be found again: about one letter of 10 points."""
MIN_RULE_MM2: Final = 0.9
"""Of a rule alone: its last 4 mm, beyond which nothing tells how the paper bends."""
MIN_BOTH_WAYS: Final = 0.12
"""Of the edges across and along: less is a line, which slides along itself unseen and tells one direction only."""
WIDE_SEARCH_MM: Final = 4.5
FINE_SEARCH_MM: Final = 1.3
GOOD_MATCH: Final = 0.45
SMOOTHING_MM: Final = 13.0
FIELD_STEP_MM: Final = 3.0
OUTLIER_MM: Final = 0.5
NEAR_MM: Final = 8.0
"""Blocks this far around a region speak for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """What is printed on a page: its ``ink`` (H, W) float32 at ``PX_PER_MM``, and the blocks to find it by.

    ``blocks`` (B, 2): the middles in pixels. ``tells`` (B, 2): whether a block tells the shift in x, and in y; the
    rule of an answer, far from any text, tells how far the paper bends there and nothing else does.
    """

    ink: Floats
    blocks: Doubles
    tells: NDArray[np.bool_]

    @property
    def landmark_count(self) -> int:
        """Blocks that tell both."""
        return int(self.tells.all(axis=1).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """A picture as its page lies: ``picture`` (H, W[, 3]) uint8, ``is_seen`` (H, W) bool: not beyond its edge.

    ``blocks`` (B, 2) mm, ``matches`` (B,): how well each is found, -1 to 1; ``drifts_mm`` (B,): how far off it still
    is, as far as it tells; ``is_line`` (B,): whether it tells one direction only.
    """

    picture: Picture
    is_seen: NDArray[np.bool_]
    blocks: Doubles
    matches: Doubles
    drifts_mm: Doubles
    is_line: NDArray[np.bool_]
    px_per_mm: float

    @property
    def agreement(self) -> float:
        matches = self.matches[~self.is_line]
        return float(np.median(matches)) if len(matches) else 0.0

    def around(self, x: float, y: float, width: float, height: float) -> tuple[float, float]:
        """How well the print in and around a box in mm is found, and how far off it is (of the worse ones, in mm).

        0 and infinity where there is none.
        """
        dx = np.maximum(np.maximum(x - self.blocks[:, 0], self.blocks[:, 0] - x - width), 0)
        dy = np.maximum(np.maximum(y - self.blocks[:, 1], self.blocks[:, 1] - y - height), 0)
        near = np.hypot(dx, dy) <= NEAR_MM
        near_print = near & ~self.is_line
        if not near_print.any():
            return 0.0, float("inf")
        found = near & (self.matches >= GOOD_MATCH)
        if not found.any():
            return float(np.median(self.matches[near_print])), float("inf")
        # writing over print hides it: what is found speaks, unless little is
        match = float(np.quantile(self.matches[near_print], 0.6))
        return match, float(np.quantile(self.drifts_mm[found], 0.8))


def read_print(page: Picture) -> Print:
    """The print of a blank page ``page``, grey (H, W) at ``PX_PER_MM``."""
    ink = np.clip(darkness(page), 0, 1)
    side, step = BLOCK_MM * PX_PER_MM, BLOCK_STEP_MM * PX_PER_MM
    height, width = ink.shape
    xs = np.arange(side / 2 + 2, width - side / 2 - 2, step)
    ys = np.arange(side / 2 + 2, height - side / 2 - 2, step)
    blocks, tells = [], []
    half = int(side // 2)
    across, along = cv2.Sobel(ink, cv2.CV_32F, 1, 0), cv2.Sobel(ink, cv2.CV_32F, 0, 1)
    for y in ys:
        for x in xs:
            rows, columns = slice(int(y) - half, int(y) + half), slice(int(x) - half, int(x) + half)
            printed_mm2 = float((ink[rows, columns] > 0.3).sum()) / PX_PER_MM**2
            if printed_mm2 < MIN_RULE_MM2:
                continue
            one, other = float(np.square(across[rows, columns]).sum()), float(np.square(along[rows, columns]).sum())
            least = MIN_BOTH_WAYS * max(one, other)
            if printed_mm2 < MIN_PRINT_MM2 and min(one, other) >= least:
                continue
            blocks.append((float(int(x)), float(int(y))))
            tells.append((one >= least, other >= least))
    return Print(ink, np.array(blocks, np.float64).reshape(-1, 2), np.array(tells, bool).reshape(-1, 2))


def align(picture: Picture, printed: Print, homography: Doubles) -> Aligned:
    """``picture``, grey (H, W) or BGR (H, W, 3), as ``printed`` lies. ``homography``: page to picture, in pixels.

    Never fails: ``Aligned.agreement`` tells whether to believe it.
    """
    warp = _Warp(picture, printed.ink.shape, homography)
    shifts, matches = _find_blocks(printed, warp.ink(np.zeros((0, 2)), ()), 3.0, WIDE_SEARCH_MM)
    polynomial = _fit_bend(printed, shifts, matches)
    if len(polynomial):
        shifts = shifts - _basis(printed.blocks, printed.ink.shape) @ polynomial
    # a corner that lifts bends like no cubic: the fine search would look past its print
    fields = _smooth_field(printed, shifts, matches)
    shifts, matches = _find_blocks(printed, warp.ink(polynomial, fields), PX_PER_MM, FINE_SEARCH_MM)
    fields += _smooth_field(printed, shifts, matches)
    straight, is_seen = warp.straight(polynomial, fields)
    left, matches = _find_blocks(printed, _ink_of(straight), PX_PER_MM, FINE_SEARCH_MM)
    return Aligned(
        picture=straight,
        is_seen=is_seen,
        blocks=printed.blocks / PX_PER_MM,
        matches=matches,
        drifts_mm=_miss_mm(printed, left),
        is_line=np.asarray(~printed.tells.all(axis=1)),
        px_per_mm=warp.px_per_mm,
    )


def _ink_of(picture: Picture) -> Floats:
    grey = picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    return np.clip(darkness(grey), 0, 1)


class _Warp:
    """Sampling one picture as a page lies, with ever better knowledge of the bend; the grid is made once."""

    def __init__(self, picture: Picture, shape: tuple[int, ...], homography: Doubles) -> None:
        self._picture = picture
        self._grey = picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        self._shape = shape
        self._homography = homography

    @cached_property
    def _grid(self) -> tuple[Floats, Floats]:
        """The columns and rows of points at which the bend is worked out, in pixels: coarse, it is smooth."""
        height, width = self._shape[:2]
        step = FIELD_STEP_MM * PX_PER_MM
        columns = np.linspace(0, width - 1, max(round(width / step), 2) + 1, dtype=np.float32)
        rows = np.linspace(0, height - 1, max(round(height / step), 2) + 1, dtype=np.float32)
        return columns, rows

    @property
    def px_per_mm(self) -> float:
        """Of the original picture, at the page's middle."""
        height, width = self._shape[:2]
        middle = np.array([[width / 2, height / 2], [width / 2 + 6, height / 2], [width / 2, height / 2 + 6]])
        at, right, down = _project(self._homography, middle)
        return float(min(np.hypot(*(right - at)), np.hypot(*(down - at)))) / 6 * PX_PER_MM

    def ink(self, polynomial: Doubles, fields: Sequence[Field]) -> Floats:
        return _ink_of(np.asarray(self._sample(self._grey, polynomial, fields)[0], np.uint8))

    def straight(self, polynomial: Doubles, fields: Sequence[Field]) -> tuple[Picture, NDArray[np.bool_]]:
        sampled, x, y = self._sample(self._picture, polynomial, fields)
        height, width = self._picture.shape[:2]
        is_seen = (x > 1) & (y > 1) & (x < width - 2) & (y < height - 2)
        return sampled, is_seen

    def _sample(self, picture: Picture, polynomial: Doubles, fields: Sequence[Field]) -> tuple[Picture, Floats, Floats]:
        columns, rows = self._grid
        x, y = np.meshgrid(columns, rows)
        moved = np.stack([x, y], axis=2).astype(np.float64)
        if len(polynomial):
            bend = _basis(np.stack([x.ravel(), y.ravel()], axis=1), self._shape) @ polynomial
            moved += bend.reshape(moved.shape)
        for field in fields:
            moved += field.on_grid(columns, rows)
        # the perspective too bends slowly: worked out on the grid, it is right to a thousandth of a pixel between
        placed = _project(self._homography, moved.reshape(-1, 2))
        height, width = self._shape[:2]
        at_x, at_y = (_enlarge(placed[:, axis].reshape(x.shape), (height, width)) for axis in range(2))
        sampled = cv2.remap(picture, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(sampled, np.uint8), at_x, at_y


def _enlarge(values: Doubles, shape: tuple[int, int]) -> Floats:
    """Values at evenly spaced points, first and last on the edge, for every pixel between."""
    height, width = shape
    rows, columns = values.shape
    x = np.linspace(0, columns - 1, width, dtype=np.float32)
    y = np.linspace(0, rows - 1, height, dtype=np.float32)
    grid_x, grid_y = np.meshgrid(x, y)
    return cv2.remap(values.astype(np.float32), grid_x, grid_y, cv2.INTER_LINEAR).astype(np.float32)


def _find_blocks(printed: Print, seen: Floats, px_per_mm: float, search_mm: float) -> tuple[Doubles, Doubles]:
    """How far each block lies from its place, (B, 2) page pixels, and how well it is found there, (B,)."""
    factor = px_per_mm / PX_PER_MM
    wanted, found_in = printed.ink, seen
    if factor != 1:
        height, width = wanted.shape
        size = (round(width * factor), round(height * factor))
        wanted = cv2.resize(wanted, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        found_in = cv2.resize(found_in, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    # a little soft: a shift of half a stroke should still count
    wanted = cv2.GaussianBlur(wanted, (0, 0), 1.0).astype(np.float32)
    found_in = cv2.GaussianBlur(found_in, (0, 0), 1.0).astype(np.float32)
    half, reach = int(BLOCK_MM * px_per_mm // 2), round(search_mm * px_per_mm)
    around = cv2.copyMakeBorder(found_in, reach, reach, reach, reach, cv2.BORDER_CONSTANT)
    shifts, matches = np.zeros((len(printed.blocks), 2)), np.zeros(len(printed.blocks))
    for index, (x, y) in enumerate(np.round(printed.blocks * factor).astype(int)):
        template = wanted[max(y - half, 0) : y + half, max(x - half, 0) : x + half]
        top, left = max(y - half, 0), max(x - half, 0)
        window = around[top : top + template.shape[0] + 2 * reach, left : left + template.shape[1] + 2 * reach]
        scores = cv2.matchTemplate(window, template, cv2.TM_CCOEFF_NORMED)
        _, peak, _, (column, row) = cv2.minMaxLoc(scores)
        if not np.isfinite(peak):
            continue
        shifts[index] = (
            (column + _vertex(scores[row], column) - reach) / factor,
            (row + _vertex(scores[:, column], row) - reach) / factor,
        )
        matches[index] = peak
    return shifts, matches


def _vertex(values: NDArray[np.generic], peak: int) -> float:
    """Where the parabola through the peak and its neighbours is highest, -0.5 to 0.5."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, at, after = (float(value) for value in values[peak - 1 : peak + 2])
    bow = before - 2 * at + after
    return 0.0 if bow >= 0 else max(-0.5, min(0.5, 0.5 * (before - after) / bow))


def _basis(points: NDArray[np.floating], shape: tuple[int, ...]) -> Doubles:
    """The terms of a cubic bend at ``points`` (N, 2) pixels, (N, 10)."""
    x = points[:, 0] / (shape[1] / 2) - 1
    y = points[:, 1] / (shape[0] / 2) - 1
    terms = [np.ones_like(x), x, y, x * y, x * x, y * y, x**3, x * x * y, x * y * y, y**3]
    return np.stack(terms, axis=1).astype(np.float64)


def _fit_bend(printed: Print, shifts: Doubles, matches: Doubles) -> Doubles:
    """The smooth bend (10, 2) in pixels through what was found; outliers count for little."""
    if len(shifts) == 0:
        return np.zeros((0, 2))
    basis = _basis(printed.blocks, printed.ink.shape)
    worth = np.clip(matches - 0.3, 0, None)[:, None] * printed.tells
    weights = worth
    # higher terms have to be earned: at the page's edge a few blocks must not invent a curl
    ridge = np.diag([0.01, 0.02, 0.02, 0.1, 0.1, 0.1, 0.4, 0.4, 0.4, 0.4])
    bend: Doubles = np.zeros((10, 2))
    for _ in range(6):
        for axis in range(2):
            weighted = basis * weights[:, axis : axis + 1]
            bend[:, axis] = np.linalg.solve(weighted.T @ basis + ridge, weighted.T @ shifts[:, axis])
        weights = worth / (1 + (_miss_mm(printed, basis @ bend - shifts) / OUTLIER_MM) ** 2)[:, None]
    return bend


def _miss_mm(printed: Print, apart: Doubles) -> Doubles:
    """How long each of ``apart`` (B, 2) pixels is, (B,), as far as its block tells."""
    return np.asarray(np.hypot(*np.where(printed.tells, apart, 0).T) / PX_PER_MM, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """What is left after the bend: the mean of what blocks around say, weighted by nearness and ``weights`` (B, 2)."""

    blocks: Doubles
    shifts: Doubles
    weights: Doubles

    def on_grid(self, columns: Floats, rows: Floats) -> Doubles:
        """The shift where ``columns`` (C,) and ``rows`` (R,) in page pixels cross, (R, C, 2). None where no block is
        near."""
        across, down = self._nearness(columns, 0), self._nearness(rows, 1)
        return np.stack([self._mean(lambda told: down @ (told[:, None] * across.T), axis) for axis in range(2)], axis=2)

    def at_blocks(self) -> Doubles:
        """The shift at the blocks, (B, 2)."""
        near = self._nearness(self.blocks[:, 0], 0) * self._nearness(self.blocks[:, 1], 1)
        return np.stack([self._mean(lambda told: near @ told, axis) for axis in range(2)], axis=1)

    def _mean(self, gather: Callable[[Doubles], Doubles], axis: int) -> Doubles:
        weights = self.weights[:, axis]
        return np.asarray(gather(weights * self.shifts[:, axis]) / (gather(weights) + 0.05), np.float64)

    def _nearness(self, places: NDArray[np.floating], axis: int) -> Doubles:
        sigma = SMOOTHING_MM * PX_PER_MM / 2
        return np.asarray(np.exp(np.square(places[:, None] - self.blocks[:, axis]) / (-2 * sigma * sigma)), np.float64)


def _smooth_field(printed: Print, shifts: Doubles, matches: Doubles) -> tuple[Field, ...]:
    """The field through what was found, () if that is nothing; what its neighbours contradict counts for little."""
    weights = np.clip(matches - 0.35, 0, None)[:, None] * printed.tells
    if not weights.any():
        return ()
    field = Field(printed.blocks, shifts, weights)
    miss = _miss_mm(printed, field.at_blocks() - shifts)
    return (Field(printed.blocks, shifts, weights / (1 + (miss / (OUTLIER_MM / 2)) ** 2)[:, None]),)


def _project(homography: Doubles, points: Doubles) -> Doubles:
    w = points @ homography[2, :2] + homography[2, 2]
    return np.asarray((points @ homography[:2, :2].T + homography[:2, 2]) / w[:, None], np.float64)
