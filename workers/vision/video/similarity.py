"""Whether two small grey pictures show the same page, under hand shake, other light, and a hand over the page.

Brightness says nothing: under room light it moves more than ink does. Compared is the local contrast, block by block,
after the shift between the pictures is taken out. A hand hides ink; another page has other ink in the same places.
Only blocks with ink in *both* pictures can tell the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Detail = NDArray[np.float32]
Blocks = NDArray[np.bool_]

BLOCK: Final = 20
"""Pixels of a sample, 480 wide: about two lines of handwriting on a filmed notebook."""
_DETAIL_SIGMA: Final = 8.0
_INK: Final = 0.055
"""Standard deviation of the local contrast (natural logarithm of brightness) from which a block holds ink."""
_SAME_BLOCK: Final = 0.5
"""Same page >= .65, other page <= .49 (measured after alignment)."""
MAX_CHANGED: Final = 0.32
"""Share of the blocks with ink in both that may differ between two pictures of one page."""
MAX_LOST: Final = 0.6
"""Share of the first picture's ink that may be gone: a hand hides less."""
MIN_SHARED_BLOCKS: Final = 6
_MAX_SHIFT: Final = 0.15
"""Of the width. No hand shakes that far between two samples: such pictures have nothing in common."""
_SHIFTS: Final = ((1, 0), (-1, 0), (0, 1), (0, -1))


@dataclass(frozen=True, slots=True)
class Comparison:
    """``changed``: share of the blocks with ink in both that differ; ``lost``: of the first's ink that is not there."""

    changed: float
    lost: float
    shared_blocks: int

    @property
    def is_same_page(self) -> bool:
        if self.shared_blocks < MIN_SHARED_BLOCKS:
            return self.lost <= MAX_LOST
        return self.changed <= MAX_CHANGED and self.lost <= MAX_LOST


def detail_of(luma: Grey) -> Detail:
    """Local contrast: the logarithm of brightness less its neighbourhood's; light and exposure cancel out."""
    light = np.log(luma.astype(np.float32) + 8.0)
    return np.asarray(light - cv2.GaussianBlur(light, (0, 0), _DETAIL_SIGMA), dtype=np.float32)


def compare(first: Detail, second: Detail, *, window: Detail) -> Comparison:
    """How two pictures of one size differ. ``window``: :func:`window_for` their shape."""
    return compare_aligned(first, shifted_onto(first, second, window=window))


def shifted_onto(first: Detail, second: Detail, *, window: Detail) -> Detail:
    """``second`` moved by the shift that lays it on ``first``, found by phase correlation."""
    (dx, dy), _ = cv2.phaseCorrelate(first, second, window)
    if max(abs(dx), abs(dy)) > _MAX_SHIFT * first.shape[1]:
        return second
    matrix = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float32)
    size = (second.shape[1], second.shape[0])
    moved = cv2.warpAffine(second, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(moved, dtype=np.float32)


def compare_aligned(first: Detail, second: Detail) -> Comparison:
    """As :func:`compare`, for pictures that lie on each other but for a pixel."""
    ink_first, ink_second, is_same = match_blocks(first, second)
    both = ink_first & ink_second
    shared_blocks, ink_blocks = int(both.sum()), int(ink_first.sum())
    return Comparison(
        changed=float((both & ~is_same).sum()) / shared_blocks if shared_blocks else 0.0,
        lost=float((ink_first & ~(is_same & ink_second)).sum()) / ink_blocks if ink_blocks else 0.0,
        shared_blocks=shared_blocks,
    )


def match_blocks(first: Detail, second: Detail) -> tuple[Blocks, Blocks, Blocks]:
    """Per block: whether the first holds ink, whether the second does, and whether they look the same."""
    means_first, deviation_first = _statistics(first)
    means_second, deviation_second = _statistics(second)
    ink_first, ink_second = deviation_first > _INK, deviation_second > _INK
    shared = _means(first * second) - means_first * means_second
    is_same = shared >= _SAME_BLOCK * deviation_first * deviation_second
    if not (ink_first & ink_second & ~is_same).any():
        return ink_first, ink_second, is_same  # no need to look beside
    for dx, dy in _SHIFTS:
        moved = np.roll(second, (dy, dx), axis=(0, 1))
        means, deviation = _statistics(moved)
        shared = _means(first * moved) - means_first * means
        is_same |= shared >= _SAME_BLOCK * deviation_first * deviation
    return ink_first, ink_second, is_same


def ink_share(detail: Detail) -> float:
    """Share of the blocks that hold ink."""
    return float((_deviation(detail) > _INK).mean())


def window_for(shape: tuple[int, ...]) -> Detail:
    """Hann's window for ``phaseCorrelate``."""
    return np.asarray(cv2.createHanningWindow((shape[1], shape[0]), cv2.CV_32F), dtype=np.float32)


def _means(values: Detail) -> Detail:
    rows, columns = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    whole = values[: rows * BLOCK, : columns * BLOCK]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _deviation(values: Detail) -> Detail:
    return _statistics(values)[1]


def _statistics(values: Detail) -> tuple[Detail, Detail]:
    """Mean and standard deviation of each block."""
    means = _means(values)
    return means, np.asarray(np.sqrt(np.maximum(_means(values * values) - means * means, 0)), dtype=np.float32)
