"""Whether two small grey pictures show the same page, under hand shake, other light, and a hand over the page.

Brightness says nothing: under room light it moves more than ink does. Compared is the local contrast, block by block,
after the shift between the pictures is taken out. A hand hides ink; another page has other ink in the same places.
Only blocks with ink in *both* pictures can tell the two apart. The edges of the picture count less and less: a page
is filmed in the middle, and round it lies a desk that stays when the page is turned.

Almost every comparison is of two moments of one page, so the cheap look comes first: as they lie, then shifted by what
half the size tells, then by what the whole tells, which is what a shaken hand needs (five films, seed 1: of one page
.12 differs at the 90th percentile, of two pages .37 at least). Each look keeps its statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Detail = NDArray[np.float32]
Blocks = NDArray[np.bool_]

BLOCK: Final = 20
"""Pixels of a sample, 480 on its long side: about two lines of handwriting on a filmed notebook."""
_DETAIL_SIGMA: Final = 8.0
_LIGHT_SHRINK: Final = 4
"""The neighbourhood's brightness is blurred at a quarter of the size: the same to 0.01, at a tenth of the time."""
_INK: Final = 0.055
"""Standard deviation of the local contrast (natural logarithm of brightness) from which a block holds ink."""
_SAME_BLOCK: Final = 0.5
"""Same page >= .65, other page <= .49 (measured after alignment)."""
MAX_CHANGED: Final = 0.32
"""Share of the blocks with ink in both that may differ between two pictures of one page."""
MAX_LOST: Final = 0.6
"""Share of the first picture's ink that may be gone: a hand hides less."""
MAX_GAINED: Final = 0.7
"""Share of the second picture's ink that may be new: more is no line added, the first was next to empty."""
MIN_SHARED_BLOCKS: Final = 6
_CLEAR_CHANGED: Final = 0.08
_CLEAR_LOST: Final = 0.15
"""Up to here looking closer could only find the two more alike."""
_HOPELESS_CHANGED: Final = 0.85
"""From here a pixel to the side makes no other page the same."""
_MAX_SHIFT: Final = 0.15
"""Of the width. No hand shakes that far between two samples: such pictures have nothing in common."""
_STILL_PIXELS: Final = 0.12
_SHIFTS: Final = ((1, 0), (-1, 0), (0, 1), (0, -1))

