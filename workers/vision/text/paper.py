"""Even light, ink, and standing upright: what has to hold before lines are looked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]

MIN_CONTRAST: Final = 28
"""Grey levels between paper and ink, after the light was evened out. Noise of a deviation of 12 levels stays below."""
MAX_SKEW_DEGREES: Final = 12.0
SKEW_WIDTH_PX: Final = 900
JOIN_UNITS: Final = 0.5
"""Of the letter height: letters stand nearer than this, lines do not."""
LONGEST_WORD_UNITS: Final = 24.0
SIDEWAYS_RATIO: Final = 0.5
"""Squares of words' heights to those of their widths: 11 and more on sheets lying sideways and 0.08 at most on upright
ones; 1.3 and more, and 0.2, in photos of the benchmark whose table was left round the sheet."""
RULE_SHARE: Final = 0.035
"""Of the page's long side: straight ink longer than this is a rule or a frame, no letter."""


def even_light(image: GreyImage) -> GreyImage:
    """``image`` (H, W) as if lit evenly: paper near 255, ink as dark against it as it was. Shadows go."""
    height, width = image.shape
    factor = max(max(height, width) / 600, 1.0)
    small = cv2.resize(
        image, (max(round(width / factor), 1), max(round(height / factor), 1)), interpolation=cv2.INTER_AREA
    )
    # Strokes are closed and blots outvoted; a shadow's edge stays where it is, and is no ink.
    paper = cv2.medianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)), 21)
    paper = np.maximum(paper, 16)
    full = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(image, full, scale=255), dtype=np.uint8)


def find_ink(even: GreyImage) -> NDArray[np.uint8] | None:
    """A mask (H, W), 255 where ink is; None for a page with nothing on it.

    The threshold is Otsu's over what is not plain paper, held between fixed bounds: a blank sheet has an Otsu
    threshold too, and it is an absolute floor that keeps its grain from becoming letters.
    """
    smooth = cv2.GaussianBlur(even, (3, 3), 0)
    counts = np.asarray(cv2.calcHist([smooth], [0], None, [256], [0, 256]), np.float64).reshape(-1)
    counts[255 - MIN_CONTRAST :] = 0
    if counts.sum() < 60:
        return None
    level = min(max((_otsu(counts) + 235) / 2, 110), 255 - MIN_CONTRAST - 15)
    _, mask = cv2.threshold(smooth, math.ceil(level) - 1, 255, cv2.THRESH_BINARY_INV)
    return np.asarray(mask, np.uint8) if cv2.countNonZero(mask) >= 60 else None


def _otsu(counts: NDArray[np.float64]) -> int:
    """The level up to which ``counts`` (256) are one class so that the classes differ most (Otsu 1979)."""
    below = np.cumsum(counts)
    above = below[-1] - below
    levels = np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * np.square(levels / below - (levels[-1] - levels) / above)
    return int(np.argmax(np.nan_to_num(apart, posinf=0.0)))


@dataclass(frozen=True, slots=True)
class Ruled:
    """Ink without its rules, and the rules alone; masks (H, W)."""

    ink: NDArray[np.uint8]
    rules: NDArray[np.uint8]


def take_out_rules(ink: NDArray[np.uint8]) -> Ruled:
    """Frames, table lines and column rules apart from the letters."""
    length = max(round(max(ink.shape) * RULE_SHARE), 60)
    across = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    down = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    rules = cv2.dilate(cv2.bitwise_or(across, down), np.ones((3, 3), np.uint8))
    rules = cv2.bitwise_and(rules, ink)
    return Ruled(np.asarray(cv2.subtract(ink, rules), np.uint8), np.asarray(rules, np.uint8))


def lies_sideways(ink: NDArray[np.uint8], unit: float) -> bool:
    """Whether lines of text run up and down, ``unit`` being the height of a letter.

    Letters that stand nearer than lines do are joined: what comes out are words, and words are longer than high.
    """
    small = cv2.resize(ink, (max(ink.shape[1] // 2, 1), max(ink.shape[0] // 2, 1)), interpolation=cv2.INTER_AREA)
    reach = max(round(unit * JOIN_UNITS / 2), 2)
    joined = cv2.morphologyEx(
        np.where(small > 60, 255, 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8)
    )
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    widths = 2 * stats[1:, cv2.CC_STAT_WIDTH].astype(np.float64)
    heights = 2 * stats[1:, cv2.CC_STAT_HEIGHT].astype(np.float64)
    longer = np.maximum(widths, heights)
    # Neither blots and pictures, nor slanting rules and the edge of a table, nor dots.
    is_word = (np.minimum(widths, heights) < 8 * unit) & (longer < LONGEST_WORD_UNITS * unit) & (longer > unit)
    upright, sideways = (float(np.square(sides[is_word]).sum()) for sides in (widths, heights))
    return sideways > SIDEWAYS_RATIO * upright


def skew_degrees(ink: NDArray[np.uint8]) -> float:
    """By how many degrees clockwise the lines fall, within ±12; 0 where nothing says.

    The angle at which the profile of rows is sharpest (Postl 1986), coarse then fine.
    """
    factor = max(ink.shape[1] / SKEW_WIDTH_PX, 1.0)
    size = (max(round(ink.shape[1] / factor), 1), max(round(ink.shape[0] / factor), 1))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    ys, xs = np.nonzero(small > 90)
    if ys.size < 50:
        return 0.0
    if ys.size > 40_000:
        step = ys.size // 40_000 + 1
        ys, xs = ys[::step], xs[::step]
    best = 0.0
    for reach, step_degrees in ((MAX_SKEW_DEGREES, 0.5), (0.5, 0.1)):
        angles = np.arange(best - reach, best + reach + step_degrees / 2, step_degrees)
        best = float(angles[int(np.argmax([_sharpness(xs, ys, angle) for angle in angles]))])
    return best if abs(best) <= MAX_SKEW_DEGREES else 0.0


def _sharpness(xs: NDArray[np.int64], ys: NDArray[np.int64], angle: float) -> float:
    rows = np.round(ys - xs * math.tan(math.radians(angle))).astype(np.int64)
    counts = np.bincount(rows - rows.min()).astype(np.float64)
    return float(np.square(np.diff(counts)).sum())


def turned(image: GreyImage, degrees: float) -> GreyImage:
    """``image`` turned anticlockwise by ``degrees`` about its centre, large enough to keep its corners, on white."""
    if abs(degrees) < 0.05:
        return image
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (math.ceil(width * cosine + height * sine), math.ceil(width * sine + height * cosine))
    matrix[:, 2] += [(size[0] - width) / 2, (size[1] - height) / 2]
    flat = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(255,))
    return np.asarray(flat, dtype=np.uint8)