_LOGARITHM: Final = np.log(np.arange(256, dtype=np.float32) + 8.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a second picture differs from a first.

    ``changed``: share of the blocks with ink in both that differ; ``lost``: of the first's ink that is not in the
    second; ``gained``: of the second's that is not in the first. ``agrees``: blocks where the first's ink is there.
    """

    changed: float
    lost: float
    gained: float
    shared_blocks: int
    agrees: Blocks

    @property
    def is_same_page(self) -> bool:
        """The first is still there, whatever has been added: a slide that is built up, a page that is written on."""
        return self.lost <= MAX_LOST and (self.shared_blocks < MIN_SHARED_BLOCKS or self.changed <= MAX_CHANGED)

    @property
    def is_same_sheet(self) -> bool:
        """As ``is_same_page``, for moments far apart: an empty page is not the page that is shown later."""
        return self.is_same_page and self.gained <= MAX_GAINED

    @property
    def is_clear(self) -> bool:
        """One page beyond doubt."""
        return self.is_same_page and self.changed <= _CLEAR_CHANGED and self.lost <= _CLEAR_LOST


class Look:
    """A small grey picture with what comparisons need of it: ``detail`` fades towards the edges."""

    __slots__ = ("detail", "deviations", "half", "ink", "means")

    def __init__(self, detail: Detail) -> None:
        self.detail = detail
        half = cv2.resize(detail, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        self.half: Detail = np.asarray(half, dtype=np.float32)
        self.means, self.deviations = _statistics(detail)
        self.ink: Blocks = self.deviations > _INK

    @classmethod
    def of(cls, luma: Grey) -> Look:
        detail = detail_of(luma)
        return cls(np.asarray(cv2.multiply(detail, _fading(detail.shape)), dtype=np.float32))


def detail_of(luma: Grey) -> Detail:
    """Local contrast: the logarithm of brightness less its neighbourhood's; light and exposure cancel out."""
    light = cv2.LUT(luma, _LOGARITHM)
    height, width = light.shape
    small = (max(width // _LIGHT_SHRINK, 1), max(height // _LIGHT_SHRINK, 1))
    blurred = cv2.GaussianBlur(
        cv2.resize(light, small, interpolation=cv2.INTER_AREA), (0, 0), _DETAIL_SIGMA / _LIGHT_SHRINK
    )
    return np.asarray(
        cv2.subtract(light, cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)), dtype=np.float32
    )


def compare(first: Look, second: Look) -> Comparison:
    """How two pictures of one size differ."""
    found = _compare_once(first, second.detail, second.means, second.deviations)
    if found.is_clear:
        return found
    found = compare_aligned(first, _shifted(second, _shift_between(first.half, second.half, scale=2)))
    if found.is_clear:
        return found
    return compare_aligned(first, _shifted(second, _shift_between(first.detail, second.detail, scale=1)))


def _shift_between(first: Detail, second: Detail, *, scale: int) -> tuple[float, float]:
    """By phase correlation, times ``scale``; none where it is further than a hand shakes."""
    # It is given no window, which it would write into its arguments; they are faded as they are.
    (dx, dy), _ = cv2.phaseCorrelate(first, second)
    is_far = max(abs(dx), abs(dy)) > _MAX_SHIFT * first.shape[1]
    return (0.0, 0.0) if is_far else (scale * dx, scale * dy)


def _shifted(look: Look, shift: tuple[float, float]) -> Detail:
    if max(map(abs, shift)) <= _STILL_PIXELS:
        return look.detail
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], dtype=np.float32)
    size = (look.detail.shape[1], look.detail.shape[0])
    moved = cv2.warpAffine(look.detail, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(moved, dtype=np.float32)


def compare_aligned(first: Look, second: Detail) -> Comparison:
    """As :func:`compare`, for a second picture that lies on the first but for a pixel."""
    means, deviations = _statistics(second)
    found = _compare_once(first, second, means, deviations)
    if found.is_clear or found.changed >= _HOPELESS_CHANGED:
        return found
    is_same = _is_same(first, second, means, deviations)
    ink = deviations > _INK
    for dx, dy in _SHIFTS:
        moved = np.roll(second, (dy, dx), axis=(0, 1))
        is_same |= _is_same(first, moved, *_statistics(moved))
    return _judge(first.ink, ink, is_same)


def ink_share(look: Look) -> float:
    """Share of the blocks that hold ink."""
    return float(look.ink.mean())


def _compare_once(first: Look, second: Detail, means: Detail, deviations: Detail) -> Comparison:
    return _judge(first.ink, deviations > _INK, _is_same(first, second, means, deviations))


def _is_same(first: Look, second: Detail, means: Detail, deviations: Detail) -> Blocks:
    """Per block whether the two correlate."""
    shared = _means(cv2.multiply(first.detail, second)) - first.means * means
    return np.asarray(shared >= _SAME_BLOCK * first.deviations * deviations)


def _judge(ink_first: Blocks, ink_second: Blocks, is_same: Blocks) -> Comparison:
    both = ink_first & ink_second
    agrees = both & is_same
    shared_blocks, agreeing = int(both.sum()), int(agrees.sum())
    ink_blocks, other_ink_blocks = int(ink_first.sum()), int(ink_second.sum())
    return Comparison(
        changed=(shared_blocks - agreeing) / shared_blocks if shared_blocks else 0.0,
        lost=(ink_blocks - agreeing) / ink_blocks if ink_blocks else 0.0,
        gained=(other_ink_blocks - agreeing) / other_ink_blocks if other_ink_blocks else 0.0,
        shared_blocks=shared_blocks,
        agrees=agrees,
    )


@lru_cache(maxsize=4)
def _fading(shape: tuple[int, int]) -> Detail:
    """Hann's window, squared."""
    window = cv2.createHanningWindow((shape[1], shape[0]), cv2.CV_32F)
    return np.asarray(cv2.multiply(window, window), dtype=np.float32)


def _means(values: NDArray[np.float32] | cv2.typing.MatLike) -> Detail:
    rows, columns = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    whole = values[: rows * BLOCK, : columns * BLOCK]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _statistics(values: Detail) -> tuple[Detail, Detail]:
    """Mean and standard deviation of each block."""
    means = _means(values)
    squares = _means(cv2.multiply(values, values))
    return means, np.asarray(np.sqrt(np.maximum(squares - means * means, 0)), dtype=np.float32)
